package replay

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
)

// opened is an incident with the timeline that it is of.
type opened struct {
	*Incident
	of *Timeline
}

// Write writes the incidents of all timelines by time, what was forecast, and a
// line for each host.
func Write(w io.Writer, all []*Timeline) error {
	var incidents []opened
	for _, t := range all {
		for _, in := range t.Incidents {
			incidents = append(incidents, opened{in, t})
		}
	}
	slices.SortStableFunc(incidents, func(a, b opened) int { return a.Since.Compare(b.Since) })
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(incidents) > 0 {
		fmt.Fprintln(t, "opened (UTC)\thost\tlasted\tpeak\tnotified\twhy")
	}
	for _, in := range incidents {
		fmt.Fprintln(t, in.row())
	}
	if len(incidents) > 0 {
		fmt.Fprintln(t)
	}
	writeForecasts(t, all)
	fmt.Fprintln(t, "host\tfrom (UTC)\tto (UTC)\tsamples\ttrainings\tnotified\tper week\trecorded only\tdrifts marked")
	for _, one := range all {
		fmt.Fprintln(t, one.row())
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write replay: %w", err)
	}
	return nil
}

func (in opened) row() string {
	lasted := "still open"
	if in.State == omen.Closed {
		lasted = in.of.Samples[in.To].At.Sub(in.Since).String()
	}
	notified, causes := "yes", in.First
	if in.Notified < 0 {
		notified = "no, " + unnotified(in.Suppressed)
		causes = in.Causes
	}
	return fmt.Sprintf("%s\t%s\t%s\t%.1f\t%s\t%s", in.Since.UTC().Format(time.DateTime), in.Host, lasted, in.Peak, notified, incident.Summary(causes))
}

func (t *Timeline) row() string {
	if t.Err != nil {
		return fmt.Sprintf("%s\tno model: %s", t.Host, t.Err)
	}
	notified := 0
	for _, in := range t.Incidents {
		if in.Notified >= 0 {
			notified++
		}
	}
	from, to := t.Samples[0].At, t.Samples[len(t.Samples)-1].At
	rate := "–"
	if weeks := to.Sub(from).Hours() / (7 * 24); weeks > 0 {
		rate = fmt.Sprintf("%.1f", float64(notified)/weeks)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%d\t%d\t%d\t%s\t%d\t%d", t.Host, from.UTC().Format(time.DateTime), to.UTC().Format(time.DateTime),
		len(t.Samples), t.Trainings, notified, rate, len(t.Incidents)-notified, len(t.Drifts))
}
