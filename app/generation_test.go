package app

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/watch"
)

// An Omen that watches another as its Prometheus has that one's hosts, in two
// profiles of one source; what it hands from part to part arrives.
func TestARemoteSourceInTwoProfiles(t *testing.T) {
	dir := t.TempDir()
	local := filepath.Join(dir, "local.yml")
	write(t, local, "local: {instance: there}\n")
	a := start(t, Options{ConfigFile: local, StoragePath: filepath.Join(dir, "local")})
	a.eventually("/api/v1/omen/hosts", `"name":"there"`)

	must.OK(t, MakeStorage(filepath.Join(dir, "b")))
	file := filepath.Join(dir, "b", "omen.yml")
	write(t, file, "profiles: [{name: mine, extends: node, without: [swap_used]}]\nsources: [{name: other, url: '"+a.address+"', step: 1s, profiles: [node, mine]}]\n")
	p, down := runParts(t, file)
	g := p.current
	deadline, tick := time.After(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for len(g.Hosts()) < 2 {
		select {
		case err := <-p.failed:
			t.Fatal(err)
		case <-deadline:
			t.Fatalf("hosts %+v of %+v, want one for each profile", g.Hosts(), g.Sources())
		case <-tick.C:
		}
	}
	if s := g.Sources(); len(s) != 1 || s[0].Name != "other" || s[0].Hosts != 2 {
		t.Errorf("sources %+v, want one with a host for each of its profiles", s)
	}
	host := omen.Host{Source: "other", Profile: "mine", Name: "there"}
	if got := g.Labels(host)["instance"]; got != "there" {
		t.Errorf("its instance is %q", got)
	}
	nobody := omen.Host{Source: "other", Profile: "none", Name: "there"}
	g.Retrain(nobody)
	g.Retrain(host) // has no model yet: nothing to do
	if _, err := g.Predict(nobody, nil); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("a prediction of a profile that is not watched: %v", err)
	}
	if _, err := g.Predict(host, make([]float64, g.of(host).schema.Len())); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("a prediction without a model: %v", err)
	}
	event := mute.Event{ID: "seen", Kind: mute.EventBoot, At: time.Now(), Match: []mute.Matcher{{Name: "host", Value: "there", IsEqual: true}}}
	if err := g.Note(t.Context(), event); err != nil {
		t.Error(err)
	}
	if events, err := p.db.Events(t.Context(), event.At.Add(-time.Minute), time.Now()); err != nil || len(events) != 2 {
		t.Errorf("events %+v, %v: want the one noted beside the one from before", events, err)
	}
	if err := g.Judge(t.Context(), "none", omen.Real, "ann"); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("feedback on no incident: %v", err)
	}
	if q := g.Queues(); len(q) != 1 || q[0].Capacity != incident.QueueLength {
		t.Errorf("queues %+v", q)
	}
	if err := down.run(); err != nil {
		t.Error(err)
	}
}

// A source is what its worst profile is; one of which nothing is seen makes it
// partial, by name, as long as another is seen, whatever their order.
func TestASourceInTwoProfiles(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	up := omen.SourceStatus{State: omen.SourceUp, Hosts: 3, Since: ago(time.Hour), LastRead: now}
	part := omen.SourceStatus{State: omen.SourcePartial, Hosts: 2, LateHosts: 1, Late: map[string]string{"h": "40 s"}, FailedFeatures: map[string]string{"a": "no data"}, Since: ago(time.Minute), LastRead: now}
	down := omen.SourceStatus{State: omen.SourceDown, Err: "refused", FailedFeatures: map[string]string{"b": "no data"}, Since: ago(2 * time.Minute), LastRead: ago(2 * time.Minute)}
	later := down
	later.Since, later.Err = ago(10*time.Second), "silent"
	starting := omen.SourceStatus{State: omen.SourceStarting}
	for name, c := range map[string]struct {
		a, b  omen.SourceStatus
		state omen.SourceState
		since time.Time
		err   string
		blind int
		ready bool
	}{
		"both up":             {up, up, omen.SourceUp, up.Since, "", 0, true},
		"one partial":         {up, part, omen.SourcePartial, part.Since, "", 0, true},
		"one blind":           {up, down, omen.SourcePartial, down.Since, "profile x: refused", 1, true},
		"one blind, one part": {part, down, omen.SourcePartial, down.Since, "profile x: refused", 1, true},
		"both blind":          {down, down, omen.SourceDown, down.Since, "refused", 0, false},
		"both, since a while": {later, down, omen.SourceDown, later.Since, "silent", 0, true},
		"one is starting":     {starting, down, omen.SourceStarting, time.Time{}, "", 1, false},
	} {
		for order, profiles := range map[string]map[string]omen.SourceStatus{
			"as given": {"a": c.a, "x": c.b}, "the other way round": {"x": c.a, "a": c.b},
		} {
			s := joined(profiles)
			if s.State != c.state || !s.Since.Equal(c.since) || c.err != "" && s.Err != c.err && s.Err != strings.Replace(c.err, "x", "a", 1) || len(s.Blind) != c.blind {
				t.Errorf("%s, %s: %+v, want %s since %s: %s", name, order, s, c.state, c.since, c.err)
			}
			if s.LateHosts != c.a.LateHosts+c.b.LateHosts || len(s.Late) != s.LateHosts {
				t.Errorf("%s, %s: %d late hosts: %v", name, order, s.LateHosts, s.Late)
			}
			if s.Hosts != c.a.Hosts+c.b.Hosts || len(s.FailedFeatures) != len(c.a.FailedFeatures)+len(c.b.FailedFeatures) && c.a.State != c.b.State {
				t.Errorf("%s, %s: %+v lacks what a profile knows", name, order, s)
			}
			if err := waiting([]omen.SourceStatus{s}, now); (err == nil) != c.ready {
				t.Errorf("%s, %s: ready says %v", name, order, err)
			}
		}
	}
}

// A source that answers while most of its hosts send nothing says so for as long as
// its incident would, and is up again with the first good read.
func TestMostHostsAreSilent(t *testing.T) {
	dir := t.TempDir()
	must.OK(t, MakeStorage(filepath.Join(dir, "a")))
	file := filepath.Join(dir, "a", "omen.yml")
	write(t, file, "local: {instance: here}\n")
	p, down := runParts(t, file)
	g := p.current
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	until := func(state omen.SourceState, silent int, text string) {
		t.Helper()
		for {
			s := g.Sources()
			if len(s) == 1 && s[0].State == state && s[0].SilentHosts == silent && strings.HasPrefix(s[0].Err, text) {
				return
			}
			select {
			case err := <-p.failed:
				t.Fatal(err)
			case <-deadline:
				t.Fatalf("sources %+v, want one that is %s, %d hosts silent: %s", s, state, silent, text)
			case <-tick.C:
			}
		}
	}
	until(omen.SourceUp, 0, "")
	fleet := func(silent int) omen.Tick {
		k := omen.Tick{Source: "local", Profile: "fleet", At: time.Now()}
		for i := range 7 {
			h := omen.Host{Source: "local", Profile: "fleet", Name: fmt.Sprint("web-", i)}
			if i < silent {
				k.Silent = append(k.Silent, h)
			} else {
				k.Scores = append(k.Scores, omen.Score{Host: h, At: k.At, Value: 0.3})
			}
		}
		return k
	}
	for i, silent := range []int{0, 5, 5, 5, 5} { // three bad reads over 30 s
		k := fleet(silent)
		k.At = k.At.Add(time.Duration(i) * 15 * time.Second)
		must.OK(t, g.Offer(t.Context(), k))
	}
	until(omen.SourcePartial, 5, "5 of 7 hosts send nothing")
	if err := waiting(g.Sources(), time.Now()); err != nil {
		t.Errorf("not ready: %v: the source answers", err)
	}
	k := fleet(0)
	k.At = k.At.Add(75 * time.Second)
	must.OK(t, g.Offer(t.Context(), k))
	until(omen.SourceUp, 0, "")
	if err := down.run(); err != nil {
		t.Error(err)
	}
}

func TestWebAddress(t *testing.T) {
	for address, want := range map[string]string{"10.0.0.1:80": "https://10.0.0.1:80", "[::1]:9909": "https://[::1]:9909"} {
		tcp := must.Get(net.ResolveTCPAddr("tcp", address))(t)
		if got := webAddress(tcp, true); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
	file := filepath.Join(t.TempDir(), "web.yml")
	if secure(file) {
		t.Error("a file that is not there turns TLS on")
	}
	write(t, file, "tls_server_config: {cert_file: a, key_file: b}\n")
	if !secure(file) {
		t.Error("TLS is not seen")
	}
	if err := Run(t.Context(), Options{StoragePath: t.TempDir(), ListenAddress: "127.0.0.1:0", WebConfigFile: file}); !errors.Is(err, omen.ErrInvalid) || omen.Hint(err) == "" {
		t.Errorf("a web configuration without its certificate: %v", err)
	}
	taken := must.Get((&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0"))(t)
	defer taken.Close()
	if err := Run(t.Context(), Options{StoragePath: t.TempDir(), ListenAddress: taken.Addr().String()}); err == nil || omen.Hint(err) == "" {
		t.Errorf("a port that is taken: %v", err)
	}
}

func TestTestReceiver(t *testing.T) {
	got := make(chan string, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Method }))
	defer hook.Close()
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "receivers: [{name: ops, webhook_configs: [{url: '"+hook.URL+"'}]}, {name: empty}]\nroute: {receiver: ops}\n")
	if c, _, err := Check(t.Context(), file); err != nil || !c.LocalEnabled() {
		t.Fatal(err)
	}
	if _, err := TestReceiver(t.Context(), file, "ops", nil); err != nil || <-got != "POST" {
		t.Error(err)
	}
	for name, at := range map[string][2]string{"nobody": {file, "nobody"}, "no channel": {file, "empty"}, "no file": {"", "ops"}, "absent": {file + "x", "ops"}} {
		if _, err := TestReceiver(t.Context(), at[0], at[1], nil); err == nil {
			t.Errorf("%s: a message was sent", name)
		}
	}
}

// Not to have loaded the models of before, not to read a source that answers, to
// live an hour for the second time, or to score nothing for some steps, is not to be
// ready; hosts without a model and one source of several are no reason.
func TestStalled(t *testing.T) {
	now := time.Now()
	ago := func(read, scored time.Duration, models int) watch.Pulse {
		return watch.Pulse{Read: now.Add(-read), Scored: now.Add(-scored), Models: models, Loaded: true}
	}
	never := time.Time{}
	unloaded := ago(time.Second, time.Second, 0)
	unloaded.Loaded = false
	for name, c := range map[string]struct {
		beats []beat
		want  string
	}{
		"scores":               {[]beat{{"a", true, time.Second, never, ago(time.Second, time.Second, 3)}}, ""},
		"nothing learned yet":  {[]beat{{"a", true, time.Second, never, ago(time.Second, time.Hour, 0)}}, ""},
		"models not loaded":    {[]beat{{"a", true, time.Second, never, unloaded}}, "models of source a"},
		"none to load, down":   {[]beat{{"a", false, time.Second, never, unloaded}}, ""},
		"clock set back":       {[]beat{{"a", true, time.Second, now.Add(time.Minute), ago(0, 0, 3)}}, "the clock was set back"},
		"a minute's step":      {[]beat{{"a", true, time.Minute, never, ago(3*time.Minute, 3*time.Minute, 3)}}, ""},
		"stands still":         {[]beat{{"b", true, time.Second, never, ago(time.Second, time.Second, 1)}, {"a", true, time.Second, never, ago(2*time.Minute, 2*time.Minute, 3)}}, "source a answers, but nothing was read since"},
		"reads, scores nobody": {[]beat{{"a", true, time.Second, never, ago(time.Second, 2*time.Minute, 3)}}, "nothing was scored since"},
		"one of two down":      {[]beat{{"a", false, time.Second, never, ago(time.Hour, time.Hour, 3)}, {"b", true, time.Second, never, ago(0, 0, 1)}}, ""},
		"both down":            {[]beat{{"a", false, time.Second, never, ago(time.Hour, time.Hour, 3)}, {"b", false, time.Second, never, ago(time.Hour, time.Hour, 1)}}, "nothing was scored since"},
		"down, nothing known":  {[]beat{{"a", false, time.Second, never, ago(time.Hour, time.Hour, 0)}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := stalled(c.beats, now)
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// What keeps what is stored from lasting is in /-/ready within the half minute
// that a probe takes.
func TestReadySaysThatTheDirectoryIsGone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "local: {instance: here}\n")
	p, down := runParts(t, file)
	if err := p.storage.problem(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(DatabasePath(p.o.StoragePath), p.o.StoragePath+"/elsewhere"); err != nil {
		t.Fatal(err)
	}
	p.storage.check(t.Context(), time.Now())
	if err := p.current.Ready(); err == nil || !strings.Contains(err.Error(), "storage: database") {
		t.Errorf("ready says %v, want that the database was removed", err)
	}
	if err := p.db.Health(); err == nil {
		t.Error("omen_store_up stays 1")
	}
	if err := p.reload(t.Context()); err == nil || !strings.Contains(err.Error(), "reload: storage: database") {
		t.Errorf("a reload says %v, want that what is known would be lost", err)
	}
	if _, err := os.Stat(DatabasePath(p.o.StoragePath)); err == nil {
		t.Error("an empty database was begun where it was")
	}
	if err := os.Rename(p.o.StoragePath+"/elsewhere", DatabasePath(p.o.StoragePath)); err != nil {
		t.Fatal(err)
	}
	if err := down.run(); err != nil {
		t.Error(err)
	}
}
