package api

import (
	"encoding/json"
	"maps"
	"math"
	"time"

	"github.com/omenhq/omen"
)

func toRef(h omen.Host) wireHostRef {
	return wireHostRef{ID: h.ID(), Source: h.Source, Profile: h.Profile, Name: h.Name}
}

func toCause(c omen.Cause) wireCause {
	return wireCause{
		Feature: c.Feature, Unit: c.Unit, Share: number(c.Share), Actual: number(c.Actual),
		Expected: number(c.Expected), Lower: number(c.Lower), Upper: number(c.Upper),
		Trivial: c.Trivial, Clears: c.Clears, Text: c.String(),
	}
}

func toTraining(t omen.TrainingStatus) wireTraining {
	return wireTraining{
		Running: t.Running, Progress: number(t.Progress), Samples: t.Samples,
		NextDue: instant(t.NextDue), NextGrade: t.NextGrade, Err: t.Err,
	}
}

// hasScore reports whether a host's score means something now: it has a model,
// was scored, and still sends.
func hasScore(h omen.HostStatus) bool {
	return h.Model.ID != "" && !h.Score.At.IsZero() && !math.IsNaN(h.Score.Value) &&
		h.State != omen.HostSilent && h.State != omen.HostLearning
}

func toHost(h omen.HostStatus, recent []float64, causes int) wireHost {
	w := wireHost{
		wireHostRef: toRef(h.Host), Labels: maps.Clone(h.Labels), State: h.State,
		Score: number(math.NaN()), Error: number(math.NaN()), Grade: h.Model.Grade,
		LastSeen: instant(h.LastSeen), Model: h.Model.ID, TrainedAt: instant(h.Model.TrainedAt),
		Training: toTraining(h.Training), Recent: each(recent, func(v float64) number { return number(v) }),
		ModelAge: number(modelAge(h, time.Now())), Stale: h.Stale, Pages: wirePages{
			Promised: number(h.Pages.Promised), Actual: number(h.Pages.PerWeek()), Opened: h.Pages.Opened, Days: number(h.Pages.Days),
		},
	}
	if d := h.Drift; d.Samples > 0 {
		w.Drift = &wireDrift{
			MeasuredAt: instant(h.Score.At), Samples: d.Samples, Busy: number(d.Busy), Expected: number(d.Expected),
			Shifted: list[string](d.Shifted), Drifting: d.Drifting,
		}
	}
	if w.Labels == nil {
		w.Labels = map[string]string{}
	}
	if hasScore(h) {
		w.Score, w.Error, w.ScoredAt = number(h.Score.Value), number(h.Score.ReconstructionError), instant(h.Score.At)
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

func toFeature(f omen.FeatureValue) wireFeature {
	return wireFeature{
		Name: f.Name, Unit: f.Unit, Help: f.Help, Actual: number(f.Actual), Expected: number(f.Expected),
		Lower: number(f.Lower), Upper: number(f.Upper), Share: number(f.Share),
		ActualText: f.Unit.Format(f.Actual), ExpectedText: f.Unit.Format(f.Expected),
	}
}

func toIncident(i omen.Incident) wireIncident {
	return wireIncident{
		ID: i.ID, Kind: i.Kind, Host: toRef(i.Host), Members: each(i.Members, toRef), State: i.State,
		Severity: i.Severity, Grade: i.Grade, Since: instant(i.Since), OpenedAt: instant(i.OpenedAt),
		UpdatedAt: instant(i.UpdatedAt), ClosedAt: instant(i.ClosedAt), Score: number(i.Score),
		Peak: number(i.Peak), Causes: each(i.Causes, toCause), Reason: i.Reason, Summary: i.Summary,
		Suppressed: i.Suppressed, AckedBy: i.AckedBy, Assignee: i.Assignee, Verdict: i.Verdict,
		VerdictBy: i.VerdictBy, Links: list[string](i.Links), Model: i.Model, Fleet: i.Fleet,
	}
}

func toChange(c omen.Change) wireChange {
	return wireChange{
		Seq: c.Seq, Key: c.Key(), Kind: c.Kind, At: instant(c.At), Incident: c.Incident.ID,
		State: string(c.Incident.State), Severity: c.Incident.Severity, Score: number(c.Incident.Score),
		Reason: c.Reason, By: c.By, Comment: c.Comment, Causes: each(c.Incident.Causes, toCause),
		Summary: c.Incident.Summary,
	}
}

func toDelivery(d omen.Delivery) wireDelivery {
	return wireDelivery{
		Key: d.Key, Receiver: d.Receiver, At: instant(d.At), Took: number(d.Took.Seconds()),
		Outcome: d.Outcome, Detail: d.Detail,
	}
}

// toModel leaves the card out unless it is asked for: cards are large.
func toModel(m omen.ModelInfo, card bool) wireModel {
	w := wireModel{
		ID: m.ID, Host: toRef(m.Host), Schema: m.Schema, Grade: m.Grade, TrainedAt: instant(m.TrainedAt),
		From: instant(m.From), To: instant(m.To), Rows: m.Rows, Serving: m.Serving, Note: m.Note,
		Card: json.RawMessage("null"),
	}
	if card && json.Valid(m.Card) {
		w.Card = m.Card
	}
	return w
}

func toSource(s omen.SourceStatus) wireSource {
	failed := maps.Clone(s.FailedFeatures)
	if failed == nil {
		failed = map[string]string{}
	}
	return wireSource{
		Name: s.Name, Address: s.Address, State: s.State, Since: instant(s.Since), Err: s.Err,
		FailedFeatures: failed, Hosts: s.Hosts, LastRead: instant(s.LastRead),
		ReadSeconds: number(s.ReadSeconds), StepSeconds: number(s.StepSeconds),
	}
}

// unix is seconds since 1970, as charts take it.
func unix(t time.Time) seconds { return seconds(float64(t.UnixMilli()) / 1000) }
