package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
)

// TrainingSpans are the times within from…to that host's model must not learn as
// normal, and those that it is to learn although the model before it alerted: of
// its incidents those that [feedback.Past.Spans] names, by the time of day in
// zone. Silences and windows with the effect "exclude" on the host, whose labels
// may be nil, are excluded too; of an incident that nobody confirmed the time in
// windows with the effect "shift" is not, since other values are expected in
// them. Spans may overlap.
func (db *DB) TrainingSpans(ctx context.Context, host omen.Host, labels map[string]string, zone *time.Location, from, to time.Time) (excluded, benign []omen.Span, err error) {
	excluded, shifted, err := db.quietSpans(ctx, omen.HostValue(host, labels), from, to)
	past := feedback.Past{Zone: zone}
	if err == nil {
		past.Incidents, err = db.Incidents(ctx, Filter{Host: host, From: from.Add(-feedback.LookBack), To: to})
	}
	if err == nil {
		past.Patterns, err = db.Patterns(ctx)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("training spans of host %s: %w", host.ID(), err)
	}
	found, benign := past.Spans(from, to)
	for _, one := range found {
		if one.Confirmed {
			excluded = append(excluded, one)
			continue
		}
		excluded = append(excluded, outside(one, shifted)...)
	}
	return excluded, benign, nil
}

// outside is what is left of a span without others, oldest first.
func outside(s omen.Span, without []omen.Span) []omen.Span {
	var left []omen.Span
	for _, w := range slices.SortedFunc(slices.Values(without), func(a, b omen.Span) int { return a.From.Compare(b.From) }) {
		if !w.To.After(s.From) || !w.From.Before(s.To) {
			continue
		}
		if w.From.After(s.From) {
			left = append(left, omen.Span{From: s.From, To: w.From, Why: s.Why})
		}
		s.From = w.To
	}
	if s.From.Before(s.To) {
		left = append(left, s)
	}
	return left
}

// quietSpans are the times that the silences and windows on a host ask to be
// left out of its training, and those of windows in which other values are
// expected.
func (db *DB) quietSpans(ctx context.Context, value func(string) string, from, to time.Time) (out, shifted []omen.Span, err error) {
	silences, err := db.Silences(ctx, from)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range silences {
		if s.Effect == omen.EffectExclude && s.From.Before(to) && onHost(s.Match, value) {
			out = append(out, omen.Span{From: s.From, To: s.Until, Why: "silence " + s.ID})
		}
	}
	windows, err := db.Windows(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range windows {
		switch {
		case !onHost(w.Match, value):
		case w.Effect == omen.EffectExclude:
			out = append(out, w.Between(from, to)...)
		case w.Effect == omen.EffectShift:
			shifted = append(shifted, w.Between(from, to)...)
		}
	}
	return out, shifted, nil
}

// onHost reports whether matchers that ask about hosts alone hold for one.
func onHost(match []omen.Matcher, value func(string) string) bool {
	if slices.ContainsFunc(match, func(m omen.Matcher) bool { return !m.OfHost() }) {
		return false
	}
	holds, err := omen.Compile(match)
	return err == nil && holds(value)
}
