package api

import (
	"errors"
	"net/http"
)

// Budgets replays hosts' own history with another page budget; package app
// implements it. It is safe for concurrent use.
type Budgets interface {
	// Budget is the budget of now, and the last replay.
	Budget() (Budget, error)

	// ReplayBudget begins to replay with another budget, in false pages per host and
	// week. [omen.ErrConflict]: a replay is under way, [omen.ErrInvalid]: no such
	// budget can be.
	ReplayBudget(perHostWeek float64) error

	// CancelBudget ends the replay that is under way; without one it does nothing.
	CancelBudget()
}

// unplanned are the Budgets of an API without hosts.
type unplanned struct{}

func (unplanned) Budget() (b Budget, err error) { return b, errors.ErrUnsupported }
func (unplanned) ReplayBudget(float64) error    { return errors.ErrUnsupported }
func (unplanned) CancelBudget()                 {}

// Budget is how many false pages are accepted, and what another number would have
// changed.
type Budget struct {
	PerHostWeek Number        `json:"per_host_week" null:"never" doc:"false pages per host and week that the configuration accepts"`
	Written     Written       `json:"written"`
	Replay      *BudgetReplay `json:"replay" doc:"the last replay since the configuration was read; null: none was asked for"`
}

// BudgetReplay is hosts' own history, taken through the rules of scoring again with
// the budget of now and another one.
type BudgetReplay struct {
	State     string              `json:"state" doc:"running, done, cancelled or failed"`
	Asked     Number              `json:"asked_per_host_week" null:"never"`
	Progress  Number              `json:"progress" null:"never" doc:"0 to 1"`
	StartedAt Instant             `json:"started_at" null:"never"`
	EndedAt   Instant             `json:"ended_at"`
	Replayed  int                 `json:"replayed_hosts" doc:"so far: what follows is of them"`
	Chosen    int                 `json:"chosen_hosts" doc:"to be replayed, chosen at random, the same ones each time"`
	Hosts     int                 `json:"hosts" doc:"that have a model"`
	Skipped   int                 `json:"skipped_hosts" doc:"with too little history"`
	Days      Number              `json:"days" doc:"that were replayed, on average; null: none yet"`
	Step      Number              `json:"step_seconds" doc:"between two samples, of the coarsest; null: none yet"`
	Actual    int                 `json:"actual" doc:"incidents that people were notified of on these hosts then, with the silences, windows and fleet incidents that there were"`
	Outcomes  List[BudgetOutcome] `json:"outcomes" doc:"of the budget of now, and of the one that was asked for"`
	Err       string              `json:"err" doc:"why it failed, or ended early"`
	Text      string              `json:"text" doc:"the same for people; empty until there is something to say"`
	YAML      string              `json:"yaml" doc:"what to write into the configuration file"`
}

// BudgetOutcome is what people would have been notified of.
type BudgetOutcome struct {
	PerHostWeek Number `json:"per_host_week" null:"never"`
	Notified    int    `json:"notified" doc:"incidents; one of several hosts counts for each"`
	Real        int    `json:"real" doc:"of the incidents that people judged real then, those that they would have been notified of"`
	Rejected    int    `json:"rejected" doc:"of those that they judged not a problem, or expected"`
}

// AskBudget asks for a replay.
type AskBudget struct {
	PerHostWeek Number `json:"per_host_week" doc:"the budget to try, above 0 and at most 1000"`
}

func (a *API) budgetRoutes() []route {
	return []route{
		{method: "GET", path: base + "/budget", summary: "The page budget, and what another one would have changed", answer: Budget{}, handle: func(*http.Request) (any, error) {
			return a.budgets.Budget()
		}},
		{method: "POST", path: base + "/budget/replay", least: RoleOperate, summary: "Begin to replay the hosts' own history with another page budget; nothing is stored and nobody is notified", body: AskBudget{}, answer: Budget{}, handle: a.replayBudget},
		{method: "DELETE", path: base + "/budget/replay", least: RoleOperate, summary: "Cancel the replay that is under way", answer: Budget{}, handle: func(*http.Request) (any, error) {
			a.budgets.CancelBudget()
			return a.budgets.Budget()
		}},
	}
}

func (a *API) replayBudget(r *http.Request) (any, error) {
	var in AskBudget
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if err := a.budgets.ReplayBudget(float64(in.PerHostWeek)); err != nil {
		return nil, err
	}
	return a.budgets.Budget()
}
