package incident

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// TestScenarios plays ../testdata/scenarios/*.txt in virtual time; the folder's
// README.md has the grammar.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text := must.Get(os.ReadFile(file))(t)
			script, want, ok := strings.Cut(string(text), "\n---\n")
			if !ok {
				t.Fatal("no line --- between what goes in and what comes out")
			}
			got := play(t, script)
			if diff := gocmp.Diff(lines(want), lines(got)); diff != "" {
				t.Errorf("changes (-expected +made):\n%s\nall that was made:\n%s", diff, got)
			}
		})
	}
}

// lines are a text's lines without comments and empty ones.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// scenario is a script that is being played.
type scenario struct {
	start    time.Time
	step     time.Duration
	length   time.Duration
	source   string
	hosts    []omen.Host
	labels   LabelMap
	phases   []phase
	rules    Rules
	acts     []act
	notified bool // list only what people are notified of
	say      bool // and in which words
	nights   bool // what comes on three nights is expected, as the manager has it
	page     float64
	smooth   bool                  // the scripts' scores are smoothed, as detect does it
	level    map[omen.Host]float64 // the smoothed scores
	tracker  *Tracker
	changes  []omen.Change
}

// phase is what some hosts do for a while, once or again and again.
type phase struct {
	hosts    map[string]int // name -> position, for stagger
	from, to time.Duration
	every    time.Duration
	until    time.Duration
	stagger  time.Duration
	lo, hi   float64
	cause    string
	up       bool
	inside   bool
	trivial  bool
	violent  bool
	grade    omen.Grade
	model    string
	silent   bool
	down     string
	gap, off bool
}

func play(t *testing.T, script string) string {
	t.Helper()
	s := &scenario{start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), step: 15 * time.Second,
		length: time.Hour, source: "prod", labels: LabelMap{}, level: map[omen.Host]float64{}}
	s.rules.Role = "role"
	for _, line := range lines(script) {
		if err := s.read(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	s.tracker = NewTracker(Hysteresis{}, s.labels)
	for at := time.Duration(0); at <= s.length; at += s.step {
		s.act(t, at)
		s.setRules(t, s.start.Add(at))
		s.tick(at)
	}
	return s.report()
}

// tick feeds one round of scores.
func (s *scenario) tick(at time.Duration) {
	k := omen.Tick{Source: s.source, At: s.start.Add(at)}
	for _, p := range s.phases {
		at := p.fold(at)
		if p.off && at >= p.from && at < p.to {
			return
		}
		if p.gap && at >= p.from && at < p.to {
			s.changes = append(s.changes, s.tracker.Idle(k.At)...)
			return
		}
		if p.down != "" && at >= p.from && at < p.to {
			k.Err = p.down
		}
	}
	for _, h := range s.hosts {
		if k.Err != "" {
			break
		}
		score := omen.Score{Host: h, At: k.At, Value: .3, Unsmoothed: .3, Grade: omen.Established, Model: "m1"}
		silent := false
		for _, p := range s.phases {
			if place, ok := p.hosts[h.Name]; ok {
				p.shape(&score, &silent, place, at-time.Duration(place)*p.stagger)
			}
		}
		if score.PageLevel = s.page; s.smooth {
			s.level[h] += (score.Unsmoothed - s.level[h]) / 3
			score.Value = s.level[h]
		}
		if silent {
			k.Silent = append(k.Silent, h)
		} else {
			k.Scores = append(k.Scores, score)
		}
	}
	made := s.tracker.Tick(k)
	s.changes = append(s.changes, made...)
	if s.nights {
		s.expect(made)
	}
}

// fold is the time within the first round, for a phase that comes again.
func (p phase) fold(at time.Duration) time.Duration {
	if p.every > 0 && at >= p.from && at < p.until {
		return p.from + (at-p.from)%p.every
	}
	return at
}

// shape makes a score what the phase says, if the phase is on.
func (p phase) shape(s *omen.Score, silent *bool, place int, at time.Duration) {
	at = p.fold(at)
	if at < p.from || at >= p.to {
		return
	}
	*silent = p.silent
	if p.grade != "" {
		s.Grade = p.grade
	}
	if p.model != "" {
		s.Model = p.model
	}
	if p.cause == "" {
		return
	}
	part := float64(at-p.from) / float64(max(1, p.to-p.from))
	s.Value = p.lo + part*(p.hi-p.lo)
	s.Unsmoothed = s.Value
	c := omen.Cause{Feature: strings.ReplaceAll(p.cause, "*", strconv.Itoa(place)), Unit: omen.Ratio, Share: 1, Actual: .9, Expected: .3, Lower: .2, Upper: .4, Smallest: .25, Trivial: p.trivial}
	switch {
	case p.inside:
		c.Actual = .35
	case !p.up:
		c.Actual = .01
	}
	if p.violent {
		c.Smallest = .05
	}
	s.Causes = []omen.Cause{c}
}

// report writes changes one a line; more than three alike become one line.
func (s *scenario) report() string {
	type alike struct{ when, kind, of, rest string }
	counts := map[alike]int{}
	key := func(c omen.Change) alike {
		d := c.At.Sub(s.start)
		a := alike{when: fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60),
			kind: string(c.Kind), of: string(c.Incident.Kind), rest: string(c.Incident.Severity) + " " + c.Reason}
		if c.Incident.Suppressed != "" && c.Incident.Suppressed != c.Reason {
			a.rest += " quiet: " + c.Incident.Suppressed
		} else if c.Incident.Suppressed != "" {
			a.rest += " quiet"
		}
		return a
	}
	for _, c := range s.changes {
		counts[key(c)]++
	}
	var out []string
	quiet := map[omen.ChangeKind]int{}
	for _, c := range s.changes {
		a := key(c)
		if s.notified && (c.Incident.Suppressed != "" || c.Kind == omen.ChangeUpdated) {
			quiet[c.Kind]++
			continue
		}
		subject := c.Incident.Host.Name
		switch {
		case c.Incident.Kind == omen.FleetIncident:
			subject = fmt.Sprintf("of %d, %s first,", len(c.Incident.Members), subject)
		case c.Incident.Kind != omen.HostIncident:
			subject = c.Incident.Host.Source
		case counts[a] > 3:
			subject = fmt.Sprintf("x%d", counts[a])
		}
		line := strings.Join([]string{a.when, a.kind, a.of, subject, a.rest}, " ")
		if c.By != "omen" {
			line += " by " + c.By
		}
		if s.say && c.Incident.Suppressed == "" && c.Incident.Summary != "" && c.Kind != omen.ChangeClosed {
			line += ": " + c.Incident.Summary
		}
		if !slices.Contains(out[max(0, len(out)-20):], line) {
			out = append(out, line)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(quiet)) {
		out = append(out, fmt.Sprintf("recorded: %d %s", quiet[kind], kind))
	}
	return strings.Join(out, "\n")
}

// read takes in one line of a script.
func (s *scenario) read(line string) (err error) {
	words := strings.Fields(line)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	switch words[0] {
	case "start":
		s.start = parsed(time.Parse(time.RFC3339, words[1]))
	case "step":
		s.step = span(words[1])
	case "length":
		s.length = span(words[1])
	case "hosts":
		for _, name := range names(words[1]) {
			h := omen.Host{Source: s.source, Profile: "node", Name: name}
			s.hosts = append(s.hosts, h)
			s.labels[h] = map[string]string{}
			for _, l := range words[2:] {
				k, v, _ := strings.Cut(l, "=")
				s.labels[h][k] = v
			}
		}
	case "notified":
		s.notified = true
	case "say":
		s.say = true
	case "nights":
		s.nights = true
	case "smoothed":
		s.smooth = true
	case "page":
		s.page = parsed(strconv.ParseFloat(words[1], 64))
	case "silence", "window", "event":
		s.rule(words)
	case "at":
		s.at(words)
	default:
		return fmt.Errorf("no such word")
	}
	return nil
}

// rule reads one of: silence FROM..TO MATCHER… | window NAME ZONE START LENGTH
// RULE MATCHER… | event KIND AT MATCHER… (several matchers may follow).
func (s *scenario) rule(words []string) {
	switch words[0] {
	case "silence":
		from, to, _ := strings.Cut(words[1], "..")
		s.rules.Silences = append(s.rules.Silences, mute.Silence{ID: words[1], By: "ann", Reason: "a test",
			From: s.start.Add(span(from)), Until: s.start.Add(span(to)), Match: matchers(words[2:])})
	case "window":
		w := mute.Window{ID: words[1], Name: words[1], Zone: words[2], Start: words[3], Duration: span(words[4]),
			Rule: words[5], Match: matchers(words[6:])}
		if w.Rule == "once" {
			w.Rule = ""
		}
		s.rules.Windows = append(s.rules.Windows, w)
	case "event":
		s.rules.Events = append(s.rules.Events, mute.Event{ID: fmt.Sprint(len(s.rules.Events)), Kind: mute.EventKind(words[1]),
			At: s.start.Add(span(words[2])), Match: matchers(words[3:])})
	}
}

// at reads what [scenario.act] does, or: at FROM..TO [every D until D] [stagger D] HOSTS score X[..Y] CAUSE
// up|down [trivial] [GRADE], or … HOSTS silent, or at FROM..TO down WHY, or at
// FROM..TO no ticks.
func (s *scenario) at(words []string) {
	p := phase{hosts: map[string]int{}, lo: .3, hi: .3}
	from, to, _ := strings.Cut(words[1], "..")
	p.from = span(from)
	if to != "" {
		p.to = span(to)
	}
	for rest := words[2:]; len(rest) > 0; rest = rest[1:] {
		next := func() string { rest = rest[1:]; return rest[0] }
		switch rest[0] {
		case "every":
			p.every = span(next())
		case "until":
			p.until = span(next())
		case "stagger":
			p.stagger = span(next())
		case "score":
			lo, hi, ok := strings.Cut(next(), "..")
			p.lo = parsed(strconv.ParseFloat(lo, 64))
			if p.hi = p.lo; ok {
				p.hi = parsed(strconv.ParseFloat(hi, 64))
			}
			p.cause = next()
			way := next()
			p.up, p.inside = way == "up", way == "inside"
		case "trivial":
			p.trivial = true
		case "violent":
			p.violent = true
		case "provisional", "learning", "established":
			p.grade = omen.Grade(rest[0])
		case "model":
			p.model = next()
		case "silent":
			p.silent = true
		case "down":
			p.down = next()
		case "no":
			p.gap = next() == "ticks"
		case "stopped":
			p.off = true
		case "verdict", "ack", "close", "restart", "revert", "lift":
			s.acts = append(s.acts, act{p.from, rest})
			return
		default:
			for i, name := range names(rest[0]) {
				if !slices.ContainsFunc(s.hosts, func(h omen.Host) bool { return h.Name == name }) {
					panic(name + " is neither a word nor a host")
				}
				p.hosts[name] = i
			}
		}
	}
	s.phases = append(s.phases, p)
}

// parsed is a value of a script, which its author wrote well.
func parsed[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func span(text string) time.Duration { return parsed(time.ParseDuration(text)) }

// names expands web-1..50 to its hosts.
func names(text string) (all []string) {
	first, last, ok := strings.Cut(text, "..")
	if !ok {
		return []string{text}
	}
	cut := strings.LastIndexFunc(first, func(r rune) bool { return r < '0' || r > '9' }) + 1
	for n := parsed(strconv.Atoi(first[cut:])); n <= parsed(strconv.Atoi(last)); n++ {
		all = append(all, first[:cut]+strconv.Itoa(n))
	}
	return all
}

func matchers(words []string) (all []mute.Matcher) {
	for _, w := range words {
		all = append(all, parsed(mute.ParseMatcher(w)))
	}
	return all
}
