package omen_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omenhq/omen"
)

// Whatever is asked of an action, it takes only the steps that there are, is started
// once at most, from approved alone, and ends.
func TestStepsOfAnAction(t *testing.T) {
	all := []omen.ActionState{
		omen.ActionSuggested, omen.ActionRefused, omen.ActionWaiting, omen.ActionDeclined, omen.ActionExpired, omen.ActionApproved,
		omen.ActionStarted, omen.ActionDone, omen.ActionFailed, omen.ActionUnknown, omen.ActionStuck, omen.ActionMeasuring,
		omen.ActionHelped, omen.ActionNotHelped, omen.ActionWorse, omen.ActionUnmeasurable, omen.ActionInterrupted, omen.ActionUndone,
	}
	rapid.Check(t, func(t *rapid.T) {
		a := omen.Action{ID: "a1"}
		at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
		started, taken := 0, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at = at.Add(time.Second)
			was := a
			to := rapid.SampledFrom(all).Draw(t, "to")
			if next := a.State.Next(); len(next) > 0 && rapid.Bool().Draw(t, "possible") {
				to = rapid.SampledFrom(next).Draw(t, "next")
			}
			err := a.Step(to, at, "so")
			if !slices.Contains(was.State.Next(), to) {
				if !errors.Is(err, omen.ErrConflict) || a.State != was.State || a.Started != was.Started || a.Ended != was.Ended {
					t.Fatalf("from %q to %s: %v, %+v", was.State, to, err, a)
				}
				continue
			}
			if err != nil || a.State != to {
				t.Fatalf("from %q to %s: %v", was.State, to, err)
			}
			taken++
			if to == omen.ActionStarted {
				if started++; started > 1 || was.State != omen.ActionApproved {
					t.Fatalf("started %d times, from %s", started, was.State)
				}
			}
			if (a.State == omen.ActionUnknown || a.State == omen.ActionStuck || a.State == omen.ActionDone || a.State == omen.ActionMeasuring) && a.Started.IsZero() {
				t.Fatalf("%s without a start", a.State)
			}
			if len(to.Next()) == 0 && (a.Ended.IsZero() || to.Live()) {
				t.Fatalf("%s is an end: %+v", to, a)
			}
		}
		if taken > 9 {
			t.Fatalf("an action takes %d steps", taken)
		}
	})
}
