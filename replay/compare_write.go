package replay

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/promrules"
)

// maxMisses bounds the firings that are listed; JSON has all.
const maxMisses = 50

// Write writes the comparison as tables.
func (c *Comparison) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(c.Troubles) > 0 {
		fmt.Fprintln(t, "\nOmen notified (UTC)\thost\tfirst rule\tfired (UTC)\tlead\tother rules\tof")
	}
	for _, one := range c.Troubles {
		fmt.Fprintln(t, one.row())
	}
	if len(c.OnlyRules) > 0 {
		fmt.Fprintln(t, "\nonly a rule fired (UTC)\thost\trule\tresolved\tOmen")
	}
	for _, m := range c.OnlyRules[:min(maxMisses, len(c.OnlyRules))] {
		fmt.Fprintln(t, m.row())
	}
	if more := len(c.OnlyRules) - maxMisses; more > 0 {
		fmt.Fprintf(t, "and %d more: --json lists all\n", more)
	}
	c.writeRules(t)
	if c.Faults != nil {
		c.Faults.write(t)
	}
	fmt.Fprintf(t, "\nboth: %d, median lead of Omen %s; only Omen: %d; only the rules: %d\n", c.Both, c.Lead, c.OnlyOmen, len(c.OnlyRules))
	if c.Faults != nil {
		fmt.Fprintf(t, "%s\n", c.Faults)
	}
	if n := len(c.Elsewhere); n > 0 {
		fmt.Fprintf(t, "%s about none of the hosts, such as %s\n", omen.Plural(n, "firing is", "firings are"), c.Elsewhere[0].Place)
	}
	for _, f := range c.Failed {
		fmt.Fprintf(t, "not evaluated: %s: %s\n", f.Place, f.Why)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

// writeRules writes a line for each rule that fired.
func (c *Comparison) writeRules(w io.Writer) {
	if len(c.Rules) > 0 {
		fmt.Fprint(w, "\nrule\tfile\tfired\twithout Omen")
		if c.Faults != nil {
			fmt.Fprint(w, "\tfalse")
		}
		fmt.Fprintln(w)
	}
	for _, r := range c.Rules {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d", r.Rule, r.File, r.Fired, r.Alone)
		if c.Faults != nil {
			fmt.Fprintf(w, "\t%d", r.False)
		}
		fmt.Fprintln(w)
	}
	if c.Silent > 0 {
		fmt.Fprintf(w, "%s never fired\n", omen.Plural(c.Silent, "rule", "rules"))
	}
	if len(c.Absent) > 0 {
		fmt.Fprintf(w, "of these %d read what the source does not have:\n", len(c.Absent))
	}
	for _, a := range c.Absent[:min(maxMisses, len(c.Absent))] {
		fmt.Fprintf(w, "\t%s\t%s\t%s\n", a.Rule, a.File, strings.Join(a.Metrics, ", "))
	}
	if more := len(c.Absent) - maxMisses; more > 0 {
		fmt.Fprintf(w, "\tand %d more: --json lists all\n", more)
	}
}

func (one Trouble) row() string {
	rule, fired, lead, others := "none", "–", "–", "–"
	if len(one.Rules) > 0 {
		first := one.Rules[0]
		rule, fired, lead = first.Rule, first.Fired.UTC().Format(time.DateTime), first.Lead.String()
		others = fmt.Sprint(len(one.Rules) - 1)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", one.NotifiedAt.UTC().Format(time.DateTime), one.Host, rule, fired, lead, others, one.What)
}

func (m Miss) row() string {
	resolved, recorded := "still fires", "nothing"
	if !m.Resolved.IsZero() {
		resolved = "after " + m.Resolved.Sub(m.Fired).String()
	}
	if m.Recorded != "" {
		recorded = "recorded, not notified: " + m.Recorded
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", m.Fired.UTC().Format(time.DateTime), m.Host, m.Rule+about(m.Firing), resolved, recorded)
}

// about is what of the host an alert is about.
func about(f promrules.Firing) string {
	for _, name := range []string{"mountpoint", "device", "name"} {
		if v := f.Labels[name]; v != "" {
			return " (" + v + ")"
		}
	}
	return ""
}

func (s *FaultSum) write(w io.Writer) {
	if len(s.Faults) > 0 {
		fmt.Fprintln(w, "\nhost\tfault\tlasted\tOmen after\trule after\tlead\tfirst rule")
	}
	for _, f := range s.Faults {
		rule := "–"
		if f.First != nil {
			rule = f.First.Rule
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Host, f.Kind, f.Lasts, f.Omen, f.Rule, f.Lead, rule)
	}
}

// String is the sums in a sentence.
func (s *FaultSum) String() string {
	var both, omenOnly, ruleOnly, neither int
	var leads []Seconds
	for _, f := range s.Faults {
		switch o, r := f.Omen >= 0, f.Rule >= 0; {
		case o && r:
			both++
			leads = append(leads, f.Lead)
		case o:
			omenOnly++
		case r:
			ruleOnly++
		default:
			neither++
		}
	}
	return fmt.Sprintf("%s: both %d (median lead of Omen %s), only Omen %d, only a rule %d, neither %d; false in %.1f h without faults: Omen %d, rules %d",
		omen.Plural(len(s.Faults), "fault", "faults"), both, medianOf(leads), omenOnly, ruleOnly, neither, s.NormalHours, s.OmenFalse, s.RulesFalse)
}

// String is a time as people write it; – where there is none.
func (s Seconds) String() string {
	if math.IsNaN(float64(s)) {
		return "–"
	}
	d := time.Duration(float64(s) * float64(time.Second)).Round(time.Second)
	return d.String()
}

// writeForecasts writes the forecasts of all timelines.
func writeForecasts(w io.Writer, all []*Timeline) {
	header := false
	for _, t := range all {
		for _, f := range t.Forecasts {
			if !header {
				fmt.Fprintln(w, "forecast (UTC)\thost\tnotified\tthen\twhat")
				header = true
			}
			fmt.Fprintln(w, f.row())
		}
	}
	if header {
		fmt.Fprintln(w)
	}
}

func (f *Foreseen) row() string {
	notified := "yes"
	switch {
	case f.NotifiedAt.IsZero():
		notified = "no, " + unnotified(f.Suppressed)
	case f.NotifiedAt.After(f.OpenedAt):
		notified = "after " + f.NotifiedAt.Sub(f.OpenedAt).String()
	}
	then := "still open"
	switch {
	case !f.FullAt.IsZero():
		then = "full after " + f.FullAt.Sub(f.OpenedAt).Round(time.Second).String()
	case f.State == omen.Closed:
		then = "not full: over after " + f.ClosedAt.Sub(f.OpenedAt).Round(time.Second).String()
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", f.OpenedAt.UTC().Format(time.DateTime), f.Host, notified, then, f.First)
}
