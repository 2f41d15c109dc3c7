package api

import (
	"fmt"
	"sync"
	"testing"

	"github.com/omenhq/omen"
)

// replayed are Budgets that replay at once.
type replayed struct {
	mu   sync.Mutex
	last *BudgetReplay
}

func (r *replayed) Budget() (Budget, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Budget{PerHostWeek: 1, Written: line3, Replay: r.last}, nil
}

func (r *replayed) ReplayBudget(perHostWeek float64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !(perHostWeek > 0) {
		return fmt.Errorf("per_host_week: %v: %w", perHostWeek, omen.ErrInvalid)
	}
	r.last = &BudgetReplay{State: "done", Asked: Number(perHostWeek), Progress: 1, StartedAt: Instant(at), Days: 30, Outcomes: List[BudgetOutcome]{{PerHostWeek: 1, Notified: 3}, {PerHostWeek: Number(perHostWeek), Notified: 9, Real: 1}}}
	return nil
}

func (r *replayed) CancelBudget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != nil {
		r.last.State = "cancelled"
	}
}

func TestBudgetsAreReplayed(t *testing.T) {
	f := newFixture(t)
	if got := read[Budget](t, f, "budget"); got.Replay != nil || got.PerHostWeek != 1 || got.Written.Line != 3 {
		t.Errorf("before: %+v", got)
	}
	for body, want := range map[string]int{`{"per_host_week":2}`: 200, `{"per_host_week":null}`: 400, `{"per_host_week":0}`: 400, `{}`: 400, `{"pages":2}`: 400} {
		if status, text, _ := f.call(t, "POST", "/api/v1/omen/budget/replay", body); status != want {
			t.Errorf("%s: %d %s, want %d", body, status, text, want)
		}
	}
	if got := read[Budget](t, f, "budget"); got.Replay == nil || got.Replay.Outcomes[1].Notified != 9 {
		t.Errorf("after: %+v", got)
	}
	if status, text, _ := f.call(t, "DELETE", "/api/v1/omen/budget/replay", ""); status != 200 || read[Budget](t, f, "budget").Replay.State != "cancelled" {
		t.Errorf("cancelled: %d %s", status, text)
	}
}
