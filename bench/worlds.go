package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/omenhq/omen/detect"
)

// World is a copy of a series with a benign change in its test part, and what
// people were notified of in it. Labels are those of the series. The first false
// message within a day of the change may be of the change, and is not counted.
type World struct {
	Set    string  `json:"set"`
	Series string  `json:"series"`
	Seed   uint64  `json:"seed"`
	Kind   string  `json:"kind"`
	Change string  `json:"change"` // what was changed
	At     int     `json:"at"`     // test sample from which on
	Whole  Stretch `json:"whole"`  // the test part
	Since  Stretch `json:"since"`  // the change
	Before Stretch `json:"before"` // what is since the change here, in the series as it is
	Pages  Pages   `json:"pages"`
}

// Stretch is false messages and alerts over a time.
type Stretch struct {
	False        int     `json:"false_pages"`
	HostWeeks    float64 `json:"host_weeks"` // unlabelled
	Normal       int     `json:"normal_samples"`
	NormalAlerts int     `json:"normal_alerts"`
}

func (a *Stretch) add(b Stretch) {
	a.False += b.False
	a.HostWeeks += b.HostWeeks
	a.Normal += b.Normal
	a.NormalAlerts += b.NormalAlerts
}

// perWeek is false messages per host and week, falseTime the share of normal
// time in alert.
func (a Stretch) perWeek() Number   { return ratio(float64(a.False), a.HostWeeks) }
func (a Stretch) falseTime() Number { return ratio(float64(a.NormalAlerts), float64(a.Normal)) }

// stretch counts from a test sample on.
func stretch(s *Series, r *Scored, sent []message, from int) (out Stretch) {
	for i := from; i < len(s.Labels); i++ {
		if !s.Labels[i] {
			out.Normal++
			out.NormalAlerts += btoi(r.alert(i))
		}
	}
	out.HostWeeks = float64(out.Normal) * s.Step.Hours() / aWeek.Hours()
	for _, m := range sent {
		out.False += btoi(m.at >= from && !m.touches(s))
	}
	return out
}

// Worlds makes n worlds of each series and replays them, and each series as it
// is. A series' worlds have different kinds of change, as far as there are; with
// as many worlds as kinds each series has each. The same series and n give the
// same worlds.
func Worlds(ctx context.Context, series []*Series, o detect.Options, n int, progress func(float64)) ([]World, error) {
	plain := make([]*Scored, len(series))
	out := make([]World, n*len(series))
	// One job is a series with all its worlds: what they are compared with is
	// there when they are done.
	return out, each(ctx, len(series), 0, progress, func(ctx context.Context, i int, report func(float64)) (err error) {
		s := series[i]
		run := func(s *Series, k int) (*Scored, error) {
			r, err := ran{options: o}.Run(ctx, s.unlabelled(), func(share float64) { report((float64(k) + share) / float64(n+1)) })
			if err != nil {
				return nil, fmt.Errorf("world %d of %s/%s: %w", k, s.Set, s.Name, err)
			}
			return r, nil
		}
		if plain[i], err = run(s, 0); err != nil {
			return err
		}
		for k := range n {
			made := makeWorld(series, i, k)
			r, err := run(made.Series, k+1)
			if err != nil {
				return err
			}
			w := made.world
			sent := made.pardon(messages(r.Timeline))
			w.Whole, w.Since = stretch(made.Series, r, sent, 0), stretch(made.Series, r, sent, w.At)
			w.Before = stretch(s, plain[i], messages(plain[i].Timeline), w.At)
			w.Pages = countMessages(made.Series, sent)
			w.Pages.rate()
			out[i*n+k] = w
		}
		return nil
	})
}

// pardon leaves out the first false message within a day of the change.
func (m *made) pardon(sent []message) []message {
	i := slices.IndexFunc(sent, func(p message) bool {
		return p.at >= m.world.At && p.at < m.world.At+m.PerDay() && !p.touches(m.Series)
	})
	if i < 0 {
		return sent
	}
	return slices.Delete(slices.Clone(sent), i, i+1)
}

// group is some worlds together.
type group struct {
	worlds               int
	whole, since, before Stretch
	pages                Pages
}

// groupOf joins the worlds of one name.
func groupOf(worlds []World, of func(World) string, name string) (g group) {
	for _, k := range worlds {
		if of(k) == name {
			g.worlds++
			g.whole.add(k.Whole)
			g.since.add(k.Since)
			g.before.add(k.Before)
			g.pages.add(k.Pages)
		}
	}
	g.pages.rate()
	return g
}

// numbers are a line's, in the order of the columns.
func (g group) numbers() []Number {
	return []Number{
		g.pages.F1, g.whole.perWeek(), g.since.perWeek(), g.before.perWeek(),
		100 * g.whole.falseTime(), 100 * g.since.falseTime(), 100 * g.before.falseTime(),
	}
}

// WriteWorlds writes a line per kind of change, their mean, in which each kind
// weighs the same, and a line per data set.
func WriteWorlds(w io.Writer, worlds []World) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, n int, numbers []Number) {
		fmt.Fprintf(t, "%s\t%d\t", name, n)
		for i, x := range numbers {
			fmt.Fprintf(t, "%s\t", format(x, 2+btoi(i == 0)))
		}
		fmt.Fprintln(t)
	}
	const titles = "worlds\tnotified F1\tfalse/week\tsince\tunchanged\tFAT %\tsince\tunchanged\t"
	fmt.Fprintf(t, "change\t%s\n", titles)
	mean, kinds := make([]Number, len(group{}.numbers())), 0
	for _, k := range changes {
		g := groupOf(worlds, func(w World) string { return w.Kind }, k.name)
		if g.worlds == 0 {
			continue
		}
		row(k.name, g.worlds, g.numbers())
		kinds++
		for i, x := range g.numbers() {
			mean[i] += x
		}
	}
	for i := range mean {
		mean[i] /= Number(kinds)
	}
	row("mean", len(worlds), mean)
	fmt.Fprintf(t, "\ndata set\t%s\n", titles)
	last := ""
	for _, w := range worlds {
		if w.Set != last {
			last = w.Set
			g := groupOf(worlds, func(w World) string { return w.Set }, w.Set)
			row(w.Set, g.worlds, g.numbers())
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write worlds: %w", err)
	}
	return nil
}
