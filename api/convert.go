package api

import (
	"encoding/json"
	"maps"
	"math"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
)

func toRef(h omen.Host) HostRef {
	return HostRef{ID: h.ID(), Source: h.Source, Profile: h.Profile, Name: h.Name}
}

func toCause(c omen.Cause) Cause {
	return Cause{
		Feature: c.Feature, Unit: c.Unit, Share: Number(c.Share), Actual: Number(c.Actual),
		Expected: Number(c.Expected), Lower: Number(c.Lower), Upper: Number(c.Upper),
		Trivial: c.Trivial, Clears: c.Clears, Stuck: Number(c.Stuck.Seconds()), Drifting: Number(c.Drifting.Seconds()), Text: c.String(),
	}
}

func toNumber(v float64) Number { return Number(v) }

// hasScore reports whether a host's score means something now: it has a model,
// was scored, and still sends.
func hasScore(h omen.HostStatus) bool {
	return h.Model.ID != "" && !h.Score.At.IsZero() && !math.IsNaN(h.Score.Value) &&
		h.State != omen.HostSilent && h.State != omen.HostLearning
}

func toHost(h omen.HostStatus, recent []float64, causes int) Host {
	w := Host{
		HostRef: toRef(h.Host), Labels: maps.Clone(h.Labels), State: h.State,
		Score: Number(math.NaN()), Level: Number(math.NaN()), Error: Number(math.NaN()), Grade: h.Model.Grade,
		LastSeen: Instant(h.LastSeen), Model: h.Model.ID, TrainedAt: Instant(h.Model.TrainedAt),
		Training: Training{
			Running: h.Training.Running, Progress: Number(h.Training.Progress), Samples: h.Training.Samples,
			NextDue: Instant(h.Training.NextDue), NextGrade: h.Training.NextGrade, Err: h.Training.Err, Failures: h.Training.Failures,
			Anew: h.Training.Anew,
		}, Recent: each(recent, toNumber),
		ModelAge: Number(modelAge(h, time.Now())), Stale: h.Stale, Pages: Pages{
			Promised: Number(h.Pages.Promised), Actual: Number(h.Pages.PerWeek()), Opened: h.Pages.Opened, Days: Number(h.Pages.Days),
		},
	}
	w.NewLevels, w.SlowDrifts, w.Gaps = each(h.NewLevels, toNewLevel), each(h.SlowDrifts, toSlowDrift), each(h.Gaps, toGap)
	if d := h.Drift; d.Samples > 0 {
		w.Drift = &Drift{
			MeasuredAt: Instant(h.Score.At), Samples: d.Samples, Busy: Number(d.Busy), Expected: Number(d.Expected),
			Shifted: List[string](d.Shifted), Drifting: d.Drifting,
		}
	}
	if w.Labels == nil {
		w.Labels = map[string]string{}
	}
	if hasScore(h) {
		w.Score, w.Error, w.ScoredAt = Number(h.Score.Value), Number(h.Score.ReconstructionError), Instant(h.Score.At)
		w.Level = Number(max(1, h.Score.Level))
		w.Causes = each(h.Score.Causes[:min(causes, len(h.Score.Causes))], toCause)
	}
	return w
}

// modelAge is the seconds since the last sample that the serving model learned
// from, NaN before the first model.
func modelAge(h omen.HostStatus, now time.Time) float64 {
	if h.Model.ID == "" {
		return math.NaN()
	}
	return max(0, now.Sub(h.Model.To).Seconds())
}

func toNewLevel(l omen.NewLevel) NewLevel {
	return NewLevel{
		Feature: l.Feature, Unit: l.Unit, Level: Number(l.Level), Was: Number(l.Was),
		Since: Instant(l.Since), At: Instant(l.At), Back: Instant(l.Back), Text: l.String(),
	}
}

func toSlowDrift(d omen.SlowDrift) SlowDrift {
	return SlowDrift{
		Feature: d.Feature, Unit: d.Unit, Up: d.Up, Mean: Number(d.Mean), Expected: Number(d.Expected),
		Since: Instant(d.Since), At: Instant(d.At), Back: Instant(d.Back), Learned: d.Learned, Text: d.String(),
	}
}

func toGap(g omen.Gap) Gap {
	return Gap{Feature: g.Feature, Since: Instant(g.Since), Stepping: g.Stepping, Text: g.String()}
}

func toFeature(f omen.FeatureValue) Feature {
	return Feature{
		Name: f.Name, Unit: f.Unit, Help: f.Help, Actual: Number(f.Actual), Expected: Number(f.Expected),
		Lower: Number(f.Lower), Upper: Number(f.Upper), Share: Number(f.Share),
		ActualText: f.Unit.Format(f.Actual), ExpectedText: f.Unit.Format(f.Expected),
	}
}

func toIncident(i omen.Incident) Incident {
	level := Number(math.NaN())
	if i.Level > 1 {
		level = Number(i.Level)
	}
	w := Incident{
		ID: i.ID, Kind: i.Kind, Host: toRef(i.Host), Members: each(i.Members, toRef), State: i.State,
		Severity: i.Severity, Grade: i.Grade, Since: Instant(i.Since), OpenedAt: Instant(i.OpenedAt),
		UpdatedAt: Instant(i.UpdatedAt), ClosedAt: Instant(i.ClosedAt), Score: Number(i.Score),
		Peak: Number(i.Peak), Level: level, Causes: each(i.PeakCauses(), toCause), Reason: i.Reason, Summary: i.Summary,
		Suppressed: i.Suppressed, AckedBy: i.AckedBy, Assignee: i.Assignee, Verdict: i.Verdict,
		VerdictBy: i.VerdictBy, Links: List[string](i.Links), Model: i.Model, Trouble: i.Trouble, Fleet: i.Fleet, Forecast: forecastOf(i), NewLevels: each(i.NewLevels, toNewLevel),
		Remedy: i.Remedy, Actions: i.Actions,
	}
	if i.Blame != nil {
		one := toBlame(*i.Blame)
		w.Blame = &one
	}
	if p := i.AtPeak; p != nil {
		w.PeakAt = Instant(p.At)
		if i.Kind == omen.HostIncident {
			w.Summary = incident.Summary(p.Causes)
		} else {
			of := toRef(p.Host)
			w.CausesOf = &of
		}
	}
	return w
}

func toBlame(b omen.Blame) Blame {
	return Blame{
		At: Instant(b.At), Node: b.Node, Namespace: b.Namespace, Pod: b.Pod, Why: b.Why, Feature: b.Feature, Unit: b.Unit,
		Lines: b.Lines(), Surplus: Number(b.Surplus), Outside: Number(b.Outside), Pods: each(b.Pods, func(p omen.PodRise) PodRise {
			return PodRise{
				Namespace: p.Namespace, Pod: p.Pod, Workload: p.Workload, Rise: Number(p.Rise), RiseText: p.Text(b.Unit),
				Share: Number(p.Share), Waits: Number(p.Waits), Replaced: p.Pods,
			}
		}),
	}
}

func toChange(c omen.Change) Change {
	verdict := omen.NoVerdict
	if c.Kind == omen.ChangeJudged {
		verdict = c.Incident.Verdict
	}
	var action *Action
	if c.Action != nil {
		one := toAction(*c.Action)
		action = &one
	}
	return Change{
		Action: action, Seq: c.Seq, Key: c.Key(), Kind: c.Kind, At: Instant(c.At), Incident: c.Incident.ID, About: c.Incident.Kind,
		State: c.Incident.State, Severity: c.Incident.Severity, Score: Number(c.Incident.Score),
		Reason: c.Reason, By: c.By, Comment: c.Comment, Causes: each(c.Incident.Causes, toCause),
		Summary: c.Incident.Summary, Verdict: verdict,
	}
}

func toDelivery(d omen.Delivery) Delivery {
	return Delivery{
		Key: d.Key, Receiver: d.Receiver, At: Instant(d.At), Took: Number(d.Took.Seconds()),
		Outcome: d.Outcome, Detail: d.Detail,
	}
}

// toModel leaves the card out unless it is asked for: cards are large.
func toModel(m omen.ModelInfo, card bool) Model {
	w := Model{
		ID: m.ID, Host: toRef(m.Host), Schema: m.Schema, Grade: m.Grade, TrainedAt: Instant(m.TrainedAt),
		From: Instant(m.From), To: Instant(m.To), Rows: m.Rows, Serving: m.Serving, Note: m.Note,
		Card: json.RawMessage("null"), Served: each(m.Served, func(s omen.Span) Service { return Service{Instant(s.From), Instant(s.To)} }),
	}
	if card && json.Valid(m.Card) {
		w.Card = m.Card
	}
	return w
}

func toSource(s omen.SourceStatus) Source {
	clone := func(m map[string]string) map[string]string {
		if m == nil {
			return map[string]string{}
		}
		return maps.Clone(m)
	}
	return Source{
		Name: s.Name, Address: s.Address, State: s.State, Since: Instant(s.Since), Err: s.Err,
		FailedFeatures: clone(s.FailedFeatures), LeftOut: clone(s.LeftOut), Blind: clone(s.Blind), Refused: clone(s.Refused), RefusedHosts: s.RefusedHosts,
		Late: clone(s.Late), LateHosts: s.LateHosts, SilentHosts: s.SilentHosts, Note: s.Note, Hosts: s.Hosts, LastRead: Instant(s.LastRead),
		ReadSeconds: Number(s.ReadSeconds), StepSeconds: Number(s.StepSeconds),
	}
}

// Unix is an instant as charts take it.
func Unix(t time.Time) Seconds { return Seconds(float64(t.UnixMilli()) / 1000) }
