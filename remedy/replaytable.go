package remedy

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
)

// soonOver is how soon after an action an incident may be over without it for the
// action to have been for nothing: no action can be seen to help before it settles.
const soonOver = 4 * time.Minute

// Summary says what would have come of it: "14 incidents: 5 would act; 3 of them
// closed by themselves within 4 min; median saved 41 min if it had worked".
func (r Replayed) Summary() string {
	incidents, acts, soon := map[string]bool{}, map[string]bool{}, 0
	var saved []time.Duration
	for _, w := range r.Rows {
		incidents[w.Incident.ID] = true
		if w.At.IsZero() || acts[w.Incident.ID] {
			continue
		}
		acts[w.Incident.ID] = true
		switch left := r.lasted(w).Sub(w.At); {
		case left > soonOver:
			saved = append(saved, left-Playbook{}.Settle(0))
		case w.byItself():
			soon++
		}
	}
	plural := "s"
	if len(incidents) == 1 {
		plural = ""
	}
	text := fmt.Sprintf("%d incident%s: %d would act", len(incidents), plural, len(acts))
	if soon > 0 {
		text += fmt.Sprintf("; %d of them closed by themselves within %s", soon, omen.Soon(soonOver))
	}
	if slices.Sort(saved); len(saved) > 0 {
		text += "; median saved " + omen.Soon(saved[len(saved)/2]) + " if it had worked"
	}
	return text
}

// lasted is until when an incident lasted, as far as is known.
func (r Replayed) lasted(w Would) time.Time {
	if w.Incident.State == omen.Closed {
		return w.Incident.ClosedAt
	}
	return r.To
}

// byItself reports whether an incident is over, and nobody closed it.
func (w Would) byItself() bool {
	return w.Incident.State == omen.Closed && (w.Incident.Reason == omen.ReasonRecovered || w.Incident.Reason == omen.ReasonWasFull)
}

// Write is the replay as a table for people.
func (r Replayed) Write(out io.Writer) error {
	if len(r.Rows) == 0 {
		_, err := fmt.Fprintf(out, "no playbook answers any incident from %s to %s UTC\n", day(r.From), day(r.To))
		return err
	}
	var text strings.Builder // which takes everything: out is written to once
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "opened (UTC)\thost\tincident\tplaybook\twould\twithout it")
	for _, one := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", day(one.Incident.OpenedAt), one.Incident.Host.Name, one.Incident.ID, one.Playbook, one.would(), r.without(one))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, line := range append([]string{r.Summary()}, r.Assumed...) {
		fmt.Fprintln(&text, line)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func (w Would) would() string {
	var said []string
	for _, s := range w.Refused {
		said = append(said, s.Guard+" ("+s.Why+")")
	}
	refused := strings.Join(said, ", then ")
	switch {
	case !w.At.IsZero() && refused != "":
		return "act at " + day(w.At) + ", refused before by " + refused
	case !w.At.IsZero():
		return "act at " + day(w.At)
	case refused != "":
		return "be refused by " + refused
	}
	return "not act: it was over too soon"
}

func (r Replayed) without(w Would) string {
	from, what := w.Incident.OpenedAt, "open for "
	if !w.At.IsZero() {
		from, what = w.At, "open for another "
	}
	text := what + omen.Soon(r.lasted(w).Sub(from))
	switch {
	case w.Incident.State != omen.Closed:
		return text + ", and still"
	case w.byItself():
		return text + ", then closed by itself"
	}
	return text + ", then " + strings.ReplaceAll(w.Incident.Reason, "_", " ")
}
