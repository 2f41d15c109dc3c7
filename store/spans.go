package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// ExcludedSpans are the times within from…to that host's model must not learn
// as normal: of its incidents those that [omen.Untaught] names.
// Silences and windows with the effect "exclude" on the host, whose labels may
// be nil, are left out too; of an incident that nobody confirmed the time in
// windows with the effect "shift" is not, since other values are expected in
// them. Spans may overlap.
func (db *DB) ExcludedSpans(ctx context.Context, host omen.Host, labels map[string]string, from, to time.Time) ([]omen.Span, error) {
	mutes, err := db.mutes(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("excluded spans of host %s: %w", host.ID(), err)
	}
	spans, shifted := mutes.Spans(mute.Subject{Host: host, Labels: labels}, from, to)
	found, back, err := db.past(ctx, host, from, to)
	if err != nil {
		return nil, fmt.Errorf("excluded spans of host %s: %w", host.ID(), err)
	}
	for _, one := range omen.Untaught(found, back, from, to) {
		if one.Confirmed {
			spans = append(spans, one)
			continue
		}
		spans = append(spans, outside(one, shifted)...)
	}
	return spans, nil
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

// BenignSpans are the times within from…to that host's model is to learn although
// the one before it alerted: of its incidents those that [omen.Harmless] names.
func (db *DB) BenignSpans(ctx context.Context, host omen.Host, from, to time.Time) ([]omen.Span, error) {
	found, back, err := db.past(ctx, host, from, to)
	if err != nil {
		return nil, fmt.Errorf("benign spans of host %s: %w", host.ID(), err)
	}
	return omen.Harmless(found, back, from, to), nil
}

// past is a host's incidents, and the patterns on it that were taken back.
func (db *DB) past(ctx context.Context, host omen.Host, from, to time.Time) ([]omen.Incident, []omen.Pattern, error) {
	found, err := db.Incidents(ctx, Filter{Host: host, From: from, To: to})
	if err != nil {
		return nil, nil, err
	}
	known, err := db.Patterns(ctx)
	return found, omen.TakenBack(known, host), err
}

// mutes are the silences that have not ended at from, and the windows.
func (db *DB) mutes(ctx context.Context, from time.Time) (r mute.Rules, err error) {
	if r.Silences, err = db.Silences(ctx, from); err != nil {
		return r, err
	}
	r.Windows, err = db.Windows(ctx)
	return r, err
}
