package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/promapi"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// A source is asked for limits as it is for features: what can never be forecast
// makes the check fail, what nobody has does not.
func TestCheckSourceAsksForLimits(t *testing.T) {
	db := must.Get(tsdb.Open(tsdb.Options{Dir: t.TempDir()}))(t)
	defer db.Close()
	at := time.Now().Add(-2 * time.Minute)
	for i := range 5 {
		must.OK(t, db.Append(t.Context(), []series.Sample{
			{Name: "node_load1", Labels: map[string]string{"instance": "web-1"}, At: at.Add(time.Duration(i) * 15 * time.Second), Value: 1},
			{Name: "jobs", Labels: map[string]string{"job": "batch"}, At: at.Add(time.Duration(i) * 15 * time.Second), Value: 1},
		}))
	}
	server := httptest.NewServer(promapi.Handler(db))
	defer server.Close()
	check := func(limits string) (string, int) {
		file := filepath.Join(t.TempDir(), "omen.yml")
		must.OK(t, os.WriteFile(file, []byte("sources: [{name: p, url: '"+server.URL+"', profiles: [x]}]\nprofiles: [{name: x, features: [{name: a, expr: max by ($by) (node_load1)}], limits: ["+limits+"]}]\n"), 0o600))
		var out strings.Builder
		code := run(t.Context(), []string{"check", "source", "--config.file=" + file}, &out, &out)
		return out.String(), code
	}
	const fine = "{name: load, used: max by ($by) (node_load1), max: 5}, {name: absent, used: max by ($by) (no_such_metric), max: 5}"
	out, code := check(fine)
	if code != 0 || !regexp.MustCompile(`(?m)^limit +hosts +resources *\nload +1/1 +1 *\nabsent +0/1 +0 +no host has it$`).MatchString(out) {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	out, code = check(fine + ", {name: hostless, used: jobs, max: 5}")
	if code != 1 || !regexp.MustCompile(`(?m)^hostless +0/1 +0 +error: used: .*without the label instance`).MatchString(out) || !strings.Contains(out, "omen: 1 of 3 limits failed: ") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
