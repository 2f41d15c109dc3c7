package app

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/store"
)

var ann = omen.Audit{At: time.Now(), By: "ann", Action: "test", Subject: "test"}

// opened is the change by which an incident of its own opens.
func opened(n int) omen.Change {
	id := fmt.Sprintf("i%d", n)
	return omen.Change{Kind: omen.ChangeOpened, At: time.Now(), Incident: omen.Incident{
		ID: id, Kind: omen.HostIncident, State: omen.Open, Severity: omen.Warning, Since: time.Now(), ChangeNumber: 1,
		Host: omen.Host{Source: localName, Profile: "node", Name: id}, Summary: strings.Repeat("x", 1000),
	}}
}

// seed makes a database with one row of every kind that is read at a start.
func seed(t *testing.T, dir string) {
	t.Helper()
	must.OK(t, MakeStorage(dir))
	db := must.Get(store.Open(t.Context(), DatabasePath(dir), nil))(t)
	match := []mute.Matcher{{Name: "host", Value: "x", IsEqual: true}}
	now := time.Now()
	must.OK(t, errors.Join(
		db.PutSilence(t.Context(), mute.Silence{ID: "s", Match: match, From: now, Until: now.Add(time.Hour), By: "ann", Reason: "work"}, ann),
		db.PutWindow(t.Context(), mute.Window{ID: "w", Name: "w", Match: match, Start: "2026-01-04T02:00:00", Duration: time.Hour, Effect: mute.EffectExclude, By: "ann", Created: now}, ann),
		db.AppendFeedback(t.Context(), []feedback.Pattern{{ID: "p", Verdict: omen.NotAProblem, Created: now, By: "ann"}}, ann),
		db.PutEvent(t.Context(), mute.Event{ID: "e", Kind: mute.EventNote, At: now, Title: "t", Match: match}),
		db.PutSetting(t.Context(), "incident.memory", incident.Memory{}),
		db.Append(t.Context(), opened(1)), db.Close()))
}

// damage makes the rows that seed made unreadable.
func damage(t *testing.T, dir string) {
	t.Helper()
	db := must.Get(sql.Open("sqlite", "file:"+DatabasePath(dir)+"?_pragma=busy_timeout(10000)"))(t)
	defer db.Close()
	for _, statement := range []string{
		"UPDATE document SET body = '{' WHERE id IN ('s', 'w', 'p', 'e', 'incident.memory')", "UPDATE incident SET body = '{'",
	} {
		must.Get(db.ExecContext(t.Context(), statement))(t)
	}
}

// A damaged silence, window, pattern, event, setting or open incident stops
// neither a start nor a reload nor the end: it is set aside, counted and named.
func TestDamagedRowsAreSetAside(t *testing.T) {
	for _, at := range []string{"start", "reload"} {
		t.Run(at, func(t *testing.T) {
			dir, log := t.TempDir(), &locked{}
			file := filepath.Join(dir, "omen.yml")
			write(t, file, "local: {instance: here}\n")
			seed(t, dir)
			if at == "start" {
				damage(t, dir)
			}
			a := start(t, Options{ConfigFile: file, StoragePath: dir, Log: slog.New(slog.NewTextHandler(log, nil))})
			if at == "reload" {
				damage(t, dir)
				if code, body := a.ask("POST", "/-/reload"); code != 200 {
					t.Fatalf("reload: %d %s", code, body)
				}
			}
			// Whole again is, at a start, the incident, made again from its timeline, and at a
			// reload the setting, which the old generation has written at its end.
			a.eventually("/metrics", "omen_store_damaged_rows 5\n")
			for _, want := range []string{`kind=silence err="s: `, `kind=window err="w: `, `kind=pattern err="p: `, `kind=event err="e: `, `kind=setting err="incident.memory: `, `kind=incident err="i1: `} {
				// At a reload a reader that began before the damage finds the row whole, and the next
				// one names it again.
				if n := strings.Count(log.String(), want); n != 1 && (n != 2 || at == "start") {
					t.Errorf("the log has %q %d times, want once:\n%s", want, n, log)
				}
			}
			if code, body := a.ask("DELETE", "/api/v1/omen/windows/w?by=ann"); code != 200 {
				t.Errorf("the incident manager answers %d %s: want the damaged window gone", code, body)
			}
			if err := a.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// runParts starts a process without a listener.
func runParts(t *testing.T, file string) (*process, *teardown) {
	t.Helper()
	seed(t, filepath.Dir(file))
	return runSeeded(t, file)
}

// runSeeded is runParts on what the directory of the file has.
func runSeeded(t *testing.T, file string) (*process, *teardown) {
	t.Helper()
	dir := filepath.Dir(file)
	p := &process{
		o: Options{ConfigFile: file, StoragePath: dir, ListenAddress: "127.0.0.1:0"}, log: slog.New(slog.DiscardHandler), address: "http://here",
		failed: make(chan error, 1), reloads: make(chan chan error), stopping: make(chan struct{}),
	}
	down := &teardown{log: p.log}
	l, err := p.load()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.open(t.Context(), l, down); err != nil {
		t.Fatal(errors.Join(err, down.run()))
	}
	if p.current, err = p.prepare(t.Context(), l); err != nil {
		t.Fatal(errors.Join(err, down.run()))
	}
	p.current.start(t.Context())
	down.add("incidents", func(ctx context.Context) error { return p.current.stopConsumers(ctx) })
	down.add("sources", func(ctx context.Context) error { return p.current.sources.stop(ctx) })
	return p, down
}

// On a full disk a start and a reload that have something to store say so and
// change nothing, a reload while incidents wait for space is refused, and the
// end comes all the same.
func TestFullDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "omen.yml")
	write(t, file, "local: {instance: here}\n")
	p, down := runParts(t, file)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must.OK(t, p.db.Limit(ctx, 0))
	var err error
	for n := 2; err == nil; n++ {
		err = p.db.Append(ctx, opened(n))
	}
	if !errors.Is(err, omen.ErrFull) {
		t.Fatal(err)
	}
	running := make(chan error, 1)
	stopping, cancelRun := context.WithCancel(ctx)
	go func() { running <- p.wait(stopping, nil) }()
	before := p.current
	write(t, file, "local: {instance: here}\nmaintenance: [{name: "+strings.Repeat("m", 9000)+", match: [host=x], start: \"2026-01-04T02:00:00\", duration: 1h}]\n")
	if err := before.Reload(ctx); !errors.Is(err, omen.ErrFull) || omen.Hint(err) == "" {
		t.Errorf("reload: %v, want ErrFull with a hint", err)
	}
	if l, err := p.load(); err != nil {
		t.Error(err)
	} else if _, err := p.prepare(ctx, l); !errors.Is(err, omen.ErrFull) {
		t.Errorf("start: %v, want ErrFull", err)
	}
	if _, err := before.manager.Do(ctx, incident.Command{Incident: "none", Action: incident.Acknowledge, By: "ann"}); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("the incident manager from before the reload says %v, want ErrNotFound: it runs", err)
	}
	for i := range 10 { // fifty hosts in trouble, whose incidents cannot be stored
		k := omen.Tick{Source: "other", At: time.Now().Add(time.Duration(i) * 15 * time.Second)}
		for n := range 50 {
			h := omen.Host{Source: "other", Profile: "node", Name: fmt.Sprint("web-", n)}
			k.Scores = append(k.Scores, omen.Score{Host: h, At: k.At, Value: 9, Unsmoothed: 9, Grade: omen.Established, Model: "m",
				Causes: []omen.Cause{{Feature: fmt.Sprint("cause-", n), Share: 1, Actual: 9, Upper: 1}}})
		}
		must.OK(t, before.Offer(ctx, k))
	}
	for before.manager.Health().Err == "" {
		if ctx.Err() != nil {
			t.Fatal("the incident manager stores on a full disk")
		}
		runtime.Gosched()
	}
	if err := before.Reload(ctx); !errors.Is(err, omen.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
		t.Errorf("reload while incidents wait: %v, want ErrUnavailable, and why", err)
	}
	cancelRun()
	if err := <-running; err != nil || p.current != before {
		t.Errorf("stopped with %v; the generation before the reload runs: %v", err, p.current == before)
	}
	if err := before.Reload(ctx); !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("reload while Omen stops: %v, want ErrUnavailable", err)
	}
	if err := down.run(); err != nil && !errors.Is(err, omen.ErrFull) {
		t.Errorf("the end: %v", err)
	}
	if ctx.Err() != nil {
		t.Error("that took more than a minute")
	}
}

// What does not end in time is named, and does not keep the rest from ending.
func TestTeardown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		down := &teardown{log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		release, hung := make(chan struct{}), &stage{}
		down.add("first", func(context.Context) error { return errors.New("not closed") })
		down.add("hangs", func(context.Context) error { <-release; return nil })
		down.add("stage", hung.stop)
		ctx := hung.begin(t.Context())
		never := func(error) { t.Error("a part that was stopped ended the process") }
		hung.run(ctx, "well behaved", func(ctx context.Context) error { <-ctx.Done(); return nil }, never)
		hung.run(ctx, "source prod", func(context.Context) error { <-release; return nil }, never)
		began := time.Now()
		err := down.run()
		for _, want := range []string{"stop source prod: not ended within 10s", "stop hangs: not ended within 10s", "not closed"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		if strings.Contains(err.Error(), "well behaved") || time.Since(began) > 2*(stopWithin+time.Second) {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if s := log.String(); strings.Index(s, "part=stage") > strings.Index(s, "part=hangs") || strings.Index(s, "part=hangs") > strings.Index(s, "part=first") {
			t.Errorf("ended in the order\n%s", s)
		}
		close(release)
	})
}

// A part that ends by itself, or cannot start, ends the process with a word.
func TestAPartThatEndsEndsTheProcess(t *testing.T) {
	p := &process{failed: make(chan error, 1), stopping: make(chan struct{}), reloads: make(chan chan error)}
	s := &stage{}
	broken := errors.New("broken")
	s.run(s.begin(t.Context()), "watch", func(context.Context) error { return broken }, p.fail)
	if err := p.wait(t.Context(), nil); !errors.Is(err, broken) || !strings.Contains(err.Error(), "watch") {
		t.Errorf("%v, want the part's name and its error", err)
	}
	if err := s.stop(t.Context()); err != nil {
		t.Error(err)
	}
}
