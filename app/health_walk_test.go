package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/promapi"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/tsdb"
)

// provoked is a state of docs/health.md as the walk brings it about.
type provoked struct {
	config string                                      // beside "local"; %s is the peer's address
	series []map[string]string                         // what the peer has, each 1; none: it answers every query with nothing
	before func(t *testing.T, at omenIn)               // to what an earlier run left
	harm   func(t *testing.T, p *process, other *peer) // once all is well
	wait   time.Duration                               // the peer takes so long for each answer
	disk   bool                                        // in a file system of its own
	long   bool                                        // takes longer than a minute
}

// omenIn is a configuration file, in its data directory, and what is beside it.
type omenIn struct {
	file, dir string
	peer      *peer
}

// peer is a server beside Omen: a Prometheus, below /slack a Slack, below /hang a
// receiver that never answers, and at / one that refuses.
type peer struct {
	*httptest.Server
	mute   atomic.Bool            // its series have ended
	refuse atomic.Pointer[string] // queries that contain this are refused; nil: none is
	old    atomic.Bool            // queries that go back for longer than ten seconds are refused
}

func newPeer(t *testing.T, state provoked) *peer {
	t.Helper()
	p := &peer{}
	db := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	var one sync.Mutex
	fed := time.Now().Truncate(time.Second).Add(-time.Minute)
	feed := func(ctx context.Context) {
		one.Lock()
		defer one.Unlock()
		for ; fed.Before(time.Now()); fed = fed.Add(time.Second) {
			var batch []series.Sample
			for _, labels := range state.series {
				batch = append(batch, series.Sample{Name: labels["__name__"], Labels: without(labels, "__name__"), At: fed, Value: 1})
			}
			if !p.mute.Load() {
				_ = db.Append(ctx, batch)
			}
		}
	}
	stored, stop := promapi.Handler(db), make(chan struct{})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.WriteHeader(http.StatusBadRequest)
		case "/slack":
			_, _ = w.Write([]byte("ok"))
		case "/hang":
			<-stop
		default:
			feed(context.WithoutCancel(r.Context()))
			if refused := p.refuse.Load(); refused != nil && strings.Contains(r.FormValue("query"), *refused) ||
				p.old.Load() && goesBack(r) > 10 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			select {
			case <-time.After(state.wait):
			case <-r.Context().Done():
			}
			stored.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() { close(stop); p.Close(); _ = db.Close() })
	return p
}

// goesBack is for how many seconds a range query asks.
func goesBack(r *http.Request) (seconds float64) {
	var from, to float64
	if _, err := fmt.Sscan(r.FormValue("start")+" "+r.FormValue("end"), &from, &to); err != nil {
		return 0 // it asks for an instant
	}
	return to - from
}

func without(labels map[string]string, name string) map[string]string {
	rest := map[string]string{}
	for k, v := range labels {
		if k != name {
			rest[k] = v
		}
	}
	return rest
}

// mem is a series of the profile mine.
func mem(labels ...string) map[string]string {
	all := map[string]string{"__name__": "mem"}
	for i := 0; i+1 < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	return all
}

// pools are so many series of one host.
func pools(n int) (all []map[string]string) {
	for i := range n {
		all = append(all, mem("instance", "a", "pool", fmt.Sprint(i)))
	}
	return all
}

const (
	mine   = "profiles: [{name: mine, features: [{name: mem, expr: 'sum by ($by) (mem)'}]}]\n"
	ofMine = mine + "sources: [{name: b, url: '%s', step: 1s, profiles: [mine]}]\n"
	ops    = "route: {receiver: ops, group_by: [incident], group_wait: 1s}\nreceivers: [{name: ops, "
)

// said has something to notify of that is over at once.
func said(t *testing.T, p *process, _ *peer) {
	must.OK(t, p.current.manager.Report(t.Context(), "test", omen.Critical, "something to say"))
	must.OK(t, p.current.manager.Resolve(t.Context(), "test"))
}

// fills takes so much of the data directory's disk.
func fills(share float64) func(*testing.T, *process, *peer) {
	return func(t *testing.T, p *process, _ *peer) {
		f := must.Get(os.Create(filepath.Join(p.o.StoragePath, "ballast")))(t)
		defer f.Close()
		for {
			used, _, err := disk(p.o.StoragePath)
			must.OK(t, err)
			if used >= share {
				return
			}
			if _, err := f.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}
}

// walk is the states that are brought about here, each in an Omen of its own.
var walk = map[string]provoked{
	"a source does not answer": {config: "sources: [{name: b, url: 'http://127.0.0.1:1', step: 1s}]\nincidents: {source_down: 1s}\n"},
	"a source answers, and none of its hosts sends anything": {
		config: ofMine + "incidents: {source_down: 1s}\n", long: true, // five hosts
		series: []map[string]string{mem("instance", "a"), mem("instance", "b"), mem("instance", "c"), mem("instance", "d"), mem("instance", "e")},
		harm:   func(_ *testing.T, _ *process, other *peer) { other.mute.Store(true) },
	},
	"a source is seen in one of its profiles and not in another": {
		config: "profiles: [{name: mine, features: [{name: mem, expr: mem}]}, {name: other, features: [{name: cpu, expr: cpu}]}]\n" +
			"sources: [{name: b, url: '%s', step: 1s, profiles: [mine, other]}]\nincidents: {source_down: 1s}\n",
		series: []map[string]string{mem("instance", "a"), {"__name__": "cpu", "instance": "a"}},
		harm:   func(_ *testing.T, _ *process, other *peer) { refused := "cpu"; other.refuse.Store(&refused) },
	},
	"a source has no host of the profile": {config: "sources: [{name: b, url: '%s', step: 1s}]\n"},
	"a feature's query fails, or series name no host": {
		config: "profiles: [{name: mine, features: [{name: mem, expr: 'sum by ($by) (mem)'}, {name: bad, expr: 'label_replace(mem, \"a\", \"\", \"a\", \"(\")'}]}]\n" +
			"sources: [{name: b, url: '%s', step: 1s, profiles: [mine]}]\n",
		series: []map[string]string{mem("instance", "a"), mem("job", "nobody's")},
	},
	"series of several hosts have one identity, such as two clusters with the same `instance`": {
		config: ofMine, series: []map[string]string{mem("instance", "a", "cluster", "eu"), mem("instance", "a", "cluster", "us")},
	},
	"more hosts than `max_hosts`": {
		config: mine + "sources: [{name: b, url: '%s', step: 1s, profiles: [mine], max_hosts: 1}]\n",
		series: []map[string]string{mem("instance", "a"), mem("instance", "b")},
	},
	"a limit's query fails, or the history of its resources cannot be read": {
		config: "profiles: [{name: mine, features: [{name: mem, expr: 'sum by ($by) (mem)'}], limits: [{name: slots, used: 'label_replace(mem, \"a\", \"\", \"a\", \"(\")', max: 5}]}]\n" +
			"sources: [{name: b, url: '%s', step: 1s, profiles: [mine]}]\n",
		series: []map[string]string{mem("instance", "a")},
	},
	"a host has more than 100 resources with a limit": {
		config: "profiles: [{name: mine, features: [{name: mem, expr: 'sum by ($by) (mem)'}], limits: [{name: slots, by: [pool], used: 'max by ($by) (mem)', max: 5}]}]\n" +
			"sources: [{name: b, url: '%s', step: 1s, profiles: [mine]}]\n",
		series: pools(101),
	},
	"reading a source takes longer than its step": {config: ofMine, series: []map[string]string{mem("instance", "a")}, wait: 1100 * time.Millisecond},
	"a model is old": {before: func(t *testing.T, at omenIn) { at.learned(t, localName, "here", feature.Node(), 72*time.Hour) }},
	"scores are dropped since the incident manager is busy": {harm: func(t *testing.T, p *process, _ *peer) {
		k := omen.Tick{Source: localName, At: time.Now()}
		for i := range 1000 {
			k.Scores = append(k.Scores, omen.Score{Host: omen.Host{Source: localName, Profile: "node", Name: fmt.Sprint(i)}, At: k.At, Value: .5})
		}
		for p.current.manager.Health().Dropped == 0 {
			k.At = k.At.Add(time.Second)
			_ = p.current.manager.Offer(t.Context(), k)
		}
	}},
	"incidents cannot be stored": {harm: func(t *testing.T, p *process, _ *peer) {
		must.OK(t, p.db.Limit(t.Context(), 0))
		for n := 2; p.db.Append(t.Context(), opened(n)) == nil; n++ {
		}
		_ = p.current.manager.Report(t.Context(), "test", omen.Critical, strings.Repeat("x", 9000))
	}},
	"the disk is nearly full (95 %)": {disk: true, harm: fills(.96)},
	"the disk is full":               {disk: true, harm: fills(1)},
	"the data directory was removed or replaced": {harm: func(t *testing.T, p *process, _ *peer) {
		must.OK(t, os.Rename(DatabasePath(p.o.StoragePath), p.o.StoragePath+"/elsewhere"))
	}},
	"rows of the database are damaged": {harm: func(t *testing.T, p *process, _ *peer) {
		damage(t, p.o.StoragePath)
		must.Get(p.db.Windows(t.Context()))(t)
	}},
	"a disk that hangs: a write does not return within 10 s": {harm: func(t *testing.T, p *process, _ *peer) {
		reserve := filepath.Join(p.o.StoragePath, reserveFile)
		p.storage.one.Lock()
		p.storage.within = 50 * time.Millisecond
		p.storage.one.Unlock()
		must.OK(t, os.Remove(reserve))
		must.OK(t, syscall.Mkfifo(reserve, 0o600))
		t.Cleanup(func() { // somebody reads: the write returns
			if f, err := os.OpenFile(reserve, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
				_ = f.Close()
			}
			_ = os.Remove(reserve)
		})
	}},
	"the models of before the start are not loaded yet": {
		config: ofMine, series: []map[string]string{mem("instance", "a")},
		before: func(t *testing.T, at omenIn) {
			at.learned(t, "b", "a", feature.Profile{Name: "mine", Features: []feature.Feature{{Name: "mem", Expr: "sum by ($by) (mem)"}}}, 0)
			at.peer.old.Store(true)
		},
	},
	"crash loop": {before: func(t *testing.T, at omenIn) {
		path := DatabasePath(at.dir)
		for range crashLoop { // what a killed one leaves: the files, not closed
			db := must.Get(store.Open(t.Context(), path, nil))(t)
			left := map[string][]byte{}
			for _, name := range []string{path, path + "-wal"} {
				left[name] = must.Get(os.ReadFile(name))(t)
			}
			must.OK(t, db.Close())
			for name, text := range left {
				write(t, name, string(text))
			}
		}
	}},
	"a calendar cannot be read":              {config: "calendars: [{name: ops, file: none.ics, match: [host=x]}]\n"},
	"a receiver does not answer, or refuses": {config: ops + "webhook_configs: [{url: '%s'}]}]\n", harm: said},
	"a receiver is behind":                   {config: ops + "webhook_configs: [{url: '%s/hang'}]}]\n", harm: said},
	"a template fails": {
		config: ops + `slack_configs: [{api_url: '%s/slack', channel: '#x', text: '{{ if eq .CommonLabels.trouble "test" }}{{ (index .Alerts 99).Status }}{{ end }}'}]}]` + "\n",
		harm: func(t *testing.T, p *process, _ *peer) {
			must.OK(t, p.current.manager.Report(t.Context(), "test", omen.Critical, "something to say"))
		},
	},
}

// learned runs an Omen until it has seen a host, and gives that a model that
// learned until so long ago.
func (at omenIn) learned(t *testing.T, source, host string, profile feature.Profile, age time.Duration) {
	t.Helper()
	a := start(t, Options{ConfigFile: at.file, StoragePath: at.dir})
	a.matches("/api/v1/omen/hosts/"+source+"%2F"+profile.Name+"%2F"+host, someSamples)
	must.OK(t, a.stop())
	putModelOf(t, DatabasePath(at.dir), profile, omen.Host{Source: source, Profile: profile.Name, Name: host}, age)
}

// elsewhere are the tests that bring about the other states: they need a clock, a
// model or a process of their own.
var elsewhere = map[string]string{
	"more than half of a source's hosts fell silent, and at least five":                                                "generation_test.go:TestMostHostsAreSilent",
	"samples of single hosts come later than the source is read, for two minutes":                                      "../test/late_test.go:TestALateHostIsNamed",
	"actions cannot be planned: what is live, the store or the switches cannot be read, or a plan takes over a minute": "../remedy/loop_test.go:TestWithoutStoreOrFactsNothingIsDone",
	"the audit is not what was written, or its key is not there":                                                       "../remedy/control_test.go:TestAnAuditThatWasChangedStopsEverything",
	"nobody can tell whether an action was done":                                                                       "../remedy/loop_test.go:TestInDoubtIsNeverRepeated",
	"a playbook was switched off, since it does not help or by a person":                                               "../remedy/control_test.go:TestPauseAndDisableSurvive",
	"a playbook is no longer done to a target, since its last three actions there did not help":                        "../remedy/settle_test.go:TestWhatIsGivenUpIsSaid",
	"nobody is notified: no receiver is configured":                                                                    "../web/ui/src/settings.test.ts:The configuration has no receiver.",
	"actions are paused": "../remedy/control_test.go:TestPauseAndDisableSurvive",
	"the same target had to be put right five times in a week":                                                         "../remedy/habit_test.go:TestALeakThatIsPutRightDailyStaysATrouble",
	"samples of most targets of a source are further apart than its `step`, so that one measurement counts as several": "../watch/range_test.go:TestReadingsThatRepeat",
	"samples come late":      "../series/late_test.go:TestRemoteMeasuresHowLateSamplesCome",
	"training keeps failing": "../api/metrics_models_test.go:TestMetricsOfTrainingsAndSources",
	"a feature that a host's model uses has no value any more, or a counter no rate, for 15 minutes": "../watch/gaps_test.go:TestFeaturesWithoutValuesAreSaid",
	"a host has drifted from what its model knows":                                                   "../watch/known_test.go:TestDriftAndSelfTestAreShown",
	"more pages than promised":                                     "pages_test.go:TestPagesAreCounted",
	"nothing is scored though a source answers":                    "generation_test.go:TestStalled",
	"the database or a part of Omen cannot start":                  "lifecycle_test.go:TestAPartThatEndsEndsTheProcess",
	"the clock was set":                                            "../test/attacks_test.go:TestTheClockIsSetByAnHour",
	"reachable without a password (`--web.allow-unauthenticated`)": "access_test.go:TestExposed",
	"a mail server refuses one of several recipients":              "../notify/email/recipients_test.go:TestOneRefusedRecipientBlocksNobody",
	"buttons that people press in Telegram are not heard":          "../notify/reply/reply_test.go:TestButtonsThatAreNotHeardAreSaid",
	"Omen itself does not answer":                                  "../web/ui/e2e/foundations.mjs:SIGSTOP",

	"the disk fails, or is read-only, where metrics are stored":                      "../tsdb/chunks_test.go:TestAChunkThatCannotBeWrittenEndsNoProcess",
	"the metrics store cannot be compacted, such as since a block cannot be written": "storage_test.go:TestAStoreThatCannotBeCompactedIsSaid",
	"a start on a full disk": "../tsdb/durability_test.go:TestAFullDiskEndsNoProcess",
	"a file system of this machine does not answer, such as one of a server that is gone": "mounts_test.go:TestFileSystemsThatHangAreSaid",
	"a part of this machine cannot be gathered for 20 s, such as by a device that hangs":  "mounts_test.go:TestPartsThatAreNotMeasuredAreSaid",
	"wrong users or passwords": "access_test.go:TestWrongPasswordsAreLoggedAndCounted",
}
