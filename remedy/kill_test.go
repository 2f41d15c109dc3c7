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
	"strings"
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

// lifeOf is how many rounds a database lives: what is open is planned and measured
// at each pass, so that a longer life makes a round slower and tries nothing else.
const lifeOf = 50

// other is the other side: it counts how often each action took effect, and loses
// some of its answers.
type other struct {
	mu    sync.Mutex
	calls map[string]int
	lost  int
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
		o.lost++
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

// What the process that is killed says to the one that kills it.
const (
	begins = "begins" // its loop is about to run
	diesAt = "dies "  // and the moment
)

// What it is to do, beside the moment at which it dies.
const (
	acts    = 0  // ends once nothing is as a process before it left it
	settles = -1 // and once nothing is in doubt any more
)

// TestTheKilledOne is the process that [TestKilled] kills: at the n-th moment that
// its loop marks, or from outside.
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
		Mark: func(name string) {
			mu.Lock()
			defer mu.Unlock()
			if n++; n == moment {
				fmt.Println(diesAt + name)
				must.OK(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
			}
		},
	})
	managing, endManager := context.WithCancel(t.Context())
	acting, endLoop := context.WithCancel(t.Context())
	managed, acted := make(chan error, 1), make(chan error, 1)
	go func() { managed <- w.manager.Run(managing) }()
	must.OK(t, w.manager.Resolve(t.Context(), "nothing")) // it has begun
	fmt.Println(begins)
	go func() { acted <- l.Run(acting) }()
	patience := 10 * time.Second
	if moment == settles {
		patience = 3 * time.Minute // that nothing happened is believed after a minute
	}
	for end := time.Now().Add(patience); !settled(t, db, moment == settles) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	endLoop()
	must.OK(t, <-acted)
	endManager()
	must.OK(t, <-managed)
	must.OK(t, db.Close())
}

// settled reports whether every open incident has an action, and no call is under
// way, nor, if that is asked, in doubt.
func settled(t *testing.T, db *store.DB, sure bool) bool {
	t.Helper()
	acted := map[string]bool{}
	for _, a := range must.Get(db.Actions(t.Context(), store.ActionFilter{}))(t) {
		if a.State == omen.ActionApproved || a.State == omen.ActionStarted || sure && a.State == omen.ActionUnknown {
			return false
		}
		acted[a.Incident] = true
	}
	open := must.Get(db.OpenIncidents(t.Context()))(t)
	return !slices.ContainsFunc(open, func(in omen.Incident) bool { return in.Kind == omen.HostIncident && !acted[in.ID] })
}

// life is one database, and the other side of those who had it one after the other.
type life struct {
	path   string
	far    *other
	server *httptest.Server
	kills  map[string]int // by the moment
}

func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{path: filepath.Join(t.TempDir(), "omen.db"), far: &other{calls: map[string]int{}}, kills: map[string]int{}}
	l.server = httptest.NewServer(l.far)
	t.Cleanup(l.server.Close)
	return l
}

// heard keeps what a process says; begun is called once, when it says that it begins.
type heard struct {
	text  bytes.Buffer
	begun func()
}

func (h *heard) Write(p []byte) (int, error) {
	if h.begun != nil && bytes.Contains(p, []byte(begins)) {
		h.begun()
		h.begun = nil
	}
	return h.text.Write(p)
}

// run is one process: it dies at a moment, or, where after is not 0, so long after it
// has begun, or else ends by itself.
func (l *life) run(t *testing.T, moment int, after time.Duration) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheKilledOne$", "-test.count=1")
	c.Env = append(os.Environ(), "OMEN_KILL_DB="+l.path, "OMEN_KILL_OTHER="+l.server.URL, fmt.Sprint("OMEN_KILL_AT=", moment))
	said := &heard{begun: func() {
		if after > 0 {
			time.AfterFunc(after, func() { _ = c.Process.Kill() })
		}
	}}
	c.Stdout, c.Stderr = said, said
	must.OK(t, c.Start())
	if err := c.Wait(); err == nil {
		l.kills["not at all: it was done before"]++
		return
	} else if c.ProcessState.ExitCode() != -1 {
		t.Fatalf("it ended by itself: %v\n%s", err, said.text.String())
	}
	if _, name, found := strings.Cut(said.text.String(), diesAt); found {
		name, _, _ = strings.Cut(name, "\n")
		l.kills[name]++
		return
	}
	l.kills["at random"]++
}

// However often and wherever the process is killed, an action takes effect once at
// most, no row says that something is under way which is not, nothing stays in doubt
// without somebody being notified, and the audit is what was written.
func TestKilled(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same every time
	var lives []*life
	began, rounds := time.Now(), killRounds()
	for round := range rounds {
		if round%lifeOf == 0 {
			lives = append(lives, newLife(t))
		}
		l := lives[len(lives)-1]
		db := must.Get(store.Open(t.Context(), l.path, nil))(t)
		must.OK(t, db.Append(t.Context(), opened(fmt.Sprint("a", round), time.Now()), opened(fmt.Sprint("b", round), time.Now())))
		must.OK(t, db.Close())
		if round%2 == 0 {
			l.run(t, 1+round/2%10, 0) // two actions have ten moments
		} else {
			l.run(t, 1<<30, time.Duration(random.IntN(150)+1)*time.Millisecond)
		}
		if round%10 == 9 {
			l.run(t, acts, 0)
			l.check(t)
		}
	}
	var all count
	kills, last, many := map[string]int{}, acts, rounds >= 500
	if many {
		last = settles
	}
	for _, l := range lives {
		l.run(t, last, 0)
		all.add(l.check(t))
		for moment, n := range l.kills {
			kills[moment] += n
		}
	}
	t.Logf("%d rounds in %s: %d actions started, %d took effect, none twice; %d answers lost; %d were in doubt, %d still are; killed %v",
		rounds, time.Since(began).Round(time.Second), all.started, all.effects, all.lost, all.doubted, all.doubts, kills)
	if all.effects < rounds/2 {
		t.Errorf("%d actions took effect in %d rounds: nothing was tried", all.effects, rounds)
	}
	if many && all.doubts > 0 {
		t.Errorf("%d actions are in doubt, though the other side answers", all.doubts)
	}
	for _, moment := range []string{"before started", "after started", "after call", "before result", "after result", "at random"} {
		if many && kills[moment] == 0 {
			t.Errorf("it was never killed %s: %v", moment, kills)
		}
	}
}

// count is what became of actions.
type count struct{ started, effects, lost, doubted, doubts int }

func (c *count) add(o count) {
	c.started, c.effects, c.lost = c.started+o.started, c.effects+o.effects, c.lost+o.lost
	c.doubted, c.doubts = c.doubted+o.doubted, c.doubts+o.doubts
}

// check compares the ledger of a process that was started again with what the other
// side saw.
func (l *life) check(t *testing.T) (n count) {
	t.Helper()
	db := must.Get(store.Open(t.Context(), l.path, nil))(t)
	defer func() { must.OK(t, db.Close()) }()
	l.far.mu.Lock()
	defer l.far.mu.Unlock()
	reported := map[string]bool{}
	for _, in := range must.Get(db.OpenIncidents(t.Context()))(t) {
		reported[in.Trouble] = true
	}
	n = count{effects: len(l.far.calls), lost: l.far.lost}
	rows := map[string]omen.Action{}
	for _, a := range must.Get(db.Actions(t.Context(), store.ActionFilter{}))(t) {
		rows[a.ID] = a
		calls := l.far.calls[a.ID]
		switch {
		case a.State == omen.ActionStarted:
			t.Errorf("action %s is still under way, and nobody is at it", a.ID)
		case a.State == omen.ActionFailed && calls > 0:
			t.Errorf("action %s took effect, and counts as failed: %s", a.ID, a.Why)
		case a.State == omen.ActionMeasuring && calls == 0:
			t.Errorf("action %s is measured, and took no effect", a.ID)
		case a.State == omen.ActionStuck && !reported["remedy/stuck/"+a.ID]:
			t.Errorf("nobody can tell of action %s, and nobody is notified", a.ID)
		case a.State == omen.ActionUnknown:
			n.doubts++
		}
		if !a.Started.IsZero() {
			n.started++
		}
		steps := must.Get(db.ActionSteps(t.Context(), a.ID))(t)
		if slices.ContainsFunc(steps, func(s omen.Audit) bool { return s.Action == "action."+string(omen.ActionUnknown) }) {
			n.doubted++
		}
	}
	for id, calls := range l.far.calls {
		if a, ok := rows[id]; calls > 1 || !ok || a.Started.IsZero() {
			t.Errorf("action %s took effect %d times: %+v", id, calls, a)
		}
	}
	if c := must.Get(db.Verify(t.Context()))(t); !c.OK() {
		t.Errorf("the audit: %+v", c)
	}
	return n
}
