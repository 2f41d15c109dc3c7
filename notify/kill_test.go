package notify

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message/messagetest"
	"github.com/omenhq/omen/store"
)

// When killChild is set the test binary is not a test but an Omen of journal
// and relay, made to be killed.
const killChild = "OMEN_NOTIFY_KILL_CHILD"

func TestMain(m *testing.M) {
	if where := os.Getenv(killChild); where != "" {
		if err := lifeOfAChild(where); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// lifeOfAChild opens and closes incidents without end and relays them. It
// writes each change's key once the change is durable.
func lifeOfAChild(where string) error {
	ctx := context.Background()
	dir, url, _ := strings.Cut(where, " ")
	db, err := store.Open(ctx, filepath.Join(dir, "omen.db"), nil)
	if err != nil {
		return err
	}
	s, err := Load([]byte(killed(url)), dir)
	if err != nil {
		return err
	}
	r, err := NewRelay(Options{Settings: s, Store: db})
	if err != nil {
		return err
	}
	if err := db.StartHere(ctx, "notify/hook/webhook"); err != nil {
		return err
	}
	go func() { _ = r.Run(ctx) }()
	for {
		open, err := db.OpenIncidents(ctx)
		if err != nil {
			return err
		}
		c := opened(fmt.Sprintf("k%d", time.Now().UnixNano()))
		if len(open) > 30 {
			c = closed(open[0].ID, 2)
		}
		if err := db.Append(ctx, c); err != nil {
			return err
		}
		fmt.Println(c.Key())
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond) // the child's pace, not a test's wait
	}
}

// killed is the configuration: a message for each incident, never a storm's.
func killed(url string) string {
	return "receivers:\n" + webhookReceiver("hook", url) + "notify: {storm: 1000000}\n" +
		"route: {receiver: hook, group_by: [incident], group_wait: 0s, group_interval: 100ms}\n"
}

// kill -9 at random moments: every change that was durable arrives, "resolved"
// included, and each crash doubles one message at most.
func TestKillNineLosesNothingAndDoublesAtMostOne(t *testing.T) {
	crashes := 5
	if testing.Short() {
		crashes = 3
	}
	dir := t.TempDir()
	hook := messagetest.NewServer(t, "", nil)
	durable := map[string]bool{}
	for range crashes {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killChild+"="+dir+" "+hook.URL)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		blow := time.AfterFunc(400*time.Millisecond+time.Duration(rand.IntN(600))*time.Millisecond, func() { _ = child.Process.Kill() })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			durable[lines.Text()] = true
		}
		blow.Stop()
		if err := child.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
	}
	// A last life delivers what is left.
	db, err := store.Open(t.Context(), filepath.Join(dir, "omen.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop := start(t, newRelay(t, db, killed(hook.URL)))
	sent := func() map[string]int {
		times := map[string]int{}
		for _, r := range hook.Got() {
			for _, key := range changeKeys(t, r.Body) {
				times[key]++
			}
		}
		return times
	}
	eventually(t, 90*time.Second, "every durable change", func() bool {
		times := sent()
		return !slices.ContainsFunc(slices.Collect(maps.Keys(durable)), func(key string) bool { return times[key] == 0 })
	})
	stop()
	doubled := map[string]bool{} // messages, by key
	messages := map[string]int{}
	for _, r := range hook.Got() {
		key := r.Header.Get("Webhook-Id")
		if messages[key]++; messages[key] > 1 {
			doubled[key] = true
		}
	}
	if len(durable) < 10*crashes/2 {
		t.Errorf("only %d changes in %d lives: the test proves little", len(durable), crashes)
	}
	if len(doubled) > crashes {
		t.Errorf("%d messages came twice in %d crashes: %v", len(doubled), crashes, slices.Sorted(maps.Keys(doubled)))
	}
	for key, n := range sent() {
		if n > 2 {
			t.Errorf("%s was sent %d times", key, n)
		}
		if !durable[key] && !known(t, db, key) {
			t.Errorf("%s was sent and never durable", key)
		}
	}
	t.Logf("%d crashes, %d durable changes, %d messages, %d doubled", crashes, len(durable), len(hook.Got()), len(doubled))
}

// changeKeys are all changes that a webhook's message is about.
func changeKeys(t *testing.T, body []byte) (keys []string) {
	for _, a := range messagetest.Decode[messagetest.Payload](t, body).Alerts {
		keys = append(keys, strings.Fields(a.Annotations["changes"])...)
	}
	return keys
}

// known reports whether a change is in the journal: a child may die between
// making a change durable and saying so.
func known(t *testing.T, db *store.DB, key string) bool {
	t.Helper()
	changes, err := db.Changes(t.Context(), key[:strings.LastIndexByte(key, '.')])
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(changes, func(c omen.Change) bool { return c.Key() == key })
}
