package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func modelOf(host string, n int, serving bool) omen.ModelInfo {
	return omen.ModelInfo{ID: fmt.Sprintf("%s-%03d", host, n), Host: omen.Host{Source: "prod", Profile: "node", Name: host},
		Schema: "abc", Grade: omen.Learning, TrainedAt: start, Rows: n, Card: []byte(`{"loss":1}`), Serving: serving}
}

func put(t *testing.T, db *DB, infos ...omen.ModelInfo) {
	t.Helper()
	for _, info := range infos {
		must.OK(t, db.PutModel(t.Context(), info, []byte("blob of "+info.ID)))
	}
}

func names(infos []omen.ModelInfo) (all []string) {
	for _, m := range infos {
		name := m.ID
		if m.Serving {
			name += " serves"
		}
		all = append(all, name)
	}
	return all
}

func TestModelsKeepThreeAndTheServingOne(t *testing.T) {
	db := openTest(t)
	web := omen.Host{Source: "prod", Profile: "node", Name: "web"}
	put(t, db, modelOf("web", 1, true), modelOf("web", 2, false), modelOf("web", 3, false), modelOf("web", 4, false),
		modelOf("db", 1, true))
	got := must.Get(db.Models(t.Context(), web))(t)
	if diff := cmp.Diff([]string{"web-004", "web-003", "web-001 serves"}, names(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(modelOf("web", 4, false), got[0]); diff != "" {
		t.Errorf("a model's description changed:\n%s", diff)
	}
	if _, _, err := db.Model(t.Context(), "web-002"); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("the surplus model: %v, want ErrNotFound", err)
	}
	must.OK(t, db.Promote(t.Context(), "web-003", "looks better"))
	info, blob, err := db.Model(t.Context(), "web-003")
	if err != nil || string(blob) != "blob of web-003" || !info.Serving || info.Note != "looks better" {
		t.Errorf("promoted: %+v, %q, %v", info, blob, err)
	}
	if err := db.Promote(t.Context(), "web-002", ""); !errors.Is(err, omen.ErrNotFound) {
		t.Errorf("promoting a removed one: %v", err)
	}
	if got, err = db.Models(t.Context(), omen.Host{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"db-001 serves", "web-004", "web-003 serves", "web-001"}, names(got)); diff != "" {
		t.Error(diff)
	}
}

// Which model judged a host when is kept, over promotions and a return to an
// older one.
// Where the clock was set back, the same instant names another model, and what was
// stored before lies ahead: a challenger is not taken for the model that serves, and
// neither what is trained now nor what a damaged model falls back to is thought the oldest.
func TestModelsOfATimeThatLiesAhead(t *testing.T) {
	db := openTest(t)
	web := omen.Host{Source: "prod", Profile: "node", Name: "web"}
	at := func(n int, ahead time.Duration, serving bool) omen.ModelInfo {
		m := modelOf("web", n, serving)
		m.TrainedAt = time.Now().Add(ahead)
		return m
	}
	put(t, db, at(7, time.Hour, false), at(8, 2*time.Hour, false), at(9, 3*time.Hour, true))
	again := at(9, 0, false)
	must.OK(t, db.PutModel(t.Context(), again, []byte("of the same instant, for the second time")))
	if info, blob, err := db.Model(t.Context(), "web-009"); err != nil || !info.Serving || string(blob) != "blob of web-009" {
		t.Fatalf("the model that serves: %+v, %q, %v", info, blob, err)
	}
	put(t, db, at(1, -time.Hour, false), at(2, -time.Minute, true))
	got := names(must.Get(db.Models(t.Context(), web))(t))
	if diff := cmp.Diff([]string{"web-009", "web-002 serves", "web-001"}, got); diff != "" {
		t.Errorf("kept:\n%s", diff)
	}
	for _, want := range []string{"web-001", "web-009"} { // what was trained by the clock that is right goes before
		loaded := ""
		must.OK(t, db.ServingModels(t.Context(), nil, func(info omen.ModelInfo, _ []byte) error {
			if info.ID == "web-002" || want == "web-009" && info.ID == "web-001" {
				return fmt.Errorf("decode: %w", omen.ErrCorrupt)
			}
			loaded = info.ID
			return nil
		}))
		if loaded != want {
			t.Errorf("%q serves for a damaged one, want %s", loaded, want)
		}
	}
}

func TestWhenModelsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := must.Get(Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)
		web := omen.Host{Source: "prod", Profile: "node", Name: "web"}
		var between []time.Time
		step := func(err error) {
			t.Helper()
			must.OK(t, err)
			time.Sleep(time.Minute) // synctest's clock
			between = append(between, time.Now())
			time.Sleep(time.Minute)
		}
		step(nil)
		step(db.PutModel(t.Context(), modelOf("web", 1, true), []byte("a")))
		step(db.PutModel(t.Context(), modelOf("web", 2, true), []byte("b")))
		step(db.PutModel(t.Context(), modelOf("web", 3, false), []byte("c")))
		step(db.Promote(t.Context(), "web-001", "looks better"))
		step(db.Promote(t.Context(), "web-001", "once more"))
		want := []string{"", "web-001", "web-002", "web-002", "web-001", "web-001"}
		for i, at := range between {
			var got []string
			for _, m := range must.Get(db.Models(t.Context(), web))(t) {
				if m.Judged(at) {
					got = append(got, m.ID)
				}
			}
			if strings.Join(got, " ") != want[i] {
				t.Errorf("after step %d %v judged, want %q", i, got, want[i])
			}
		}
		must.OK(t, db.Close())
	})
	old := modelOf("db", 1, true) // stored before this was recorded
	if !old.Judged(old.TrainedAt) || old.Judged(old.TrainedAt.Add(-1)) {
		t.Error("a serving model without a record did not judge since its training")
	}
}

func TestADamagedModelFallsBack(t *testing.T) {
	for name, spoil := range map[string]struct {
		bytes bool // the stored bytes change, or the loader refuses them
		ids   string
		want  string
	}{
		"bytes of the newest":    {true, "web-003", "web-002"},
		"newest does not decode": {false, "web-003", "web-002"},
		"bytes of the newer two": {true, "web-003 web-002", "web-001"},
		"all":                    {true, "web-003 web-002 web-001", ""},
	} {
		t.Run(name, func(t *testing.T) {
			db := openTest(t)
			put(t, db, modelOf("web", 1, false), modelOf("web", 2, false), modelOf("web", 3, true), modelOf("db", 1, true))
			if spoil.bytes {
				for id := range strings.FieldsSeq(spoil.ids) {
					must.Get(db.write.Exec("UPDATE model_blob SET data = ? WHERE id = ?", []byte("rubbish"), id))(t)
				}
			}
			for round := range 2 { // the second start finds the one that was promoted
				loaded := map[string]string{}
				must.OK(t, db.ServingModels(t.Context(), nil, func(info omen.ModelInfo, blob []byte) error {
					if !spoil.bytes && strings.Contains(spoil.ids, info.ID) {
						return fmt.Errorf("decode: %w", omen.ErrCorrupt)
					}
					loaded[info.Host.Name] = info.ID
					return nil
				}))
				if loaded["web"] != spoil.want || loaded["db"] != "db-001" {
					t.Errorf("start %d loaded %v, want %q for web", round, loaded, spoil.want)
				}
			}
			if spoil.want != "" {
				info, _, err := db.Model(t.Context(), spoil.want)
				if err != nil || !info.Serving || !strings.Contains(info.Note, "damaged") {
					t.Errorf("%+v, %v: want it serving, with a note", info, err)
				}
			}
		})
	}
}

func TestServingModelsStopsAtAnotherError(t *testing.T) {
	db := openTest(t)
	put(t, db, modelOf("a", 1, true), modelOf("b", 1, true))
	calls := 0
	err := db.ServingModels(t.Context(), nil, func(omen.ModelInfo, []byte) error { calls++; return context.Canceled })
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%v after %d calls, want Canceled after 1", err, calls)
	}
}

// BenchmarkServingModels loads the models of 10,000 hosts, 40 kB each: what a
// start has to wait for.
func BenchmarkServingModels(b *testing.B) {
	db := must.Get(Open(b.Context(), filepath.Join(b.TempDir(), "omen.db"), slog.New(slog.DiscardHandler)))(b)
	defer db.Close()
	blob := make([]byte, 40_000)
	for i := range 10_000 {
		blob[i] = byte(i)
		must.OK(b, db.PutModel(b.Context(), modelOf(fmt.Sprint("web", i), 1, true), blob))
	}
	for b.Loop() {
		n := 0
		must.OK(b, db.ServingModels(b.Context(), nil, func(_ omen.ModelInfo, blob []byte) error { n += len(blob); return nil }))
		b.SetBytes(int64(n))
	}
}

// BenchmarkAppend is one durable change at a time; BenchmarkAppendBatch a
// hundred in one transaction.
func BenchmarkAppend(b *testing.B)      { benchAppend(b, 1) }
func BenchmarkAppendBatch(b *testing.B) { benchAppend(b, 100) }

func benchAppend(b *testing.B, size int) {
	db := openTest(b)
	n := 0
	for b.Loop() {
		batch := make([]omen.Change, size)
		for i := range batch {
			n++
			batch[i] = change(n, 1, omen.ChangeOpened)
		}
		must.OK(b, db.Append(b.Context(), batch...))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
}
