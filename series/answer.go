package series

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// Answer collects what came back for one feature, host by host. It is made by
// a [Reader] and filled by an [Evaluator].
type Answer struct {
	by          []string
	start, step int64 // milliseconds
	instants    int
	strict      bool // labels are counted
	anonymous   bool // series without identifying labels count as the host ""

	only    map[string]bool // hosts that count; nil: all
	hosts   map[string]*HostValues
	fresh   []string       // hosts that came since [Answer.mark]
	series  int            // of the last evaluation
	samples int            // usable ones
	named   bool           // a series carries identifying labels
	unnamed int            // series that carry none of them
	example string         // the first of those
	outside int            // samples at other instants than asked for
	doubled map[string]int // host -> instants at which several series said different things
	notes   []string       // the source's own warnings
}

// HostValues is one host's part of an answer.
type HostValues struct {
	answer *Answer
	host   string
	values []float64
	labels map[string]string
	tally  *tally // of a strict query
}

// conflict marks a label that differs between the series of one host.
const conflict = "\x00"

// maxLabels bounds the labels that a frame keeps of a host, those that identify
// it and the first by name: targets that carry all labels of their Kubernetes node
// have some forty.
const maxLabels = 128

func newAnswer(q Query, only map[string]bool) *Answer {
	return &Answer{
		by: q.By, start: q.Start.UnixMilli(), step: q.Step.Milliseconds(), instants: q.instants(),
		strict: q.Strict, only: only, hosts: map[string]*HostValues{}, doubled: map[string]int{},
	}
}

// time is when an instant is.
func (a *Answer) time(instant int) time.Time {
	return time.UnixMilli(a.start + int64(instant)*a.step).UTC()
}

// Series is the place for one series' samples, nil if its labels name no host,
// which is counted, or one that was not asked for: [HostValues.Put] then drops
// the samples.
func (a *Answer) Series(labels map[string]string) *HostValues {
	a.series++
	host, named := hostName(labels, a.by)
	if !named && !a.anonymous {
		if a.unnamed++; a.unnamed == 1 {
			a.example = describe(labels)
		}
		return nil
	}
	a.named = true
	if a.only != nil && !a.only[host] {
		return nil
	}
	t := a.hosts[host]
	if t == nil {
		t = &HostValues{answer: a, host: host, values: make([]float64, a.instants), labels: map[string]string{}}
		for i := range t.values {
			t.values[i] = math.NaN()
		}
		a.hosts[host] = t
		a.fresh = append(a.fresh, host)
	}
	if a.strict {
		t.tally = t.tally.count(labels)
		return t
	}
	mergeLabels(t.labels, labels, a.by)
	return t
}

// Put stores one sample; at is in milliseconds since 1970. Of several series of one host, the first that has a
// value at an instant counts: series come sorted by their labels, so the
// choice does not change from tick to tick.
func (t *HostValues) Put(at int64, v float64) { t.put(at, v, false) }

// put is Put; over: of a series before those that were put.
func (t *HostValues) put(at int64, v float64, over bool) {
	if t == nil || math.IsNaN(v) {
		return
	}
	a, i := t.answer, 0
	if a.instants > 1 {
		i = int((at - a.start + a.step/2) / a.step)
	}
	if off := at - a.start - int64(i)*a.step; i < 0 || i >= a.instants || off < -1 || off > 1 {
		a.outside++
		return
	}
	switch old := t.values[i]; {
	case math.IsNaN(old):
		t.values[i] = v
		a.samples++
	case old != v:
		a.doubled[t.host]++
		if over {
			t.values[i] = v
		}
	}
}

// mark is an answer as it was before an evaluation.
type mark struct {
	series, samples, unnamed, outside int
	named                             bool
	example                           string
	doubled                           map[string]int
}

func (a *Answer) mark() mark {
	a.fresh = nil
	return mark{a.series, a.samples, a.unnamed, a.outside, a.named, a.example, maps.Clone(a.doubled)}
}

// back takes out what an evaluation has added since a mark, of some hosts over the
// instants of a range that no other evaluation has of them: it broke off, and is
// asked again in smaller pieces, or has failed.
func (a *Answer) back(m mark, span Range, hosts iter.Seq[string]) {
	for _, host := range a.fresh {
		delete(a.hosts, host)
	}
	from, to := 0, 0
	if a.instants > 1 {
		from, to = int((span.Start.UnixMilli()-a.start)/a.step), int((span.End.UnixMilli()-a.start)/a.step)
	}
	for host := range hosts {
		t := a.hosts[host]
		if t == nil { // it was fresh
			continue
		}
		for i := max(0, from); i <= min(to, a.instants-1); i++ {
			t.values[i] = math.NaN()
		}
	}
	a.series, a.samples, a.unnamed, a.outside, a.named, a.example, a.doubled = m.series, m.samples, m.unnamed, m.outside, m.named, m.example, m.doubled
}

// err says what is not to be trusted in the answer, nil if nothing.
func (a *Answer) err() error {
	var said []string
	nameless := a.unnamed > 0 && !a.named // some hosts' lack is their own gap: see leftOut
	if nameless {
		said = append(said, a.leftOut())
	}
	if len(a.doubled) > 0 {
		host := slices.Min(slices.Collect(maps.Keys(a.doubled)))
		said = append(said, fmt.Sprintf("%s several series that disagree, such as %s (the first in label order is used)", omen.Plural(len(a.doubled), "host has", "hosts have"), host))
	}
	if a.outside > 0 {
		said = append(said, fmt.Sprintf("%s at instants that were not asked for (ignored)", omen.Plural(a.outside, "sample", "samples")))
	}
	if len(a.notes) > 0 {
		said = append(said, "the source warns: "+strings.Join(a.notes, "; "))
	}
	if len(said) == 0 {
		return nil
	}
	err := fmt.Errorf("%s: %w", strings.Join(said, "; "), omen.ErrPartial)
	if nameless || len(a.doubled) > 0 {
		by := strings.Join(a.by, ", ")
		err = omen.WithHint(err, fmt.Sprintf("let the expression give one series per host, as in max by (%s) (…)", by))
	}
	return err
}

// leftOut counts and names the series that no host could be made of; empty if
// there are none.
func (a *Answer) leftOut() string {
	if a.unnamed == 0 {
		return ""
	}
	return fmt.Sprintf("%d series without the label %s, such as %s", a.unnamed, strings.Join(a.by, ", "), a.example)
}

// describe is a series' labels for people, not many of them.
func describe(labels map[string]string) string {
	var some []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if len(some) == 5 {
			some = append(some, "…")
			break
		}
		some = append(some, fmt.Sprintf("%s=%q", name, labels[name]))
	}
	return "{" + strings.Join(some, ", ") + "}"
}

// Note keeps a few of the source's warnings: they make the answer partial.
// Servers of some age send PromQL's information among them, such as that a
// metric "might not be a counter": nothing is missing then.
func (a *Answer) Note(warnings []string) {
	for _, w := range warnings {
		if len(a.notes) < 3 && !strings.Contains(w, "PromQL info:") && !slices.Contains(a.notes, w) {
			a.notes = append(a.notes, w)
		}
	}
}

// hostName joins the identifying labels; named is false if all are missing.
func hostName(labels map[string]string, by []string) (host string, named bool) {
	parts := make([]string, len(by))
	for i, name := range by {
		parts[i] = labels[name]
		named = named || parts[i] != ""
	}
	return strings.Join(parts, "/"), named
}

// mergeLabels adds labels to those of a host, marking those that differ. by are
// kept whatever others there are.
func mergeLabels(into, labels map[string]string, by []string) {
	add := func(name, value string) {
		if old, ok := into[name]; ok && old != value {
			into[name] = conflict
		} else if !ok && (len(into) < maxLabels || slices.Contains(by, name)) {
			into[name] = value
		}
	}
	if len(labels) <= maxLabels {
		for name, value := range labels {
			add(name, value)
		}
	} else {
		for _, name := range slices.Sorted(maps.Keys(labels)) { // the same ones each time
			add(name, labels[name])
		}
	}
	delete(into, "__name__")
}

// assemble makes one frame of the features' answers; nil answers are gaps.
func assemble(q Query, answers []*Answer) *Frame {
	labels := map[string]map[string]string{}
	for _, a := range answers {
		if a == nil {
			continue
		}
		for host, t := range a.hosts {
			if labels[host] == nil {
				labels[host] = map[string]string{}
			}
			mergeLabels(labels[host], t.labels, q.By)
		}
	}
	features := make([]string, len(q.Exprs))
	for i, e := range q.Exprs {
		features[i] = e.Feature
	}
	hosts := slices.Sorted(maps.Keys(labels))
	f := NewFrame(hosts, features, q.Start, q.Step, q.instants())
	if q.Strict {
		f.strictLabels(answers)
	}
	for h, host := range hosts {
		maps.DeleteFunc(labels[host], func(_, value string) bool { return value == conflict })
		if !q.Strict {
			f.Labels[h] = labels[host]
		}
		for i, a := range answers {
			if a == nil || a.hosts[host] == nil {
				continue
			}
			for instant, v := range a.hosts[host].values {
				f.Set(h, instant, i, v)
			}
			delete(a.hosts, host)
		}
	}
	return f
}

// kindOf is the kind of err that decides what the whole source's error is.
func kindOf(err error) error {
	for _, kind := range []error{omen.ErrDenied, omen.ErrFull, omen.ErrCorrupt, omen.ErrUnavailable} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return omen.ErrInvalid
}

// ErrHistogram and [NotSeries] are what an [Evaluator] says of an expression
// that gives something else than series of numbers.
var ErrHistogram = fmt.Errorf("the expression gives a histogram, not a number: %w", omen.ErrInvalid)

// NotSeries is the error for an expression of another type, such as a scalar.
func NotSeries[T ~string](kind T) error {
	return fmt.Errorf("the expression gives a %s, not series: %w", kind, omen.ErrInvalid)
}
