package replay

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/promrules"
)

// ahead is by how much a rule may have fired before an incident began and still be
// about it: the day that forecasting rules look ahead. What fires for longer says
// nothing about today.
const ahead = 24 * time.Hour

// Fault is a stretch of a host's time that is known to be bad.
type Fault struct {
	Host     string
	Kind     string // empty: it is not known
	From, To time.Time
}

// Known is what is known of the truth, such as by labels.
type Known struct {
	Faults []Fault
	Slack  time.Duration // so long after a fault a notification still counts for it
}

// Comparison sets what Omen would have notified people of beside what the rules
// would have. A lead is positive where Omen is first.
type Comparison struct {
	Troubles  []Trouble           `json:"troubles"`   // what Omen would have notified of, by time
	OnlyRules []Miss              `json:"only_rules"` // what only rules would have: missed by Omen, or false
	Rules     []RuleSum           `json:"rules"`      // that fired, in the order of the files
	Both      int                 `json:"both"`
	OnlyOmen  int                 `json:"only_omen"`
	Lead      Seconds             `json:"lead_median_seconds"` // over Both
	Silent    int                 `json:"rules_that_never_fired"`
	Firings   []promrules.Firing  `json:"firings"`   // all of them, by time
	Elsewhere []promrules.Firing  `json:"elsewhere"` // those about none of the hosts
	Failed    []promrules.Failure `json:"failed"`
	Absent    []promrules.Absence `json:"absent"`           // of the rules that never fired those that gave nothing and read what is not there
	Faults    *FaultSum           `json:"faults,omitempty"` // where the truth is known
}

// Trouble is one notification of Omen's, with the rules that fired in its time.
type Trouble struct {
	Host       string    `json:"host"`
	Kind       string    `json:"kind"` // host or forecast
	What       string    `json:"what"`
	Since      time.Time `json:"since"`
	NotifiedAt time.Time `json:"notified_at"`
	Until      time.Time `json:"until,omitzero"` // zero: it lasts
	Rules      []Heard   `json:"rules"`          // the first that fired first
	// About is the resource that it is about; nil: it is about the host.
	About *omen.Resource `json:"about,omitempty"`
}

// Heard is a rule that fired in the time of a trouble.
type Heard struct {
	promrules.Firing
	Lead Seconds `json:"lead_seconds"`
}

// Miss is a firing without a notification of Omen's.
type Miss struct {
	promrules.Firing
	Host     string `json:"host"`
	Recorded string `json:"recorded,omitempty"` // why people were not notified of an incident that Omen had open then
}

// RuleSum is one rule's sums.
type RuleSum struct {
	promrules.Place
	Fired int `json:"fired"` // about the hosts
	Alone int `json:"alone"` // without a notification of Omen's
	False int `json:"false"` // touching no fault; 0 where the truth is not known
}

// Compare matches, for each host, the incidents and forecasts that people would
// have been notified of with the firings that overlap them and may be about the
// same: by the labels that identify hosts and tell their resources apart in the
// profile. known may be nil.
func Compare(all []*Timeline, out *promrules.Outcome, names []promrules.Place, profile *feature.Schema, known *Known) *Comparison {
	c := &Comparison{Troubles: []Trouble{}, OnlyRules: []Miss{}, Rules: []RuleSum{}, Firings: out.Firings, Elsewhere: []promrules.Firing{}, Failed: out.Failed, Absent: []promrules.Absence{}}
	firings := map[string][]promrules.Firing{}
	hosts := map[string]*Timeline{}
	for _, t := range all {
		hosts[t.Host.Name] = t
	}
	for _, f := range out.Firings {
		host := hostOf(f, profile.By())
		if hosts[host] == nil {
			c.Elsewhere = append(c.Elsewhere, f)
			continue
		}
		firings[host] = append(firings[host], f)
	}
	sums := map[promrules.Place]*RuleSum{}
	for _, t := range all {
		c.host(t, subjects{profile.Limits(), t.Labels}, firings[t.Host.Name], sums)
	}
	seen := map[promrules.Place]bool{}
	for _, place := range names { // those of several severities have one name
		switch s := sums[place]; {
		case seen[place]:
		case s != nil:
			c.Rules = append(c.Rules, *s)
		default:
			c.Silent++
			if i := slices.IndexFunc(out.Absent, func(a promrules.Absence) bool { return a.Place == place }); i >= 0 {
				c.Absent = append(c.Absent, out.Absent[i])
			}
		}
		seen[place] = true
	}
	slices.SortStableFunc(c.Troubles, func(a, b Trouble) int { return a.NotifiedAt.Compare(b.NotifiedAt) })
	slices.SortStableFunc(c.OnlyRules, func(a, b Miss) int { return a.Fired.Compare(b.Fired) })
	c.Lead = c.median()
	if known != nil {
		c.truth(all, firings, known)
	}
	return c
}

// hostOf is the name of the host that an alert is about, by its labels.
func hostOf(f promrules.Firing, by []string) string {
	parts := make([]string, len(by))
	for i, name := range by {
		parts[i] = f.Labels[name]
	}
	return strings.Join(parts, "/")
}

// host compares one host's notifications with its firings.
func (c *Comparison) host(t *Timeline, about subjects, firings []promrules.Firing, sums map[promrules.Place]*RuleSum) {
	matched := make([]bool, len(firings))
	for _, trouble := range t.troubles() {
		for i, f := range firings {
			if !concerns(f, trouble.Since, trouble.Until) || !about.mayBe(f.Labels, trouble.About) {
				continue
			}
			matched[i] = true
			trouble.Rules = append(trouble.Rules, Heard{f, Seconds(f.Fired.Sub(trouble.NotifiedAt).Seconds())})
		}
		slices.SortStableFunc(trouble.Rules, func(a, b Heard) int { return a.Fired.Compare(b.Fired) })
		if len(trouble.Rules) > 0 {
			c.Both++
		} else {
			c.OnlyOmen++
		}
		c.Troubles = append(c.Troubles, trouble)
	}
	for i, f := range firings {
		if sums[f.Place] == nil {
			sums[f.Place] = &RuleSum{Place: f.Place}
		}
		sums[f.Place].Fired++
		if !matched[i] {
			sums[f.Place].Alone++
			c.OnlyRules = append(c.OnlyRules, Miss{f, t.Host.Name, t.recorded(f, about)})
		}
	}
}

// concerns reports whether a firing may be about a trouble: from when it was
// pending it shares an instant with it, and it has not fired for days. A trouble
// without an end lasts.
func concerns(f promrules.Firing, from, to time.Time) bool {
	return (to.IsZero() || !f.Active.After(to)) && (f.Resolved.IsZero() || f.Resolved.After(from)) && from.Sub(f.Fired) <= ahead
}

// troubles are what people would have been notified of.
func (t *Timeline) troubles() (all []Trouble) {
	for _, in := range t.Incidents {
		if in.Notified >= 0 {
			all = append(all, Trouble{Host: t.Host.Name, Kind: string(in.Kind), What: incident.Summary(in.First), Since: in.Since, NotifiedAt: t.Samples[in.Notified].At, Until: in.ClosedAt, About: subject(in.Forecast, in.First)})
		}
	}
	for _, f := range t.Forecasts {
		if !f.NotifiedAt.IsZero() && !f.Beside { // that it lasts when the incident beside it is over is no news
			all = append(all, Trouble{Host: t.Host.Name, Kind: string(f.Kind), What: f.First.String(), Since: f.Since, NotifiedAt: f.NotifiedAt, Until: f.ClosedAt, About: &f.First.Resource})
		}
	}
	return all
}

// recorded is why people were not notified of what was open while a rule fired;
// empty: nothing was.
func (t *Timeline) recorded(f promrules.Firing, about subjects) string {
	for _, in := range t.Incidents {
		if in.Notified < 0 && concerns(f, in.Since, in.ClosedAt) && about.mayBe(f.Labels, subject(in.Forecast, in.Causes)) {
			return unnotified(in.Suppressed)
		}
	}
	for _, in := range t.Forecasts {
		if in.NotifiedAt.IsZero() && concerns(f, in.Since, in.ClosedAt) && about.mayBe(f.Labels, &in.First.Resource) {
			return unnotified(in.Suppressed)
		}
	}
	return ""
}

// unnotified is a reason not to notify, in words.
func unnotified(reason string) string {
	return strings.TrimSuffix(strings.ReplaceAll(strings.TrimPrefix(reason, "opened_"), "_", " "), " suppressed")
}

// median is that of the leads over the first rule of each trouble.
func (c *Comparison) median() Seconds {
	var leads []Seconds
	for _, t := range c.Troubles {
		if len(t.Rules) > 0 {
			leads = append(leads, t.Rules[0].Lead)
		}
	}
	return medianOf(leads)
}

func medianOf(all []Seconds) Seconds {
	if len(all) == 0 {
		return never
	}
	slices.SortFunc(all, func(a, b Seconds) int { return cmp.Compare(a, b) })
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}
