// Package event finds, in metrics, what happens to machines: boots, restarts of
// programs and deploys of new versions. The key type is [Detector]: samples and
// answers to [Programs.Ask] go in, and events come out, the same on many
// machines as one.
//
// It keeps nothing but what it must remember to tell news from what was there:
// the owner of a Detector reads the source and stores the events. It decides
// nothing about incidents.
package event

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/series"
)

const (
	bootSlack  = 10 * time.Second // an uptime that falls by less has been rounded
	bootRecent = 10 * time.Minute // a host that is first seen and up for less has just booted
	sameEvent  = 90 * time.Second // what is noted of the same kind and hosts this close is the same
	loopSpan   = time.Hour        // within which…
	loopCount  = 3                // …so many events of a kind on one machine open a grace window
	loopsKept  = 400              // machines and kinds beyond which the old are forgotten
)

// Uptime is what a host last said of how long it has been up.
type Uptime struct {
	up     time.Duration // at the last sample that said so; 0: unknown
	booted time.Time     // when it did
}

// Host is a host whose events are looked for. Its Uptime is kept for it from
// sample to sample.
type Host struct {
	ID     omen.Host
	Labels map[string]string // as last read
	Uptime *Uptime
}

// Happening is an event of one machine, not merged with its like yet.
type Happening struct {
	kind  mute.EventKind
	at    time.Time
	title string
	label string // that names the machine: instance, or host where hosts have no such label
	value string // the machine: its instance without the port, or the host's name
	host  Host
}

// Merged is one event of all machines on which it happened.
type Merged struct {
	mute.Event
	Machines int
}

// Detector finds the events of one source's hosts under one profile. It is not
// safe for concurrent use.
type Detector struct {
	source   string
	schema   *feature.Schema
	happened []Happening
	often    map[string][]time.Time // when what happened to which machine, of the last hour
}

// New is a detector for a source that has seen nothing.
func New(source string, schema *feature.Schema) *Detector {
	return &Detector{source: source, schema: schema, often: map[string][]time.Time{}}
}

// machine is a host's name for machines: its instance label without the port,
// so that what several programs on it say is of one.
func machine(instance string) string {
	if i := strings.LastIndexByte(instance, ':'); i > 0 && !strings.Contains(instance[i:], "]") {
		return instance[:i]
	}
	return instance
}

func (d *Detector) add(h Host, kind mute.EventKind, at time.Time, title string) {
	one := Happening{kind: kind, at: at, title: title, label: "host", value: h.ID.Name, host: h}
	if instance := h.Labels["instance"]; instance != "" {
		one.label, one.value = "instance", machine(instance)
	}
	d.happened = append(d.happened, one)
}

// Boot takes in a host's row of a frame at an instant, and reports whether it
// has booted since it was last seen, or shortly before it was first seen.
func (d *Detector) Boot(h Host, f *series.Frame, row int, at time.Time) bool {
	if row < 0 {
		return false
	}
	up, ok := d.schema.Uptime(f, row, instant(f, at))
	if !ok || up > 1e8*time.Second { // what stands in for an unknown boot time
		return false
	}
	u := h.Uptime
	booted := u.up > 0 && up < u.up-bootSlack || u.up == 0 && up < bootRecent
	u.up, u.booted = up, at.Add(-up)
	if booted {
		d.add(h, mute.EventBoot, u.booted, "booted")
	}
	return booted
}

// instant is the index of a frame's instant.
func instant(f *series.Frame, at time.Time) int {
	if f.Step <= 0 || f.Instants <= 1 {
		return 0
	}
	return min(max(0, int(at.Sub(f.Start)/f.Step)), f.Instants-1)
}

// Programs takes in what programs did. What belongs to none of hosts, which are
// in the order of their names, or to a host's boot, is left out.
func (d *Detector) Programs(found []Change, hosts []Host) {
	on := map[string]Host{}
	for _, h := range hosts {
		on[machine(cmp.Or(h.Labels["instance"], h.ID.Name))] = h
	}
	for _, c := range found {
		h, ok := on[machine(c.instance)]
		if !ok || c.kind == mute.EventRestart && !c.at.Before(h.Uptime.booted) && c.at.Sub(h.Uptime.booted) < bootSpan {
			continue
		}
		d.add(h, c.kind, c.at, c.title)
	}
}

// Take hands over what happened since the last call.
func (d *Detector) Take() []Happening {
	all := d.happened
	d.happened = nil
	return all
}

// Span is within which time an event would have been noted that is the same as
// any of what happened.
func Span(all []Happening) (from, to time.Time) {
	for i, one := range all {
		if begin := one.at.Add(-sameEvent - lookBack); i == 0 || begin.Before(from) {
			from = begin
		}
		if end := one.at.Add(sameEvent); end.After(to) {
			to = end
		}
	}
	return from, to
}

// Events are the events of what happened, but for those that noted has already:
// what happened alike on many machines as one.
func (d *Detector) Events(all []Happening, noted []mute.Event) []Merged {
	together := map[string][]Happening{}
	var order []string
	for _, one := range all {
		if one = d.loops(one); one.kind == "" || one.among(noted) {
			continue
		}
		key := string(one.kind) + "\x00" + one.label + "\x00" + one.title
		if together[key] == nil {
			order = append(order, key)
		}
		together[key] = append(together[key], one)
	}
	var events []Merged
	for _, key := range order {
		events = append(events, d.merge(together[key]))
	}
	return events
}

// loops lets no more than a few events of a kind and machine open a grace
// window within an hour: what crashes again and again must not keep its
// machine's incidents suppressed. The next is a note, and those after it
// nothing.
func (d *Detector) loops(one Happening) Happening {
	key := string(one.kind) + "/" + one.value
	times := slices.DeleteFunc(d.often[key], func(t time.Time) bool { return one.at.Sub(t) > loopSpan })
	d.often[key] = append(times, one.at)
	switch {
	case len(times) == loopCount:
		one.kind, one.title = mute.EventNote, one.title+", again and again: no grace"
	case len(times) > loopCount:
		one.kind = ""
	}
	if len(d.often) > loopsKept {
		for k, t := range d.often {
			if one.at.Sub(t[len(t)-1]) > loopSpan {
				delete(d.often, k)
			}
		}
	}
	return one
}

// among reports whether the same was noted before, by another profile's watch
// or before a restart of Omen. When a deploy was is known only roughly.
func (one *Happening) among(noted []mute.Event) bool {
	from, to := one.at.Add(-sameEvent), one.at.Add(sameEvent)
	if one.kind == mute.EventDeploy {
		from = from.Add(-lookBack)
	}
	return slices.ContainsFunc(noted, func(e mute.Event) bool {
		if e.Kind != one.kind || e.Title != one.title || e.At.Before(from) || !e.At.Before(to) {
			return false
		}
		holds, err := mute.Compile(e.Match)
		return err == nil && holds(mute.HostValue(one.host.ID, one.host.Labels))
	})
}

// merge is one event of happenings of the same kind and title.
func (d *Detector) merge(all []Happening) Merged {
	first := all[0]
	values := make([]string, len(all))
	for i, one := range all {
		values[i] = regexp.QuoteMeta(one.value)
		if one.at.Before(first.at) {
			first.at = one.at
		}
	}
	slices.Sort(values)
	match := strings.Join(slices.Compact(values), "|")
	if first.label == "instance" {
		match = "(" + match + ")(:[0-9]+)?"
	}
	sum := fnv.New64a()
	_, _ = fmt.Fprintf(sum, "%s %s %s %d", d.source, first.title, match, first.at.Unix())
	return Merged{mute.Event{
		ID: fmt.Sprintf("%s-%s-%x", first.kind, first.at.UTC().Format("20060102T150405"), sum.Sum64()), Kind: first.kind,
		At: first.at.UTC(), Title: first.title, By: "omen", Match: []mute.Matcher{
			{Name: "source", Value: d.source, IsEqual: true},
			{Name: first.label, Value: match, IsRegex: true, IsEqual: true},
		},
	}, len(all)}
}
