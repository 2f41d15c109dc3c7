package remedy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

// killRounds is how often the process is killed; OMEN_SLOW asks for the many.
func killRounds() int {
	switch {
	case os.Getenv("OMEN_SLOW") != "":
		return 500
	case testing.Short():
		return 10
	}
	return 50
}

// other is the other side: it counts how often each action took effect, and loses
// some of its answers.
type other struct {
	mu    sync.Mutex
	calls map[string]int
}

func (o *other) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Method == http.MethodGet {
		fmt.Fprint(w, o.calls[id])
		return
	}
	o.calls[id]++
	if len(o.calls)%7 == 0 { // the answer is lost
		panic(http.ErrAbortHandler)
	}
}

// caller is the hand of the process that is killed.
type caller struct{ address string }

func (c caller) Resolve(_ context.Context, a omen.Action) (omen.Target, error) {
	return omen.Target{Kind: "url", Name: a.Host.Name}, nil
}

func (c caller) DryRun(context.Context, omen.Action) (string, error) { return "", nil }

func (c caller) Do(ctx context.Context, a omen.Action) (string, error) {
	_, err := c.ask(ctx, http.MethodPost, a)
	if err != nil {
		return "", fmt.Errorf("%w: %w", remedy.ErrUnknown, err)
	}
	return a.ID, nil
}

func (c caller) Happened(ctx context.Context, a omen.Action) (remedy.Answer, error) {
	n, err := c.ask(ctx, http.MethodGet, a)
	switch {
	case err != nil:
		return remedy.CannotTell, err
	case n == "0":
		return remedy.No, nil
	}
	return remedy.Yes, nil
}

func (c caller) Undo(context.Context, omen.Action) error { return nil }

func (c caller) ask(ctx context.Context, method string, a omen.Action) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.address+"?id="+url.QueryEscape(a.ID), nil)
	if err != nil {
		return "", err
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	return string(text), err
}

// TestTheKilledOne is the process that [TestKilled] kills: at the n-th moment that
// its loop marks, or from outside. Without a moment it ends once nothing is as a
// process before it left it.
func TestTheKilledOne(t *testing.T) {
	path := os.Getenv("OMEN_KILL_DB")
	if path == "" {
		t.Skip("it is a part of TestKilled")
	}
	moment, err := strconv.Atoi(os.Getenv("OMEN_KILL_AT"))
	must.OK(t, err)
	db := must.Get(store.Open(t.Context(), path, nil))(t)
	w := &world{db: db, manager: incident.NewManager(incident.Options{Store: db})}
	n := 0
	var mu sync.Mutex
	l := remedy.NewLoop(remedy.Options{
		Policy: policy(omen.ModeAutomatic), Hands: map[string]remedy.Hand{"restart": caller{os.Getenv("OMEN_KILL_OTHER")}}, Store: db, World: w,
		Mark: func(string) {
			mu.Lock()
			defer mu.Unlock()
			if n++; n == moment {
				must.OK(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
			}
		},
	})
	managing, endManager := context.WithCancel(t.Context())
	acting, endLoop := context.WithCancel(t.Context())
	managed, acted := make(chan error, 1), make(chan error, 1)
	go func() { managed <- w.manager.Run(managing) }()
	must.OK(t, w.manager.Resolve(t.Context(), "nothing")) // it has begun
	go func() { acted <- l.Run(acting) }()
	for end := time.Now().Add(10 * time.Second); !settled(t, db) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	endLoop()
	must.OK(t, <-acted)
	endManager()
	must.OK(t, <-managed)
	must.OK(t, db.Close())
}

// settled reports whether every open incident has an action, and no call is under
// way.
func settled(t *testing.T, db *store.DB) bool {
	t.Helper()
	acted := map[string]bool{}
	for _, a := range must.Get(db.Actions(t.Context(), store.ActionFilter{}))(t) {
		if a.State == omen.ActionApproved || a.State == omen.ActionStarted {
			return false
		}
		acted[a.Incident] = true
	}
	open := must.Get(db.OpenIncidents(t.Context()))(t)
	return !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Kind == omen.HostIncident && !acted[in.ID] })
}

// However often and wherever the process is killed, an action takes effect once at
// most, no row says that something is under way which is not, and the audit is what
// was written.
func TestKilled(t *testing.T) {
	far := &other{calls: map[string]int{}}
	server := httptest.NewServer(far)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "omen.db")
	run := func(moment int, after time.Duration) {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheKilledOne$", "-test.count=1")
		c.Env = append(os.Environ(), "OMEN_KILL_DB="+path, "OMEN_KILL_OTHER="+server.URL, fmt.Sprint("OMEN_KILL_AT=", moment))
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		must.OK(t, c.Start())
		if after > 0 {
			time.AfterFunc(after, func() { _ = c.Process.Kill() })
		}
		if err := c.Wait(); err != nil && c.ProcessState.ExitCode() != -1 {
			t.Fatalf("it ended by itself: %v\n%s", err, said.String())
		}
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same every time
	for round := range killRounds() {
		db := must.Get(store.Open(t.Context(), path, nil))(t)
		must.OK(t, db.Append(t.Context(), opened(fmt.Sprint("a", round), time.Now()), opened(fmt.Sprint("b", round), time.Now())))
		must.OK(t, db.Close())
		if round%2 == 0 {
			run(1+random.IntN(10), 0)
		} else {
			run(1<<30, time.Duration(random.IntN(150)+1)*time.Millisecond)
		}
		if round%10 == 9 {
			run(0, 0)
			checkLedger(t, path, far)
		}
	}
	run(0, 0)
	if acted := checkLedger(t, path, far); acted < killRounds()/2 {
		t.Errorf("%d actions in %d rounds: nothing was tried", acted, killRounds())
	}
}

// checkLedger compares the ledger of a process that was started again with what the
// other side saw, and returns how many actions took effect.
func checkLedger(t *testing.T, path string, far *other) (acted int) {
	t.Helper()
	db := must.Get(store.Open(t.Context(), path, nil))(t)
	defer func() { must.OK(t, db.Close()) }()
	far.mu.Lock()
	defer far.mu.Unlock()
	rows := map[string]omen.Action{}
	for _, a := range must.Get(db.Actions(t.Context(), store.ActionFilter{}))(t) {
		rows[a.ID] = a
		if a.State == omen.ActionStarted {
			t.Errorf("action %s is still under way, and nobody is at it", a.ID)
		}
		if a.State == omen.ActionFailed && far.calls[a.ID] > 0 {
			t.Errorf("action %s took effect, and counts as failed: %s", a.ID, a.Why)
		}
		if a.State == omen.ActionMeasuring && far.calls[a.ID] == 0 {
			t.Errorf("action %s is measured, and took no effect", a.ID)
		}
	}
	for id, n := range far.calls {
		if a, ok := rows[id]; n > 1 || !ok || a.Started.IsZero() {
			t.Errorf("action %s took effect %d times: %+v", id, n, a)
		}
	}
	if c := must.Get(db.Verify(t.Context()))(t); !c.OK() {
		t.Errorf("the audit: %+v", c)
	}
	return len(far.calls)
}
