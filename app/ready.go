package app

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/watch"
)

// Sources is one status for each source, however many profiles it has.
func (g *generation) Sources() []omen.SourceStatus {
	var all []omen.SourceStatus
	silences := g.manager.Health().Silences
	for rest := g.watches; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].source == rest[0].source {
			n++
		}
		profiles := map[string]omen.SourceStatus{}
		for _, w := range rest[:n] {
			profiles[w.schema.Profile()] = w.Status()
		}
		s := joined(profiles)
		if silence, ok := silences[s.Name]; ok {
			s = mostly(s, silence)
		}
		all, rest = append(all, s), rest[n:]
	}
	return all
}

// mostly is the status of a source that answers, and most of whose hosts send nothing:
// what an incident says, its state says as well.
func mostly(s omen.SourceStatus, silence incident.Silence) omen.SourceStatus {
	if s.State != omen.SourceUp && s.State != omen.SourcePartial {
		return s
	}
	if s.State == omen.SourceUp {
		s.State, s.Since = omen.SourcePartial, silence.Since
	}
	text := fmt.Sprintf("%d of %d hosts send nothing", silence.Hosts, silence.Of)
	s.SilentHosts, s.Err = silence.Hosts, strings.TrimSuffix(text+"; "+s.Err, "; ")
	return s
}

var severity = []omen.SourceState{omen.SourceUp, omen.SourcePartial, omen.SourceDown, omen.SourceStarting}

// joined is the status of a source by those of its profiles: the worst, with what
// all of them know. A source is down when nothing of any profile is seen; while
// something is, it is partial, and says of which profile nothing is.
func joined(profiles map[string]omen.SourceStatus) omen.SourceStatus {
	names := slices.Sorted(maps.Keys(profiles))
	worst := profiles[slices.MaxFunc(names, func(a, b string) int {
		x, y := profiles[a], profiles[b]
		return cmp.Or(cmp.Compare(slices.Index(severity, x.State), slices.Index(severity, y.State)), x.Since.Compare(y.Since))
	})]
	failed, left, blind, refused, late := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	hosts, refusedHosts, lateHosts, note := 0, 0, 0, ""
	var since time.Time // when the first of them went blind
	for _, name := range names {
		s := profiles[name]
		maps.Copy(failed, s.FailedFeatures)
		maps.Copy(left, s.LeftOut)
		maps.Copy(refused, s.Refused)
		maps.Copy(late, s.Late)
		note = cmp.Or(note, s.Note)
		hosts, refusedHosts, lateHosts = hosts+s.Hosts, refusedHosts+s.RefusedHosts, lateHosts+s.LateHosts
		worst.ReadSeconds, worst.LastRead = max(worst.ReadSeconds, s.ReadSeconds), omen.Later(worst.LastRead, s.LastRead)
		if s.State == omen.SourceDown {
			blind[name] = s.Err
			if since.IsZero() || s.Since.Before(since) {
				since = s.Since
			}
		}
	}
	if len(blind) == len(names) {
		blind = nil // the source is down
	}
	if len(blind) > 0 && worst.State == omen.SourceDown {
		var why []string
		for _, name := range slices.Sorted(maps.Keys(blind)) {
			why = append(why, "profile "+name+": "+blind[name])
		}
		worst.State, worst.Since, worst.Err = omen.SourcePartial, since, strings.Join(why, "; ")
	}
	worst.FailedFeatures, worst.LeftOut, worst.Blind, worst.Hosts, worst.Note = failed, left, blind, hosts, note
	worst.Refused, worst.RefusedHosts, worst.Late, worst.LateHosts = refused, refusedHosts, late, lateHosts
	return worst
}

// blind is how long a source may be down before Omen is not ready.
const blind = 30 * time.Second

// Ready is nil while Omen does what it is for: what it stores lasts; every source
// was read and is not down; the models of before the start are loaded; and of the
// hosts that have a model, those that send something are scored. Hosts that are
// silent, learn, or belong to one of several profiles, are no reason: they have
// incidents of their own. docs/health.md has the definition for people.
func (g *generation) Ready() error {
	if err := g.p.storage.problem(); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	now := time.Now()
	if err := waiting(g.Sources(), now); err != nil {
		return err
	}
	beats := make([]beat, len(g.watches))
	for i, w := range g.watches {
		s := w.Status()
		beats[i] = beat{w.source, s.State == omen.SourceUp || s.State == omen.SourcePartial, w.step, w.Relives(), w.Pulse()}
	}
	return stalled(beats, now)
}

// waiting says which source keeps Omen from being ready.
func waiting(sources []omen.SourceStatus, now time.Time) error {
	for _, s := range sources {
		switch {
		case s.State == omen.SourceStarting:
			return fmt.Errorf("source %s is starting", s.Name)
		case s.State == omen.SourceDown && (s.LastRead.IsZero() || now.Sub(s.Since) > blind):
			return fmt.Errorf("source %s is down since %s: %s", s.Name, s.Since.UTC().Format(time.RFC3339), s.Err)
		}
	}
	return nil
}

// beat is what a watch says of itself.
type beat struct {
	source  string
	up      bool // it says that its source answers
	step    time.Duration
	relives time.Time // see [watch.Watch.Relives]
	watch.Pulse
}

// stalled reports a watch that has not loaded its models, or stands still although
// its source answers, or that nothing at all was scored for some steps although
// hosts that have models sent samples. That one source of several is down is not
// it: the others are scored.
func stalled(beats []beat, now time.Time) error {
	models, late := 0, 0
	var last time.Time
	for _, b := range beats {
		bound := max(lateSteps*b.step, time.Minute)
		switch {
		case !b.relives.IsZero():
			return fmt.Errorf("the clock was set back: no host of source %s is judged until %s", b.source, b.relives.UTC().Format(time.RFC3339))
		case b.up && !b.Loaded:
			return fmt.Errorf("the models of source %s from before the start are not loaded yet", b.source)
		case b.up && now.Sub(b.Read) > bound:
			return fmt.Errorf("source %s answers, but nothing was read since %s", b.source, b.Read.Format(time.RFC3339))
		case b.Models == 0:
			continue
		}
		models++
		if now.Sub(b.Scored) > bound {
			late++
		}
		last = omen.Later(last, b.Scored)
	}
	if models > 0 && late == models {
		return fmt.Errorf("nothing was scored since %s", last.Format(time.RFC3339))
	}
	return nil
}

// lateSteps is after how many steps without a score something is wrong; a slow
// read is caught up sooner.
const lateSteps = 4
