package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
)

// ExcludedSpans are the times within from…to that host's model must not learn
// as normal: its open incidents (until to), those that an operator confirmed,
// and closed ones that nobody has judged. Rejected and expected incidents,
// trivial ones, those of a model too young to page, those that expired as the
// new normal and those of a daily habit (three days at the same time of day
// with the same leading cause) are learnable again.
// Silences and windows with the effect "exclude" on the host, whose labels may
// be nil, are left out too. Spans may overlap.
func (db *DB) ExcludedSpans(ctx context.Context, host omen.Host, labels map[string]string, from, to time.Time) ([]omen.Span, error) {
	spans, err := db.quietSpans(ctx, omen.HostValue(host, labels), from, to)
	if err != nil {
		return nil, fmt.Errorf("excluded spans of host %s: %w", host.ID(), err)
	}
	found, err := db.Incidents(ctx, Filter{Host: host, From: from, To: to})
	if err != nil {
		return nil, fmt.Errorf("excluded spans of host %s: %w", host.ID(), err)
	}
	daily := habits(found)
	for _, in := range found {
		if !excludes(in) || in.Verdict != omen.Real && daily[in.ID] {
			continue
		}
		spans = append(spans, spanOf(in, from, to))
	}
	return spans, nil
}

// BenignSpans are the times within from…to of which an operator said that
// nothing was wrong with host, those that expired as the new normal, and those
// of a daily habit: a model is to learn them although the one before it alerted. A confirmed
// incident's time is never among them alone: [DB.ExcludedSpans] has it too.
func (db *DB) BenignSpans(ctx context.Context, host omen.Host, from, to time.Time) ([]omen.Span, error) {
	found, err := db.Incidents(ctx, Filter{Host: host, From: from, To: to})
	if err != nil {
		return nil, fmt.Errorf("benign spans of host %s: %w", host.ID(), err)
	}
	daily := habits(found)
	var spans []omen.Span
	for _, in := range found {
		if benign(in) || daily[in.ID] {
			spans = append(spans, spanOf(in, from, to))
		}
	}
	return spans, nil
}

// benign reports whether an incident's time is normal by somebody's word: a
// verdict on it, a verdict on its like before, or a day without anybody's care.
func benign(in omen.Incident) bool {
	if in.Kind == omen.SourceIncident || in.Kind == omen.OwnIncident || in.Verdict == omen.Real {
		return false
	}
	return in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected ||
		in.Suppressed == omen.ReasonFeedback || in.Reason == omen.ReasonExpired
}

// spanOf is an incident's time within from…to.
func spanOf(in omen.Incident, from, to time.Time) omen.Span {
	end := in.ClosedAt
	if in.State != omen.Closed || end.After(to) {
		end = to
	}
	begin := in.Since
	if begin.Before(from) {
		begin = from
	}
	return omen.Span{From: begin, To: end, Why: "incident " + in.ID}
}

// excludes reports whether an incident's time is kept out of training.
func excludes(in omen.Incident) bool {
	switch {
	case in.Kind == omen.SourceIncident || in.Kind == omen.OwnIncident:
		return false // there are no samples to learn from
	case in.Verdict == omen.NotAProblem || in.Verdict == omen.Expected:
		return false
	case in.Verdict == omen.Real:
		return true
	case in.Suppressed == omen.ReasonTrivial || in.Suppressed == omen.ReasonColdStart:
		return false // or a young model would never grow up
	case in.State != omen.Closed:
		return true
	}
	return in.Suppressed == "" && in.Reason != omen.ReasonExpired
}

// quietSpans are the silences and windows that ask for their time to be left
// out of a host's training.
func (db *DB) quietSpans(ctx context.Context, value func(string) string, from, to time.Time) (spans []omen.Span, err error) {
	silences, err := db.Silences(ctx, from)
	if err != nil {
		return nil, err
	}
	for _, s := range silences {
		if s.Effect == omen.EffectExclude && s.From.Before(to) && onHost(s.Match, value) {
			spans = append(spans, omen.Span{From: s.From, To: s.Until, Why: "silence " + s.ID})
		}
	}
	windows, err := db.Windows(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range windows {
		if w.Effect == omen.EffectExclude && onHost(w.Match, value) {
			spans = append(spans, w.Between(from, to)...)
		}
	}
	return spans, nil
}

// onHost reports whether matchers that ask about hosts alone hold for one.
func onHost(match []omen.Matcher, value func(string) string) bool {
	if slices.ContainsFunc(match, func(m omen.Matcher) bool { return !m.OfHost() }) {
		return false
	}
	holds, err := omen.Compile(match)
	return err == nil && holds(value)
}
