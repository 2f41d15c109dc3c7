package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/mute"
)

// TrainingSpans are the times within from…to that host's model must not learn as
// normal, and those that it is to learn although the model before it alerted: of
// its incidents those that [feedback.Past.Spans] names, by the time of day in
// zone. Silences and windows with the effect "exclude" on the host, whose labels
// may be nil, are excluded too; of an incident that nobody confirmed the time in
// windows with the effect "shift" is not, since other values are expected in
// them. What actions upset is excluded, too ([feedback.ActionSpans]). Spans may
// overlap.
func (db *DB) TrainingSpans(ctx context.Context, host omen.Host, labels map[string]string, zone *time.Location, from, to time.Time) (excluded, benign []omen.Span, err error) {
	mutes, err := db.mutes(ctx, from)
	past := feedback.Past{Zone: zone}
	if err == nil {
		past.Incidents, err = db.Incidents(ctx, Filter{Host: host, From: from.Add(-feedback.LookBack), To: to})
	}
	if err == nil {
		past.Patterns, err = db.Patterns(ctx)
	}
	var actions []omen.Action
	if err == nil {
		actions, err = db.Actions(ctx, ActionFilter{Host: host, Since: from.Add(-feedback.LookBack)})
	}
	if err != nil {
		return nil, nil, fmt.Errorf("training spans of host %s: %w", host.ID(), err)
	}
	excluded, shifted := mutes.Spans(mute.Subject{Host: host, Labels: labels}, from, to)
	found, benign := past.Spans(from, to)
	for _, one := range found {
		if one.Confirmed {
			excluded = append(excluded, one)
			continue
		}
		excluded = append(excluded, outside(one, shifted)...)
	}
	for _, one := range feedback.ActionSpans(actions, to) {
		if one.To.After(from) {
			one.From = omen.Later(one.From, from)
			excluded = append(excluded, one)
		}
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

// mutes are the silences that have not ended at from, and the windows.
func (db *DB) mutes(ctx context.Context, from time.Time) (r mute.Rules, err error) {
	if r.Silences, err = db.Silences(ctx, from); err != nil {
		return r, err
	}
	r.Windows, err = db.Windows(ctx)
	return r, err
}
