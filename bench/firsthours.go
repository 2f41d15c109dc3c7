package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/replay"
)

const (
	aFirstHour = time.Hour
	// faultFrom and faultTo bound when a fault begins within its first hour: from
	// when there is a model to as long as any fault here has room.
	faultFrom, faultTo = 5 * time.Minute, 50 * time.Minute
	// violentTimes is how many of its smallest deviations a feature to blame lies
	// beyond all that the hour had before for a fault to count as violent, over
	// violentFor altogether. A smallest deviation is what is worth waking somebody
	// for once a host is known; twice that was seen to be a test suite, twelve times
	// a fork loop.
	violentTimes = 6.0
	violentFor   = 12 * time.Second
)

// FirstHour is a host's first hour with Omen, from its first sample without a
// model on: what people were notified of in it.
type FirstHour struct {
	Set    string `json:"set"`
	Series string `json:"series"`
	Seed   uint64 `json:"seed"`
	// Kind is "normal" for normal load as recorded, "world" with a benign change,
	// and "fault" with a recorded fault.
	Kind     string  `json:"kind"`
	What     string  `json:"what"`  // was changed, or is the fault's kind
	Times    Number  `json:"times"` // how far a feature to blame went beyond all before, in smallest deviations; null: no fault
	Shown    bool    `json:"shown"` // the fault, in the list of incidents, notified or not
	Notified bool    `json:"notified"`
	After    Number  `json:"after_seconds"` // from the fault's start to its message, 0 if an earlier one stands; null: none
	Right    bool    `json:"right"`         // the message names a feature to blame first
	False    []Alarm `json:"false_pages"`
}

// violent reports whether the hour has a violent fault.
func (h FirstHour) violent() bool { return h.Times >= violentTimes }

// FirstHours replays n first hours of each recording as it is, n with a benign
// change (of the kinds of [Worlds], of which the change itself may notify
// once) and n with one of its faults, by turns. An hour is the recording's
// normal load from a moment drawn at random on, in order and without what is
// near a fault; after the end it goes on at the beginning. The fault is as it was
// recorded, at a moment drawn at random. Recordings are series with at least half
// an hour of normal load at a step that gives a model within the hour's
// first tenth; without any it is [omen.ErrTooFew].
func FirstHours(ctx context.Context, series []*Series, o detect.Options, n int, progress func(float64)) ([]FirstHour, error) {
	var jobs []*made
	for i, s := range series {
		calm := slices.Concat(calmRuns(s)...)
		if time.Duration(len(calm))*s.Step < leastCalm || s.Step > aFirstHour/600 {
			continue
		}
		of := recording{s, othersOf(series, s), calm}
		for seed := range n {
			jobs = append(jobs, of.normal(seed), of.world(i, seed))
			if len(s.Segments) > 0 {
				jobs = append(jobs, of.fault(seed))
			}
		}
	}
	if len(jobs) == 0 {
		return nil, fmt.Errorf("first hours: no series has %s of normal load at a step of %s or less: %w", leastCalm, aFirstHour/600, omen.ErrTooFew)
	}
	out := make([]FirstHour, len(jobs))
	return out, each(ctx, len(jobs), 0, progress, func(ctx context.Context, i int, _ func(float64)) (err error) {
		if out[i], err = jobs[i].live(ctx, o); err != nil {
			return fmt.Errorf("first hour of %s/%s: %w", jobs[i].Set, jobs[i].Name, err)
		}
		return nil
	})
}

// recording is a series that first hours are made from.
type recording struct {
	*Series
	others []*Series
	calm   []omen.Vector // its normal load
}

// hour is a first hour of normal load, and what was drawn for it.
func (r recording) hour(kind string, seed int) (*made, *rand.Rand) {
	random := rand.New(rand.NewPCG(seedOf(r.Series)+uint64(len(kind)), uint64(seed)))
	s := *r.Series
	n := int(aFirstHour / s.Step)
	s.Test, s.Labels, s.Segments = make([]omen.Vector, n), make([]bool, n), nil
	start := random.IntN(len(r.calm))
	for i := range n {
		s.Test[i] = r.calm[(start+i)%len(r.calm)]
		s.Test[i].At = r.Train[0].At.Add(time.Duration(i) * s.Step)
	}
	return &made{Series: &s, world: World{Set: s.Set, Series: s.Name, Seed: uint64(seed), Kind: kind, At: n}}, random
}

func (r recording) normal(seed int) *made {
	m, _ := r.hour("normal", seed)
	return m
}

// world has a benign change, of the next kind with each seed.
func (r recording) world(first, seed int) *made {
	m, _ := r.hour("world", seed)
	m.Test = copied(m.Test)
	m = changed(m.Series, r.others, first+seed, seed)
	m.world.Change, m.world.Kind = m.world.Kind+": "+m.world.Change, "world"
	return m
}

// fault has one of the recording's faults, from some seconds before it to as long
// after it as it is felt.
func (r recording) fault(seed int) *made {
	m, random := r.hour("fault", seed)
	g := r.Segments[seed%len(r.Segments)]
	from, to := max(0, g.Start-int(faultLead/r.Step)), min(len(r.Test)-1, g.End+int(faultMargin/r.Step))
	begins := int(faultFrom/r.Step) + random.IntN(int((faultTo-faultFrom)/r.Step))
	into := func(i int) int { return min(len(m.Test)-1, begins+i-from) }
	for i := from; i <= to && begins+i-from < len(m.Test); i++ {
		at := m.Test[into(i)].At
		m.Test[into(i)] = r.Test[i]
		m.Test[into(i)].At = at
		m.Labels[into(i)] = i >= g.Start && i <= g.End
	}
	g.Start, g.End = into(g.Start), into(g.End)
	m.Segments = []Segment{g}
	m.world.Change = g.Kind
	return m
}

// live replays the hour and says what came of it.
func (m *made) live(ctx context.Context, o detect.Options) (FirstHour, error) {
	out := FirstHour{Set: m.Set, Series: m.Name, Seed: m.world.Seed, Kind: m.world.Kind, What: m.world.Change, Times: Number(math.NaN()), After: Number(math.NaN())}
	alone := *m.Series
	alone.Train = nil
	t, err := replaySeries(ctx, alone.unlabelled(), o, replay.Options{})
	if err != nil {
		return out, err
	}
	sent := messages(t)
	for _, p := range m.pardon(sent) {
		if !p.touches(m.Series) {
			out.False = append(out.False, Alarm{After: m.Test[p.at].At.Sub(m.Test[0].At).Hours(), Peak: p.in.Peak, Grade: p.in.Grade, Why: p.in.Summary})
		}
	}
	for _, g := range m.Segments {
		schema, err := SchemaOf(m.Series)
		if err != nil {
			return out, err
		}
		out.Times = m.times(g, schema)
		out.Shown = slices.ContainsFunc(t.Incidents, func(in *replay.Incident) bool { return g.near(in.From, in.To) })
		p, own, found := g.message(sent)
		if out.Notified = found; found {
			out.After, out.Right = 0, p.names(m.Series, g)
		}
		if own {
			out.After = Number(m.Test[p.at].At.Sub(m.Test[g.Start].At).Seconds())
		}
	}
	return out, nil
}

// times is how many of its smallest deviations (where it has none, of its usual
// moves) some feature to blame lay beyond all that was before the segment, in the
// direction that matters, over violentFor altogether.
func (m *made) times(g Segment, schema *feature.Schema) Number {
	most := 0.0
	for _, j := range g.Blamed {
		f := schema.Features()[j]
		unit := f.Deviation
		if !(unit > 0) {
			unit = f.Scale
		}
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range m.Test[:g.Start] {
			if x := v.Values[j]; !math.IsNaN(x) {
				low, high = min(low, x), max(high, x)
			}
		}
		var beyond []float64
		for _, v := range m.Test[g.Start : g.End+1] {
			d := max(0, v.Values[j]-high) + min(0, v.Values[j]-low)
			if f.Direction.Matters(d) && !math.IsInf(d, 0) { // of NaN never
				beyond = append(beyond, math.Abs(d)/unit)
			}
		}
		slices.Sort(beyond)
		if n := int(violentFor / m.Step); len(beyond) >= n {
			most = max(most, beyond[len(beyond)-n])
		}
	}
	return Number(most)
}

// WriteFirstHours writes a line per recording and kind of hour, and each false
// page.
func WriteFirstHours(w io.Writer, hours []FirstHour) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "first hours\tof\thours\tfalse pages\tin 20 hours\tviolent faults\tshown\tnotified\tshare\tafter s\tright cause\tother faults\tnotified\t")
	var names []string
	for _, h := range hours {
		if !slices.Contains(names, h.Series) {
			names = append(names, h.Series)
		}
	}
	for _, kind := range []string{"normal", "world", "fault"} {
		for _, name := range append(slices.Clone(names), "all") {
			sumFirstHours(hours, kind, name).write(t, name, kind)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write first hours: %w", err)
	}
	for _, h := range hours {
		for _, p := range h.False {
			if _, err := fmt.Fprintf(w, "false: %s/%s %s %d %s, after %.1f min: peak %.2f, %s model: %s\n", h.Set, h.Series, h.Kind, h.Seed, h.What, 60*p.After, p.Peak, p.Grade, p.Why); err != nil {
				return fmt.Errorf("write first hours: %w", err)
			}
		}
		if h.violent() && !h.Notified {
			if _, err := fmt.Fprintf(w, "missed: %s/%s %d %s, %.1f times, shown: %t\n", h.Set, h.Series, h.Seed, h.What, float64(h.Times), h.Shown); err != nil {
				return fmt.Errorf("write first hours: %w", err)
			}
		}
	}
	return nil
}

// firstHoursSum is some first hours together.
type firstHoursSum struct {
	hours, pages, violent, shown, notified, right, others, othersNotified int
	after                                                                 []int
}

func sumFirstHours(hours []FirstHour, kind, name string) (s firstHoursSum) {
	for _, h := range hours {
		if h.Kind != kind || name != "all" && h.Series != name {
			continue
		}
		s.hours++
		s.pages += len(h.False)
		switch {
		case kind != "fault":
		case h.violent():
			s.violent++
			s.shown += btoi(h.Shown)
			s.notified += btoi(h.Notified)
			s.right += btoi(h.Right)
			if h.Notified {
				s.after = append(s.after, int(h.After))
			}
		default:
			s.others++
			s.othersNotified += btoi(h.Notified)
		}
	}
	return s
}

func (s firstHoursSum) write(w io.Writer, name, kind string) {
	if s.hours == 0 {
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t", kind, name, s.hours, s.pages, format(ratio(20*float64(s.pages), float64(s.hours)), 2))
	if kind != "fault" {
		fmt.Fprintln(w, "\t\t\t\t\t\t\t\t")
		return
	}
	fmt.Fprintf(w, "%d\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t\n", s.violent, s.shown, s.notified,
		format(ratio(float64(s.notified), float64(s.violent)), 2), format(median(s.after), 0),
		format(ratio(float64(s.right), float64(s.notified)), 2), s.others, s.othersNotified)
}
