package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

type Explanation struct {
	Host       string         `json:"host"`
	At         Instant        `json:"at" null:"never"`
	Notified   bool           `json:"notified" doc:"people had been notified of what lasted at the moment"`
	Steps      List[Reasoned] `json:"steps" doc:"what had to hold, in order, up to the first that did not"`
	Score      Number         `json:"score" doc:"of the last sample; null where none was judged"`
	Level      Number         `json:"level" doc:"above which the host alerted then, 1 or more"`
	Causes     List[Cause]    `json:"causes" doc:"of the last sample"`
	Incident   string         `json:"incident" doc:"that was open then, or that what was seen then opened; empty: none"`
	Deliveries List[Delivery] `json:"deliveries" doc:"of that incident, or of the fleet incident that it was part of, up to the moment"`
}

type Reasoned struct {
	Question Question `json:"question" doc:"sample, model, score, evidence, incident, suppressed or delivered"`
	Met      bool     `json:"met"`
	Text     string   `json:"text"`
	At       Instant  `json:"at" doc:"the instant that the text is about; null: the moment itself"`
}

func (a *API) getExplanation(r *http.Request) (any, error) {
	h, err := a.hostParam(r.PathValue("host"))
	if err != nil {
		return nil, err
	}
	at, err := timeParam(r.URL.Query().Get("at"), "at", time.Now())
	if err != nil {
		return nil, err
	}
	if at.After(time.Now().Add(time.Second)) {
		return nil, fmt.Errorf("at %s has not come yet: %w", at.Format(time.RFC3339), omen.ErrInvalid)
	}
	e := &explanation{a: a, host: h, at: at, Explanation: Explanation{Host: h.ID(), At: Instant(at), Score: Number(math.NaN()), Level: 1}}
	if err := e.judge(r.Context()); err != nil {
		return nil, err
	}
	return e.Explanation, nil
}

// explanation is one in the making.
type explanation struct {
	a    *API
	host omen.Host
	at   time.Time
	Explanation
}

// step adds one, and reports whether it is met.
func (e *explanation) step(question Question, met bool, at time.Time, format string, args ...any) bool {
	e.Steps = append(e.Steps, Reasoned{question, met, fmt.Sprintf(format, args...), Instant(at)})
	return met
}

// judge goes through what has to hold for people to be notified. What the journal
// says of an incident that was open rules; the samples say the rest.
func (e *explanation) judge(ctx context.Context) error {
	found, err := e.a.store.Incidents(ctx, store.Filter{Host: e.host, Kinds: []omen.IncidentKind{omen.HostIncident}, From: e.at, To: e.at.Add(1), Limit: 1})
	if err != nil {
		return err
	}
	j, err := e.a.live.JudgedAt(ctx, e.host, e.sampled())
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, omen.ErrNotFound) {
		return err
	}
	if n := len(j.Scores); n > 0 && j.Scores[n-1].Model != "" {
		s := j.Scores[n-1]
		e.Score, e.Level, e.Causes = Number(s.Value), Number(max(1, s.Level)), each(s.Causes, toCause)
	}
	if len(found) > 0 {
		return e.incident(ctx, found[0], j)
	}
	if f, err := e.forecast(ctx); err != nil || f != nil {
		if err == nil {
			err = e.incident(ctx, *f, j)
		}
		if err != nil || !(float64(e.Score) > float64(e.Level)) {
			return err
		}
		defer func() { e.Incident = f.ID }() // of the score above the level nobody was notified: that is said after it
	}
	seen, err := e.seen(ctx, j)
	if err != nil || !seen {
		return err
	}
	if e.loud(j) {
		return e.unopened(ctx)
	}
	return nil
}

// forecast is the host's heaviest forecast incident that was open at the moment;
// nil: none was.
func (e *explanation) forecast(ctx context.Context) (*omen.Incident, error) {
	all, err := e.a.store.Incidents(ctx, store.Filter{Host: e.host, Kinds: []omen.IncidentKind{omen.ForecastIncident}, From: e.at, To: e.at.Add(1)})
	all = slices.DeleteFunc(all, func(in omen.Incident) bool { return in.OpenedAt.After(e.at) })
	if err != nil || len(all) == 0 {
		return nil, err
	}
	slices.SortStableFunc(all, heavier(e.at))
	return &all[0], nil
}

// sampled is the moment, or the host's last sample where that is older and the host
// is not silent: its source's newest samples come late.
func (e *explanation) sampled() time.Time {
	if h, known := e.a.live.Host(e.host); known && h.State != omen.HostSilent && h.LastSeen.Before(e.at) && !h.LastSeen.IsZero() && time.Since(e.at) < time.Minute {
		return h.LastSeen
	}
	return e.at
}

// seen is whether there is a sample that a model judged.
func (e *explanation) seen(ctx context.Context, j Judged) (bool, error) {
	n := len(j.Scores)
	if n == 0 || e.sampled().Sub(j.Scores[n-1].At) > max(4*j.Step, 10*time.Second) {
		down, err := e.a.store.Incidents(ctx, store.Filter{Source: e.host.Source, Kinds: []omen.IncidentKind{omen.SourceIncident}, From: e.at, To: e.at.Add(1), Limit: 1})
		if err != nil {
			return false, err
		}
		if len(down) > 0 {
			e.Incident = down[0].ID
			return e.step(AskedSample, false, down[0].Since, "Omen did not see the host: %s", down[0].Summary), nil
		}
		return e.step(AskedSample, false, time.Time{}, "no sample of the host is stored: it sent nothing then, or what it sent is no longer kept"), nil
	}
	s := j.Scores[n-1]
	e.step(AskedSample, true, s.At, "the host sent a sample")
	if s.Model == "" {
		return e.step(AskedModel, false, time.Time{}, "no model judged it: the host had none yet, or that one is no longer stored"), nil
	}
	return e.step(AskedModel, true, time.Time{}, "it was judged by a model that is %s", s.Grade), nil
}

// loud is whether the samples up to the moment were enough for an incident.
func (e *explanation) loud(j Judged) bool {
	s := j.Scores[len(j.Scores)-1]
	level := max(1, s.Level)
	switch {
	case s.Value <= 1:
		return e.step(AskedScore, false, time.Time{}, "the score was %s, and the limit is 1", omen.Count.Format(s.Value))
	case s.Value <= level:
		return e.step(AskedScore, false, time.Time{}, "the score was %s: above the limit, and not above %s, from where this host alerted after weak alerts that came often, or a plateau", omen.Count.Format(s.Value), omen.Count.Format(level))
	}
	e.step(AskedScore, true, time.Time{}, "the score was %s, above %s", omen.Count.Format(s.Value), omen.Count.Format(level))
	hot, onset := 0, s.At
	for i := len(j.Scores) - 1; i >= 0; i-- {
		one := j.Scores[i]
		if one.Model == "" || one.Value <= max(1, one.Level) {
			break
		}
		if one.Unsmoothed > max(1, one.Level) {
			hot, onset = hot+1, one.At
		}
	}
	lasted := s.At.Sub(onset)
	return e.step(AskedEvidence, j.Opens.Met(hot, lasted), onset, "it had been for %s over %s; an incident takes %d over %s by a model that is %s",
		count(hot, "sample"), lasted, j.Opens.Samples, j.Opens.For, s.Grade)
}

// count writes "1 sample" and "3 samples".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// unopened is why there is no incident though there was evidence.
func (e *explanation) unopened(ctx context.Context) error {
	before, err := e.a.store.Incidents(ctx, store.Filter{Host: e.host, Kinds: []omen.IncidentKind{omen.HostIncident}, To: e.at, Limit: 1})
	if err != nil {
		return err
	}
	if len(before) > 0 && (before[0].Reason == omen.ReasonByOperator || before[0].Reason == omen.ReasonExpired) {
		e.Incident = before[0].ID
		what := "was closed by hand"
		if before[0].Reason == omen.ReasonExpired {
			what = "had lasted so long that it was taken for the new normal"
		}
		e.step(AskedIncident, false, before[0].ClosedAt, "the incident before %s: until the score has been back at the limit, a new model judges, or it is twice as high, it opens no other", what)
		return nil
	}
	e.step(AskedIncident, false, time.Time{}, "no incident is on record: Omen did not run then, or the models of then are no longer those that judged")
	return nil
}

// incident is what became of an incident that was open at the moment, or whose
// first sample was before it.
func (e *explanation) incident(ctx context.Context, in omen.Incident, j Judged) error {
	e.Incident = in.ID
	if n := len(j.Scores); n > 0 && j.Scores[n-1].Model != "" && in.Kind == omen.HostIncident {
		e.step(AskedScore, true, time.Time{}, "the score was %s, and the host alerted above %s", omen.Count.Format(float64(e.Score)), omen.Count.Format(float64(e.Level)))
	}
	changes, err := e.a.store.Changes(ctx, in.ID)
	if err != nil {
		return err
	}
	changes = slices.DeleteFunc(changes, func(c omen.Change) bool { return c.At.After(e.at) })
	if len(changes) == 0 {
		e.step(AskedEvidence, false, in.OpenedAt, "what began then had not lasted long enough: the incident opened later")
		return nil
	}
	last := changes[len(changes)-1].Incident
	if in.Kind == omen.ForecastIncident {
		e.step(AskedIncident, true, in.OpenedAt, "a forecast was %s, %s: %s", last.State, last.Severity, last.Summary)
	} else {
		e.step(AskedIncident, true, in.Since, "an incident was %s, %s", last.State, last.Severity)
	}
	about := in.ID
	if last.Suppressed == omen.ReasonFleet && last.Fleet != "" {
		about = last.Fleet
		if changes, err = e.a.store.Changes(ctx, last.Fleet); err != nil {
			return err
		}
		changes = slices.DeleteFunc(changes, func(c omen.Change) bool { return c.At.After(e.at) })
		if len(changes) == 0 {
			e.step(AskedIncident, false, time.Time{}, "it was to be part of an incident of many hosts, which opened later")
			return nil
		}
		last = changes[len(changes)-1].Incident
		e.step(AskedIncident, true, last.Since, "it was part of one incident of %s", count(len(last.Members), "host"))
	}
	if last.Suppressed != "" {
		text, err := e.suppressed(ctx, last, j)
		e.step(AskedSuppressed, false, time.Time{}, "%s", text)
		return err
	}
	e.step(AskedSuppressed, true, time.Time{}, "nothing suppressed it")
	return e.delivered(ctx, about, slices.ContainsFunc(changes, feedback.Notifies))
}

// suppressed is why nobody was notified of an incident.
func (e *explanation) suppressed(ctx context.Context, in omen.Incident, j Judged) (string, error) {
	switch in.Suppressed {
	case omen.ReasonColdStart:
		h := incident.DefaultHysteresis()
		return fmt.Sprintf("the model was too young to notify of anything but what stays %.3g times the smallest deviation outside of what it expects", h.ColdTimes), nil
	case omen.ReasonTrivial:
		return "what was unusual was too small to matter, or in the harmless direction", nil
	case omen.ReasonMinor:
		page := "the page level"
		if n := len(j.Scores); n > 0 && j.Scores[n-1].PageLevel > 1 {
			page = fmt.Sprintf("the page level %.3g", j.Scores[n-1].PageLevel)
		}
		return fmt.Sprintf("it was below %s, from which the page budget is kept, and had not lasted %s", page, omen.Soon(j.Lasting)), nil
	case omen.ReasonFeedback:
		return "it is like one that somebody judged not a problem, or expected at this time", nil
	}
	by, err := e.muters(ctx, in)
	if len(by) == 0 {
		return "it was muted: " + in.Suppressed, err
	}
	return "it was muted by " + strings.Join(by, ", "), err
}

// muters names the silences, windows and events that mute an incident at the moment.
func (e *explanation) muters(ctx context.Context, in omen.Incident) (names []string, err error) {
	silences, err := e.a.store.Silences(ctx, e.at)
	windows, err2 := e.a.store.Windows(ctx)
	events, err3 := e.a.store.Events(ctx, e.at.Add(-24*time.Hour), e.at.Add(1))
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, err
	}
	who := mute.Subjects(&in, func(h omen.Host) map[string]string {
		s, _ := e.a.live.Host(h)
		return s.Labels
	})
	add := func(rules mute.Rules, format string, args ...any) {
		if set, broken := rules.Compile(); len(broken) == 0 && set.Reason(&in, who, e.at) != "" {
			names = append(names, fmt.Sprintf(format, args...))
		}
	}
	for _, s := range silences {
		add(mute.Rules{Silences: []mute.Silence{s}}, "the silence %q of %s", s.Reason, s.By)
	}
	for _, w := range windows {
		add(mute.Rules{Windows: []mute.Window{w}}, "the window %q", w.Name)
	}
	for _, v := range events {
		add(mute.Rules{Events: []mute.Event{v}}, "the grace after a %s", v.Kind)
	}
	return names, nil
}

// delivered is whether a receiver took the message.
func (e *explanation) delivered(ctx context.Context, id string, notifies bool) error {
	all, err := e.a.store.Deliveries(ctx, id)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(d omen.Delivery) bool { return d.At.After(e.at) })
	e.Deliveries = each(all, toDelivery)
	i := slices.IndexFunc(all, func(d omen.Delivery) bool { return d.Outcome == "delivered" })
	switch {
	case i >= 0:
		e.Notified = e.step(AskedDelivered, true, all[i].At, "%s was notified", all[i].Receiver)
	case len(all) > 0:
		d := all[len(all)-1]
		e.step(AskedDelivered, false, d.At, "no receiver had taken the message: %s %s, %s", d.Receiver, strings.ReplaceAll(d.Outcome, "_", " "), d.Detail)
	case notifies:
		e.step(AskedDelivered, false, time.Time{}, "the message had reached no receiver: none is configured, the routes lead to none, or it waited to be grouped")
	default:
		e.step(AskedDelivered, false, time.Time{}, "there was nothing to send yet")
	}
	return nil
}
