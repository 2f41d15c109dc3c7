package remedy_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

// world is a small fleet around a real store and a real incident manager: of each
// open incident the host that is sick, and four that are well in its group.
type world struct {
	db      *store.DB
	path    string // of the database
	manager *incident.Manager

	mu     sync.Mutex
	scores map[omen.Host]float64 // of hosts that are not as sick as they were
	blind  error                 // why hosts cannot be looked at
	full   error                 // why it cannot be stored that an action starts
}

var _ remedy.World = (*world)(nil)

const sick = 3

func (w *world) score(h omen.Host) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.scores[h]; ok {
		return s
	}
	return sick
}

func (w *world) set(h omen.Host, score float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.scores == nil {
		w.scores = map[omen.Host]float64{}
	}
	w.scores[h] = score
}

// look says why hosts cannot be looked at; nil: they can.
func (w *world) look(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blind = why
}

func (w *world) Look(_ context.Context, f *remedy.Facts) error {
	w.mu.Lock()
	blind := w.blind
	w.mu.Unlock()
	if blind != nil {
		return blind
	}
	f.Hosts, f.Sources = map[omen.Host]remedy.Live{}, map[string]remedy.SourceState{"prod": {Up: true}}
	for _, in := range f.Incidents {
		if in.Kind != omen.HostIncident {
			continue
		}
		for i := range 5 {
			h := in.Host
			score := .2
			if i == 0 {
				score = w.score(h)
			} else {
				h.Name = fmt.Sprint(h.Name, "-well-", i)
			}
			f.Hosts[h] = remedy.Live{
				Labels: map[string]string{"team": in.Host.Name}, Score: score, ScoredAt: f.At, Step: 5 * time.Second, Grade: omen.Established,
			}
		}
	}
	return nil
}

func (w *world) Scores(_ context.Context, h omen.Host, from, to time.Time) (all []omen.ScorePoint, err error) {
	for at := from; !at.After(to); at = at.Add(5 * time.Second) {
		all = append(all, omen.ScorePoint{At: at, Value: w.score(h)})
	}
	return all, nil
}

func (w *world) Act(ctx context.Context, from omen.ActionState, a omen.Action, by string) error {
	w.mu.Lock()
	full := w.full
	w.mu.Unlock()
	if full != nil && a.State == omen.ActionStarted {
		return full
	}
	_, err := w.manager.Do(ctx, incident.Command{Incident: a.Incident, Action: incident.Act, By: by, Do: &a, From: from})
	return err
}

func (w *world) Note(ctx context.Context, e mute.Event) error {
	_, err := w.manager.Note(ctx, e)
	return err
}

func (w *world) Report(ctx context.Context, key string, severity omen.Severity, summary string) error {
	return w.manager.Report(ctx, key, severity, summary)
}

func (w *world) Resolve(ctx context.Context, key string) error { return w.manager.Resolve(ctx, key) }

// opened is a host's incident that has been open for ten minutes.
func opened(name string, now time.Time) omen.Change {
	since := now.Add(-10 * time.Minute).UTC()
	in := omen.Incident{
		ID: "i-" + name, Kind: omen.HostIncident, Host: omen.Host{Source: "prod", Profile: "node", Name: name}, State: omen.Open,
		Severity: omen.Warning, Grade: omen.Established, Since: since, OpenedAt: since, UpdatedAt: since, Score: sick, Peak: sick,
		Causes: []omen.Cause{{Feature: "memory_used", Share: 1, Actual: 9, Expected: 1, Upper: 2, Clears: true}}, ChangeNumber: 1,
		Summary: "memory_used 9, expected 0–2",
	}
	return omen.Change{Kind: omen.ChangeOpened, At: since, Incident: in, Reason: omen.ReasonAnomalous, By: "omen"}
}

// policy has one playbook that answers every host.
func policy(mode omen.ActionMode) remedy.Policy {
	return remedy.Policy{
		Mode: omen.ModeAutomatic, Approvers: remedy.Approvers{Users: []string{"ann", "bob"}}, PerHour: 1 << 20,
		Playbooks: []remedy.Playbook{{
			Name: "restart", Mode: mode, Match: []mute.Matcher{{Name: "profile", Value: "node", IsEqual: true}}, Does: remedy.Step{Name: remedy.DoWebhook},
			Group: "team", Limits: remedy.Limits{PerDay: 1 << 20, TargetPerDay: 3},
		}},
	}
}

// hand is one whose calls are counted, and whose answers the test says.
type hand struct {
	mu       sync.Mutex
	calls    map[string]int
	why      string        // of the action that it was last asked for
	do       error         // of Do
	happened remedy.Answer // of Happened
	target   omen.Target
	looked   error // of Resolve
	undone   int
	lasts    time.Duration // how long Do takes, if it is not ended
	undoing  time.Duration // how long Undo takes
	looking  time.Duration // how long Resolve takes
}

// says changes what Happened answers.
func (h *hand) says(answer remedy.Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.happened = answer
}

func (h *hand) Resolve(_ context.Context, a omen.Action) (omen.Target, error) {
	time.Sleep(h.looking)
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.target
	if t.Name == "" {
		t = omen.Target{Kind: "url", Name: a.Host.Name}
	}
	return t, h.looked
}

func (h *hand) DryRun(context.Context, omen.Action) (string, error) { return "would be asked", nil }

func (h *hand) Do(ctx context.Context, a omen.Action) (string, error) {
	h.mu.Lock()
	lasts := h.lasts
	h.mu.Unlock()
	if lasts > 0 {
		select {
		case <-ctx.Done():
			return "job 7", remedy.ErrUnknown
		case <-time.After(lasts):
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.calls == nil {
		h.calls = map[string]int{}
	}
	h.calls[a.ID]++
	h.why = a.Why
	return "job 7", h.do
}

func (h *hand) Happened(context.Context, omen.Action) (remedy.Answer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.happened, nil
}

func (h *hand) Undo(context.Context, omen.Action) error {
	time.Sleep(h.undoing)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.undone++
	return nil
}

func (h *hand) called() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.calls {
		n += c
	}
	return n
}

// first is the first action that there is, once it is in a state; it waits in the
// bubble's time. Others may follow it.
func first(t *testing.T, db *store.DB, within time.Duration, states ...omen.ActionState) omen.Action {
	t.Helper()
	var all []omen.Action
	for end := time.Now().Add(within); ; time.Sleep(time.Second) {
		all = must.Get(db.Actions(t.Context(), store.ActionFilter{}))(t)
		slices.SortFunc(all, func(a, b omen.Action) int { return a.Attempt - b.Attempt })
		if len(all) > 0 && slices.Contains(states, all[0].State) {
			return all[0]
		}
		if !time.Now().Before(end) {
			t.Fatalf("actions %+v, want the first to be %v", all, states)
		}
	}
}

var errDisk = errors.New("the disk is full")
