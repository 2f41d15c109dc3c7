package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/omenhq/omen/replay"
)

const kindsHeader = "kind,start,end"

// readKinds adds the kinds of faults.csv to the segments: the header and a line
// per fault, rows as in causes.txt. A missing file means that the labels are of
// no known kind.
func readKinds(path string, s *Series) error {
	return eachLine(path, func(n int, text string) error {
		if n == 1 {
			if text != kindsHeader {
				return fmt.Errorf("%q is not the header %s", text, kindsHeader)
			}
			return nil
		}
		cells := strings.Split(text, ",")
		if len(cells) != 3 {
			return fmt.Errorf("%q is not %s", text, kindsHeader)
		}
		start, err1 := strconv.Atoi(cells[1])
		end, err2 := strconv.Atoi(cells[2])
		if err1 != nil || err2 != nil {
			return fmt.Errorf("%q: start and end are not row numbers", text)
		}
		i := slices.IndexFunc(s.Segments, func(g Segment) bool { return g.Start <= end && start <= g.End })
		if i < 0 {
			return fmt.Errorf("%q touches no labelled sample", text)
		}
		s.Segments[i].Kind = cells[0]
		return nil
	})
}

// Fault is one injected fault and what came of it.
type Fault struct {
	Series string `json:"series"`
	Kind   string `json:"kind"`
	Lasted Number `json:"lasted_seconds"`
	Alert  Number `json:"alert_seconds"` // from its start to the first score above the limit; null: none
	Page   Number `json:"page_seconds"`  // from its start until people are notified, 0 if the incident before went on; null: never
	Cause  string `json:"cause"`         // the first one at the first alert
	Right  bool   `json:"right"`         // the fault's own
}

// FaultReport is what came of the faults of known kinds.
type FaultReport struct {
	Faults      []Fault `json:"faults"`
	FalsePages  int     `json:"false_pages"`  // notified of, touching no fault
	NormalHours float64 `json:"normal_hours"` // outside of faults
}

// allFaults joins reports; nil: there is no fault of a known kind.
func allFaults(reports []FaultReport) *FaultReport {
	var all FaultReport
	for _, r := range reports {
		all.Faults = append(all.Faults, r.Faults...)
		all.FalsePages += r.FalsePages
		all.NormalHours += r.NormalHours
	}
	if len(all.Faults) == 0 {
		return nil
	}
	return &all
}

// add takes up a series with faults of known kinds: whether, when and with which
// first cause people are notified of each, by the rules of serve. A series
// without kinds is left out.
func (r *FaultReport) add(s *Series, t *replay.Timeline) {
	if !slices.ContainsFunc(s.Segments, func(g Segment) bool { return g.Kind != "" }) {
		return
	}
	for _, label := range s.Labels {
		r.NormalHours += float64(btoi(!label)) * s.Step.Hours()
	}
	sent := messages(t)
	for _, m := range sent {
		r.FalsePages += btoi(!m.touches(s))
	}
	for _, g := range s.Segments {
		since := func(i int) Number { return Number(s.Test[i].At.Sub(s.Test[g.Start].At).Seconds()) }
		f := Fault{Series: s.Name, Kind: g.Kind, Lasted: since(g.End), Alert: Number(math.NaN()), Page: Number(math.NaN())}
		for i := g.Start; i <= min(g.End+LateBy, len(s.Test)-1); i++ {
			if t.Alerts[i] {
				f.Alert, f.Cause = since(i), t.Tops[i]
				f.Right = slices.ContainsFunc(g.Blamed, func(j int) bool { return s.Features[j] == f.Cause })
				break
			}
		}
		for _, m := range sent {
			if g.near(m.at, m.to) {
				f.Page = max(0, since(m.at))
				break
			}
		}
		r.Faults = append(r.Faults, f)
	}
}

// Write writes a line per fault, and the sums.
func (r FaultReport) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "series\tfault\tlasted s\talert after s\tnotified after s\tfirst cause\tright")
	found, notified, right := 0, 0, 0
	var alerts, pages []int
	for _, f := range r.Faults {
		cause, is := f.Cause, "yes"
		switch {
		case cause == "":
			cause, is = "–", "–"
		case !f.Right:
			is = "no"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Series, f.Kind, format(f.Lasted, 0), format(f.Alert, 0), format(f.Page, 0), cause, is)
		if !math.IsNaN(float64(f.Alert)) {
			found++
			alerts = append(alerts, int(f.Alert))
			right += btoi(f.Right)
		}
		if !math.IsNaN(float64(f.Page)) {
			notified++
			pages = append(pages, int(f.Page))
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write faults: %w", err)
	}
	_, err := fmt.Fprintf(w, "\n%d faults: %d above the limit, median after %s s, right cause first in %d (%s %%); %d notified, median after %s s\nfalse pages: %d in %.1f h outside of faults\n",
		len(r.Faults), found, format(median(alerts), 1), right, format(ratio(100*float64(right), float64(found)), 0), notified, format(median(pages), 1), r.FalsePages, r.NormalHours)
	return err
}
