package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/replay"
)

const (
	aWeek = 7 * 24 * time.Hour
	// blockLeast and blockMost bound the stretches that a simulated week is put
	// together from.
	blockLeast, blockMost = 3 * time.Minute, 12 * time.Minute
	// faultMargin is how long after a labelled fault the recording is no normal
	// load yet; faultLead is how long before it.
	faultMargin, faultLead = 2 * time.Minute, 10 * time.Second
	leastCalm              = 30 * time.Minute // of normal load, or there is too little to draw from
)

// Week is what a simulated week of a series' normal load had: all that people
// were notified of is false.
type Week struct {
	Set      string  `json:"set"`
	Series   string  `json:"series"`
	Seed     uint64  `json:"seed"`
	Days     float64 `json:"days"`
	Recorded float64 `json:"recorded_hours"` // of normal load, that the week is put together from
	Notified int     `json:"told"`
	Shown    int     `json:"shown"` // in the list, notified or not
	Pages    []Alarm `json:"pages"`
}

// Alarm is a false page of a simulated week.
type Alarm struct {
	After float64    `json:"after_hours"` // since the week's beginning
	Peak  float64    `json:"peak"`
	Grade omen.Grade `json:"grade"`
	Why   string     `json:"why"`
}

// Weeks replays simulated weeks of each series' normal load: stretches of
// the recording of some minutes, drawn at random (a moving block bootstrap),
// one after the other, as a host that Omen met with the recording's training
// part. The same seed gives the same weeks. Within a stretch everything is as
// recorded; that one ends and another begins all at once is harder than the
// recording, and that nothing happens in a week that did not in some hours is
// easier. A series with less than half an hour of normal load, or with a step of
// more than a minute, is left out; without any it is [omen.ErrTooFew].
func Weeks(ctx context.Context, series []*Series, o detect.Options, weeks int, progress func(float64)) ([]Week, error) {
	var out []Week
	var from []*Series
	for _, s := range series {
		samples := 0
		for _, r := range calmRuns(s) {
			samples += len(r)
		}
		if recorded := time.Duration(samples) * s.Step; recorded >= leastCalm && s.Step <= blockLeast/3 {
			for seed := range weeks {
				out = append(out, Week{Set: s.Set, Series: s.Name, Seed: uint64(seed), Recorded: recorded.Hours()})
				from = append(from, s)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("simulate weeks: no series has %s of normal load at a step of %s or less: %w", leastCalm, blockLeast/3, omen.ErrTooFew)
	}
	// A week at 1 s takes 150 MB.
	return out, each(ctx, len(out), 0, progress, func(ctx context.Context, i int, _ func(float64)) error {
		if err := out[i].replay(ctx, from[i], o); err != nil {
			return fmt.Errorf("week %d of %s/%s: %w", i+1, out[i].Set, out[i].Series, err)
		}
		return nil
	})
}

// replay replays the week and fills in what happened.
func (w *Week) replay(ctx context.Context, s *Series, o detect.Options) error {
	simulated := weekOf(s, w.Seed)
	r, err := replaySeries(ctx, simulated, o, replay.Options{})
	if err != nil {
		return err
	}
	w.Days = s.Step.Hours() / 24 * float64(len(simulated.Test))
	for _, in := range shown(r) {
		w.Shown++
		if in.Notified < 0 {
			continue
		}
		w.Notified++
		w.Pages = append(w.Pages, Alarm{After: in.Since.Sub(simulated.Test[0].At).Hours(), Peak: in.Peak, Grade: in.Grade, Why: in.Summary})
	}
	return nil
}

// calmRuns are the unlabelled stretches of a series' test part, without what
// is near a fault, and its training part.
func calmRuns(s *Series) [][]omen.Vector {
	busy := make([]bool, len(s.Test))
	before, after := int(faultLead/s.Step), int(faultMargin/s.Step)
	for _, g := range s.Segments {
		for i := max(0, g.Start-before); i <= min(len(busy)-1, g.End+after); i++ {
			busy[i] = true
		}
	}
	out := [][]omen.Vector{s.Train}
	from := 0
	for i := 0; i <= len(busy); i++ {
		if i < len(busy) && !busy[i] {
			continue
		}
		if i-from >= int(blockLeast/s.Step) {
			out = append(out, s.Test[from:i])
		}
		from = i + 1
	}
	return out
}

// weekOf is a series whose test part is a simulated week. The samples' values
// are the recording's own, shared and not copied.
func weekOf(s *Series, seed uint64) *Series {
	calm := calmRuns(s)
	random := rand.New(rand.NewPCG(seed, 7))
	total := 0
	for _, r := range calm {
		total += len(r)
	}
	w := *s
	n := int(aWeek / s.Step)
	w.Test, w.Labels, w.Segments = make([]omen.Vector, 0, n), make([]bool, n), nil
	at := s.Train[len(s.Train)-1].At
	for len(w.Test) < n {
		// A start drawn evenly over all samples, so that long runs count as such.
		start, run := random.IntN(total), 0
		for start >= len(calm[run]) {
			start -= len(calm[run])
			run++
		}
		length := int(blockLeast/s.Step) + random.IntN(int((blockMost-blockLeast)/s.Step)+1)
		for _, v := range calm[run][start:min(len(calm[run]), start+length)] {
			if len(w.Test) == n {
				break
			}
			at = at.Add(s.Step)
			v.At = at
			w.Test = append(w.Test, v)
		}
	}
	return &w
}

// WriteWeeks writes the weeks as a table, and each false page.
func WriteWeeks(w io.Writer, weeks []Week) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "set\tseries\tweek\tfrom hours\tdays\tshown\tnotified")
	shown, notified := 0, 0
	for _, k := range weeks {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f\t%.1f\t%d\t%d\n", k.Set, k.Series, k.Seed+1, k.Recorded, k.Days, k.Shown, k.Notified)
		shown, notified = shown+k.Shown, notified+k.Notified
	}
	if len(weeks) > 0 {
		n := float64(len(weeks))
		fmt.Fprintf(t, "mean\t\t\t\t\t%.2f\t%.2f\n", float64(shown)/n, float64(notified)/n)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write weeks: %w", err)
	}
	for _, k := range weeks {
		for _, p := range k.Pages {
			fmt.Fprintf(w, "notified: %s/%s week %d, after %.1f h: peak %.1f, %s model: %s\n", k.Set, k.Series, k.Seed+1, p.After, p.Peak, p.Grade, p.Why)
		}
	}
	return nil
}
