package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
	"github.com/omenhq/omen/store"
)

var (
	noon = messagetest.Noon
	step = messagetest.Step

	openStore = messagetest.Store
	appendAll = messagetest.Append
)

func opened(id string) omen.Change {
	return step(id, "web-"+id, 1, omen.ChangeOpened, time.Now().UTC())
}

func closed(id string, n int) omen.Change {
	return step(id, "web-"+id, n, omen.ChangeClosed, time.Now().UTC())
}

func load(t testing.TB, text string) *Settings {
	t.Helper()
	return must.Get(Load([]byte(text), t.TempDir()))(t)
}

func newRelay(t testing.TB, db *store.DB, text string, more ...func(*Options)) *Relay {
	t.Helper()
	o := Options{Settings: load(t, text), Store: db, ExternalURL: "https://omen.example", Log: messagetest.Log(t)}
	for _, f := range more {
		f(&o)
	}
	return must.Get(NewRelay(o))(t)
}

// start runs a relay until the returned function is called or the test ends.
func start(t testing.TB, r *Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("relay: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("relay did not stop")
		}
	})
	t.Cleanup(stop)
	return stop
}

// outcomes are the recorded outcomes of an incident at a receiver, as
// "number:outcome".
func outcomes(t testing.TB, db *store.DB, incident, receiver string) []string {
	t.Helper()
	all := must.Get(db.Deliveries(context.Background(), incident))(t)
	var out []string
	for _, d := range all {
		if d.Receiver == receiver {
			out = append(out, fmt.Sprintf("%d:%s", changeNumber(d.Key), d.Outcome))
		}
	}
	return out
}

func delivered(t testing.TB, db *store.DB, incident, receiver string, number int) bool {
	t.Helper()
	return slices.Contains(outcomes(t, db, incident, receiver), fmt.Sprintf("%d:%s", number, message.Delivered))
}

// yamlOf makes a configuration from lines that begin with "|".
func yamlOf(text string, args ...any) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if _, after, found := strings.Cut(line, "|"); found {
			lines = append(lines, after)
		}
	}
	return fmt.Sprintf(strings.Join(lines, "\n"), args...)
}

// boardOf is where a test's troubles are reported: the open ones by key.
type boardOf map[string]string

func (b boardOf) Report(_ context.Context, key string, _ omen.Severity, summary string) error {
	b[key] = summary
	return nil
}

func (b boardOf) Resolve(_ context.Context, key string) error {
	delete(b, key)
	return nil
}
