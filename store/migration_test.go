package store_test

import (
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// TestMigration opens a database that bfef77a wrote, in half an hour on a
// machine whose disk was filled with writes: three models, an incident with a
// verdict, its pattern, two silences, two windows and two events. All of it is
// read as it was written, to the field.
func TestMigration(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "omen.db")
	unpack(t, "testdata/bfef77a.db.gz", path)
	written := rows(ctx, t, path)
	db := must.Get(store.Open(ctx, path, nil))(t)
	defer db.Close()

	at := time.Date(2026, 11, 29, 0, 40, 0, 0, time.UTC)
	silences, err1 := db.Silences(ctx, at)
	windows, err2 := db.Windows(ctx)
	patterns, err3 := db.Patterns(ctx)
	events, err4 := db.Events(ctx, at.Add(-time.Hour), at.Add(time.Hour))
	incidents, err5 := db.Incidents(ctx, store.Filter{})
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for kind, want := range map[string]int{"silence": 2, "window": 2, "pattern": 1, "event": 2, "incident": 1} {
		if n := len(written[kind]); n != want {
			t.Fatalf("the old database holds %d of kind %s, want %d", n, kind, want)
		}
	}
	read := map[string]any{"silence": silences, "window": windows, "pattern": patterns, "event": events, "incident": incidents}
	for kind, values := range read {
		var all []map[string]any
		text, err := json.Marshal(values)
		if err != nil || json.Unmarshal(text, &all) != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if len(all) != len(written[kind]) {
			t.Errorf("%d of kind %s are read, %d were written", len(all), kind, len(written[kind]))
		}
		for _, one := range all {
			old := written[kind][one["id"].(string)]
			for field, value := range old {
				if empty(value) {
					continue
				}
				if diff := cmp.Diff(value, one[field]); diff != "" {
					t.Errorf("%s %s: %s changed (-written +read):\n%s", kind, one["id"], field, diff)
				}
			}
		}
	}

	host := omen.Host{Source: "local", Profile: "node", Name: "web-1"}
	models, err := db.Models(ctx, host)
	if err != nil || len(models) != 3 {
		t.Fatalf("%d models (%v), want 3", len(models), err)
	}
	for _, m := range models {
		if _, blob, err := db.Model(ctx, m.ID); err != nil || len(blob) < 1000 {
			t.Errorf("model %s: %d bytes, %v", m.ID, len(blob), err)
		}
	}
	if changes, err := db.Changes(ctx, incidents[0].ID); err != nil || len(changes) != 8 {
		t.Errorf("the incident's timeline has %d changes (%v), want 8", len(changes), err)
	}
	excluded, benign, err := db.TrainingSpans(ctx, host, nil, time.UTC, at.Add(-time.Hour), at.Add(time.Hour))
	if err != nil || len(excluded) != 0 || len(benign) != 1 {
		t.Errorf("of what was judged harmless %v is excluded and %v is to be learned (%v), want nothing and one span", excluded, benign, err)
	}
	if n := db.Damaged(); n != 0 {
		t.Errorf("%d rows are set aside as damaged", n)
	}
}

// unpack writes a packed file.
func unpack(t *testing.T, from, to string) {
	t.Helper()
	f := must.Get(os.Open(from))(t)
	defer f.Close()
	plain := must.Get(gzip.NewReader(f))(t)
	out := must.Get(os.Create(to))(t)
	must.Get(io.Copy(out, plain))(t)
	must.OK(t, out.Close())
}

// rows are the documents and incidents of a database by kind and ID, as they
// lie in it.
func rows(ctx context.Context, t *testing.T, path string) map[string]map[string]map[string]any {
	t.Helper()
	raw := must.Get(sql.Open("sqlite", path))(t)
	defer raw.Close()
	found := must.Get(raw.QueryContext(ctx, "SELECT kind, body FROM document WHERE kind <> 'setting' UNION ALL SELECT 'incident', body FROM incident"))(t)
	defer found.Close()
	out := map[string]map[string]map[string]any{}
	for found.Next() {
		var kind, body string
		var value map[string]any
		must.OK(t, found.Scan(&kind, &body))
		must.OK(t, json.Unmarshal([]byte(body), &value))
		if out[kind] == nil {
			out[kind] = map[string]map[string]any{}
		}
		out[kind][value["id"].(string)] = value
	}
	must.OK(t, found.Err())
	return out
}

// empty reports a JSON value that says nothing, which a newer field list may
// leave out.
func empty(v any) bool {
	list, ok := v.([]any)
	return v == nil || v == "" || v == false || v == 0.0 || ok && len(list) == 0
}
