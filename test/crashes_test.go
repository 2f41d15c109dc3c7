//go:build e2e

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// crashes is how often TestTwoHundredKills kills the whole program.
const crashes = 200

// ledger is what the program said was done, over all its lives.
type ledger struct {
	changes map[string]string // key of a change whose request was answered with success -> its kind
	closed  map[string]bool   // incidents that an operator closed
}

// kill -9 of the whole program at random moments of its life, its start
// included, while sources come and go and an operator works:
//
//   - every change that was confirmed to the operator is in the journal,
//   - every beginning and every end in the journal is notified,
//   - nothing is notified that is not in the journal,
//   - each crash doubles one message at most.
func TestTwoHundredKills(t *testing.T) {
	path := omenBinary(t)
	t.Parallel()
	sources := newSources(t, 10)
	receiver := newHook(t, func(_ http.ResponseWriter, r *http.Request) {
		select { // time for a blow between arriving and being recorded
		case <-time.After(time.Duration(rand.IntN(60)) * time.Millisecond):
		case <-r.Context().Done():
		}
	})
	conf := sourcesConfig(sources) + "notify: {storm: 1000000, acknowledged: true}\nreceivers: [{name: hook, webhook_configs: [{url: '" + receiver.URL + "'}]}]\n"
	file, dir := write(t, t.TempDir(), "omen.yml", conf), t.TempDir()
	book := ledger{changes: map[string]string{}, closed: map[string]bool{}}

	o := serve(t, dir, "--config.file="+file)
	until(t, time.Minute, "incidents are open", func() error {
		open, err := o.incidents("state=active&limit=100")
		if err == nil && len(open) < len(sources) {
			err = fmt.Errorf("%d of %d", len(open), len(sources))
		}
		return err
	})
	o.kill()
	stopFlapping := flap(t, sources)
	began, address := time.Now(), freeAddress(t)
	for life := 1; life < crashes; life++ {
		// Most lives are short; in some a source's state changes on its own.
		length := 50*time.Millisecond + rand.N(800*time.Millisecond)
		if life%4 == 0 {
			length = time.Second + rand.N(4*time.Second)
		}
		live(t, path, address, length, &book, "serve", "--storage.path="+dir, "--web.listen-address="+address, "--config.file="+file)
	}
	stopFlapping()
	t.Logf("%d crashes in %s", crashes, time.Since(began).Round(time.Second))

	o = serve(t, dir, "--config.file="+file)
	until(t, 2*time.Minute, "every beginning and every end is notified", func() error { return allNotified(o, receiver) })
	book.check(t, o, receiver)
}

// live is one life of the program, ended by force after length.
func live(t *testing.T, path, address string, length time.Duration, book *ledger, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	must.OK(t, cmd.Start())
	ended := make(chan error, 1) // bound 1, owner the goroutine: it never waits
	go func() { ended <- cmd.Wait() }()
	blow := time.After(length)
	pace := time.NewTicker(40 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-blow:
			_ = cmd.Process.Kill()
			<-ended
			return
		case err := <-ended:
			t.Fatalf("omen ended by itself: %v\n%s", err, tail(out.String(), 3000))
		case <-pace.C:
			book.work(address)
		}
	}
}

// work does one thing to one incident, and keeps what was confirmed. Requests
// fail while the program starts and dies; those count for nothing.
func (b *ledger) work(address string) {
	hurried := &http.Client{Timeout: 500 * time.Millisecond}
	base := "http://" + address + "/api/v1/omen/incidents"
	var page struct{ Incidents []incident }
	resp, err := hurried.Get(base + "?state=active&limit=100")
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if json.NewDecoder(resp.Body).Decode(&page) != nil || len(page.Incidents) == 0 {
		return
	}
	in := page.Incidents[rand.IntN(len(page.Incidents))]
	action, body := "comment", `{"by":"ada","comment":"looking"}`
	switch {
	case rand.IntN(200) == 0: // rarely: what was closed by hand stays closed until its source has answered
		action, body = "close", `{"by":"ada"}`
	case in.State == "acknowledged":
		action, body = "unack", `{"by":"ada"}`
	case rand.IntN(2) == 0:
		action, body = "ack", `{"by":"ada"}`
	}
	done, err := hurried.Post(base+"/"+in.ID+"/"+action, "application/json", strings.NewReader(body))
	if err != nil {
		return
	}
	defer done.Body.Close()
	text, err := io.ReadAll(done.Body)
	if err != nil || done.StatusCode != http.StatusOK {
		return
	}
	var after incident
	if json.Unmarshal(text, &after) != nil || len(after.Changes) == 0 {
		return
	}
	for _, c := range after.Changes {
		b.changes[c.Key] = c.Kind
	}
	if action == "close" {
		b.closed[in.ID] = true
	}
}

// flap turns sources up and down at random until the returned function is
// called; then all are up.
func flap(t *testing.T, sources []*fakeSource) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-time.After(rand.N(900 * time.Millisecond)):
				s := sources[rand.IntN(len(sources))]
				s.down.Store(!s.down.Load())
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		for _, s := range sources {
			s.down.Store(false)
		}
	}
}

// allNotified is nil once everything is over and every beginning and end that is
// in the journal was told.
func allNotified(o *omen, h *hook) error {
	if err := o.sourceIncidents()(); err != nil {
		return err
	}
	told := map[string]bool{}
	for _, m := range h.got() {
		for _, key := range m.changes {
			told[key] = true
		}
	}
	all, err := o.incidents("limit=500")
	if err != nil {
		return err
	}
	var missing []string
	for _, in := range all {
		for _, c := range in.Changes {
			if toldKinds[c.Kind] && !told[c.Key] {
				missing = append(missing, c.Key+" "+c.Kind)
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d were never told: %v", len(missing), missing[:min(len(missing), 10)])
	}
	return nil
}

// check compares the ledger, the journal and what was told.
func (b *ledger) check(t *testing.T, o *omen, h *hook) {
	t.Helper()
	all := must.Get(o.incidents("limit=500"))(t)
	journal, kinds := map[string]string{}, map[string]int{}
	for _, in := range all {
		for _, c := range in.Changes {
			journal[c.Key] = c.Kind
			kinds[c.Kind]++
		}
	}
	for key, kind := range b.changes {
		if journal[key] != kind {
			t.Errorf("lost: %s (%s) was confirmed, and the journal has %q", key, kind, journal[key])
		}
	}
	times, repeats := map[string]int{}, 0
	for _, m := range h.got() {
		if slices.ContainsFunc(m.changes, func(key string) bool { return times[key] > 0 }) {
			repeats++
		}
		for _, key := range m.changes {
			if times[key]++; journal[key] == "" {
				t.Errorf("%s was told and is not in the journal", key)
			}
		}
	}
	if repeats > crashes {
		t.Errorf("%d messages repeat what was told, after %d crashes", repeats, crashes)
	}
	last := map[string]string{}
	for _, m := range h.got() {
		for source, status := range m.status {
			last[source] = status
		}
	}
	for source, status := range last {
		if status != "resolved" {
			t.Errorf("%s is over and its receiver believes it is %s", source, status)
		}
	}
	if len(b.changes) < crashes || kinds["closed"] < 20 || kinds["opened"]+kinds["reopened"] < 20 {
		t.Errorf("%d confirmed changes, journal %v: the test proves little", len(b.changes), kinds)
	}
	t.Logf("%d incidents, journal %v, %d changes confirmed to the operator (%d incidents closed by hand), %d messages, %d repeated after %d crashes",
		len(all), kinds, len(b.changes), len(b.closed), len(h.got()), repeats, crashes)
}
