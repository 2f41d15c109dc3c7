package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// omenAt is an Omen that runs in this process.
type omenAt struct {
	t       *testing.T
	address string
	out     *locked
	stop    func() error
}

type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, o Options) *omenAt {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	up, done := make(chan string, 1), make(chan error, 1)
	a := &omenAt{t: t, out: &locked{}}
	o.Version, o.Out = "test", a.out
	if o.ListenAddress == "" {
		o.ListenAddress = "127.0.0.1:0"
	}
	o.Listening = func(address string) { up <- address }
	go func() { done <- Run(ctx, o) }()
	a.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			t.Error("Omen does not stop")
			return nil
		}
	})
	t.Cleanup(func() { _ = a.stop() })
	select {
	case a.address = <-up:
	case err := <-done:
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("Omen does not start")
	}
	return a
}

func (a *omenAt) ask(method, path string, body ...string) (int, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.address+path, strings.NewReader(strings.Join(body, "")))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// eventually asks until the answer holds what is wanted.
func (a *omenAt) eventually(path, want string) string {
	a.t.Helper()
	return a.matches(path, regexp.MustCompile(regexp.QuoteMeta(want)))
}

// matches asks until the answer matches what is wanted.
func (a *omenAt) matches(path string, want *regexp.Regexp) string {
	a.t.Helper()
	deadline := time.After(2 * time.Minute) // rows are looked at every 15 s, later on a busy machine
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, body := a.ask("GET", path)
		if want.MatchString(body) {
			return body
		}
		select {
		case <-deadline:
			a.t.Fatalf("GET %s never holds %s, at last\n%s", path, want, body)
		case <-tick.C:
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must.OK(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "omen.yml")
	write(t, file, "local: {instance: this-one}\n")
	a := start(t, Options{ConfigFile: file, StoragePath: filepath.Join(dir, "data")})

	a.eventually("/api/v1/omen/hosts", `"name":"this-one"`)
	if code, body := a.ask("GET", "/-/ready"); code != 200 {
		t.Errorf("/-/ready is %d: %s", code, body)
	}
	var up struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	_, body := a.ask("GET", "/api/v1/query?query=up")
	must.OK(t, json.Unmarshal([]byte(body), &up))
	if r := up.Data.Result; len(r) != 1 || r[0].Metric["instance"] != "this-one" || r[0].Metric["job"] != "node" || r[0].Value[1] != "1" {
		t.Errorf("up is %s, want one series of this-one with value 1", body)
	}
	_, metrics := a.ask("GET", "/metrics")
	for _, want := range []string{`omen_source_up{source="local"} 1`, "omen_storage_samples_appended_total", "omen_host_gathers_total", "omen_watch_ticks_total", "omen_pages_promised_per_host_week 1", `omen_pages_total{severity="critical"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	documented := must.Get(os.ReadFile("../docs/api.md"))(t)
	for _, family := range regexp.MustCompile(`(?m)^# TYPE ((?:omen|anomaly)_\w+) `).FindAllStringSubmatch(metrics, -1) {
		if !regexp.MustCompile("`" + family[1] + "[`{]").Match(documented) {
			t.Errorf("docs/api.md does not have %s", family[1])
		}
	}
	rules, err := os.ReadFile("../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\bomen_(storage_\w+|host_hanging_\w+|watch_\w+|ready\b|unclean_starts)`).FindAllString(string(rules), -1) {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("the alert rules use %s, which /metrics does not have", name)
		}
	}
	for _, text := range regexp.MustCompile(`(?:{{ else }})?{{ \$value }} [a-z]+s\b`).FindAllString(string(rules), -1) {
		if !strings.HasPrefix(text, "{{ else }}") && text != "{{ $value }} times" { // three and more
			t.Errorf("the alert rules say 1 of %q", text)
		}
	}
	problems, err := promlint.New(strings.NewReader(metrics)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("/metrics: %v, %v", err, problems)
	}
	if code, _ := a.ask("GET", "/hosts/any"); code != 200 && code != 503 {
		t.Errorf("/hosts/any is %d, want the web UI", code)
	}
	if code, body := a.ask("GET", "/api/v1/targets"); code != 404 || !strings.Contains(body, `"hint"`) {
		t.Errorf("/api/v1/targets is %d %s, want 404 in JSON", code, body)
	}
	if out := a.out.String(); !strings.Contains(out, a.address) || !strings.Contains(out, "this-one") {
		t.Errorf("what is printed at start names no page or host:\n%s", out)
	}
	if err := a.stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

// A reload takes what is new; a file with an error changes nothing and says
// where the error is.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "omen.yml")
	write(t, file, "local: {instance: before}\nmaintenance: [{name: m, match: [host=x], start: \"2026-01-04T02:00:00\", duration: 1h}]\n")
	a := start(t, Options{ConfigFile: file, StoragePath: filepath.Join(dir, "data")})
	a.eventually("/api/v1/omen/hosts", `"name":"before"`)
	a.eventually("/api/v1/omen/windows", `"name":"m"`)

	write(t, file, "local: {instance: after}\nlocl: {}\n")
	code, body := a.ask("POST", "/-/reload")
	if code/100 == 2 || !strings.Contains(body, "omen.yml:2") || !strings.Contains(body, "locl") {
		t.Errorf("a bad file answers %d %s, want an error that names line 2", code, body)
	}
	a.eventually("/api/v1/omen/hosts", `"name":"before"`)

	write(t, file, "local: {instance: after}\n")
	if code, body := a.ask("POST", "/-/reload"); code != 200 {
		t.Fatalf("a good file answers %d %s", code, body)
	}
	a.eventually("/api/v1/omen/hosts", `"name":"after"`)
	if _, body := a.ask("GET", "/api/v1/omen/windows"); strings.Contains(body, `"name":"m"`) {
		t.Errorf("the window that the file no longer has is still there: %s", body)
	}
	if code, _ := a.ask("GET", "/-/ready"); code != 200 {
		t.Errorf("not ready after a reload: %d", code)
	}
}

// someSamples is of a host that has sent three or more.
var someSamples = regexp.MustCompile(`"samples":([3-9]|\d\d)`)

// someResources is of forecasts of one or more, made or waited for, and someScores of a
// host that has some for its sparkline.
var (
	someResources = regexp.MustCompile(`"resources":[1-9]`)
	someScores    = regexp.MustCompile(`"recent":\[[^\]]`)
)

// A reload empties nothing: the first answer after it has the hosts, the scores, the
// resources and the source that were there before.
func TestAReloadEmptiesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "omen.yml")
	write(t, file, "local: {instance: here}\n")
	o := Options{ConfigFile: file, StoragePath: filepath.Join(dir, "data")}
	a := start(t, o)
	a.matches("/api/v1/omen/hosts", someSamples)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	putModel(t, DatabasePath(o.StoragePath), omen.Host{Source: localName, Profile: "node", Name: "here"})
	a = start(t, o)
	a.eventually("/metrics", "\nanomaly_score{")
	a.matches("/api/v1/omen/forecasts", someResources)
	for range 3 {
		if code, body := a.ask("POST", "/-/reload"); code != 200 {
			t.Fatalf("reload: %d %s", code, body)
		}
		_, metrics := a.ask("GET", "/metrics")
		for _, want := range []string{"\nanomaly_score{", `omen_source_up{source="local"} 1`, `omen_source_hosts{source="local"} 1`} {
			if !strings.Contains(metrics, want) {
				t.Errorf("/metrics right after a reload lacks %s", want)
			}
		}
		if _, body := a.ask("GET", "/api/v1/omen/hosts"); !strings.Contains(body, `"name":"here"`) || !someScores.MatchString(body) {
			t.Errorf("hosts right after a reload: %s", body)
		}
		if _, body := a.ask("GET", "/api/v1/omen/forecasts"); !someResources.MatchString(body) {
			t.Errorf("forecasts right after a reload: %s", body)
		}
		if code, body := a.ask("GET", "/-/ready"); code != 200 {
			t.Errorf("not ready right after a reload: %d %s", code, body)
		}
	}
}

// A calendar stops nothing: what of it cannot be followed is named, and when
// its file is gone at a start its windows stay.
func TestStartWithoutACalendar(t *testing.T) {
	dir := t.TempDir()
	file, ics := filepath.Join(dir, "omen.yml"), filepath.Join(dir, "ops.ics")
	const event = "BEGIN:VEVENT\nUID:1\nSUMMARY:patch\nDTSTART;TZID=Europe/Berlin:20270301T220000\nDURATION:PT1H\nRRULE:FREQ="
	write(t, ics, "BEGIN:VCALENDAR\n"+event+"WEEKLY\nEND:VEVENT\n"+event+"HOURLY\nEND:VEVENT\nEND:VCALENDAR\n")
	write(t, file, "calendars: [{name: ops, file: "+ics+", match: [host=x]}]\n")
	o := Options{ConfigFile: file, StoragePath: filepath.Join(dir, "data")}
	for _, want := range []string{`"left":[{"uid":"1","summary":"patch","why":`, `"failed_since":"2`} {
		a := start(t, o)
		if body := a.eventually("/api/v1/omen/windows", want); !strings.Contains(body, `"name":"patch"`) {
			t.Errorf("the weekly window is not there: %s", body)
		}
		must.OK(t, a.stop())
		_ = os.Remove(ics)
	}
	if _, _, err := Check(t.Context(), file); err == nil || !strings.Contains(err.Error(), "ops.ics") {
		t.Errorf("a check says %v, want the missing file", err)
	}
}

// After a restart this machine is seen from the first round of scoring on, so
// that its stored model is taken up, although its series ended when Omen did.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	o := Options{StoragePath: dir}
	a := start(t, o)
	hosts := a.matches("/api/v1/omen/hosts", someSamples)
	must.OK(t, a.stop())
	var known struct{ Hosts []struct{ Name string } }
	if err := json.Unmarshal([]byte(hosts), &known); err != nil || len(known.Hosts) != 1 {
		t.Fatalf("hosts are %s, want one: %v", hosts, err)
	}
	id := putModel(t, DatabasePath(dir), omen.Host{Source: localName, Profile: "node", Name: known.Hosts[0].Name})
	a = start(t, o)
	a.eventually("/api/v1/omen/hosts", `"model":"`+id+`"`)
	for given := time.After(30 * time.Second); !strings.Contains(a.out.String(), "1 model from before"); {
		select { // it is printed once the source has answered
		case <-given:
			t.Fatalf("what is printed at start knows no model:\n%s", a.out.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	a.eventually("/metrics", "\nanomaly_score{")
	host := "/api/v1/omen/hosts/" + known.Hosts[0].Name
	a.eventually(host+"/score", `"scores":[`)
	a.matches(host+"/features?feature=memory_used", regexp.MustCompile(`"feature":"memory_used".*"lower":\[[^\]]*[0-9]`)) // what was expected is worked out
	a.eventually(host+"/explain", `{"question":"model","met":true`)
	if code, body := a.ask("POST", "/predict", `{"features":{"memory_used":2}}`); code != 400 || !strings.Contains(body, "missing features") {
		t.Errorf("a prediction of one feature answers %d %s, want the names of the others", code, body)
	}
	var at struct{ Features []struct{ Name string } }
	_, body := a.ask("GET", host)
	must.OK(t, json.Unmarshal([]byte(body), &at))
	given := map[string]float64{}
	for _, f := range at.Features {
		given[f.Name] = 0.5
	}
	text := must.Get(json.Marshal(map[string]any{"features": given}))(t)
	if code, body := a.ask("POST", "/predict", string(text)); code != 200 || !strings.Contains(body, id) {
		t.Errorf("a prediction answers %d %s, want one by model %s", code, body, id)
	}
	if code, body := a.ask("GET", "/api/v1/omen/incidents/none/graph.png?sig=s"); code != 404 && code != 403 {
		t.Errorf("a picture of no incident answers %d %s", code, body)
	}
}

// putModel stores a model of made-up samples, one each second, and returns its id.
func putModel(t *testing.T, path string, h omen.Host) string {
	t.Helper()
	return putModelOf(t, path, feature.Node(), h, 0)
}

// putModelOf is the same of any profile, of samples until so long ago.
func putModelOf(t *testing.T, path string, profile feature.Profile, h omen.Host, age time.Duration) string {
	t.Helper()
	schema := must.Get(feature.NewSchema(profile))(t)
	rng := rand.New(rand.NewPCG(1, 1))
	var rows []omen.Vector
	for i := range 300 {
		v := omen.Vector{Host: h, At: time.Now().Add(time.Duration(i-300)*time.Second - age), Values: make([]float64, schema.Len())}
		for j := range v.Values {
			v.Values[j] = .5 + .1*rng.NormFloat64()
		}
		rows = append(rows, v)
	}
	m := must.Get(detect.Fit(t.Context(), schema, rows, nil, detect.Options{Step: time.Second}))(t)
	blob := must.Get(m.MarshalBinary())(t)
	db := must.Get(store.Open(t.Context(), path, nil))(t)
	defer db.Close()
	info := m.Info()
	info.Serving = true
	must.OK(t, db.PutModel(t.Context(), info, blob))
	return m.ID()
}

func TestSecondOnTheSameDirectory(t *testing.T) {
	dir := t.TempDir()
	start(t, Options{StoragePath: dir})
	err := Run(t.Context(), Options{StoragePath: dir, ListenAddress: "127.0.0.1:0"})
	if err == nil || omen.Hint(err) == "" || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second Omen gets %v (hint %q), want that the directory is in use", err, omen.Hint(err))
	}
}

// The names that package config takes for built-in profiles are those that
// package feature has, and every profile of the documentation is understood.
func TestBuiltinProfiles(t *testing.T) {
	for _, p := range feature.Builtins() {
		if _, err := config.Parse([]byte("local: {profiles: [" + p.Name + "]}\n")); err != nil {
			t.Errorf("config does not know profile %s: %v", p.Name, err)
		}
	}
	c := must.Get(config.Parse([]byte("profiles: [{name: mine, extends: node, without: [swap_used], features: [{name: jobs, expr: 'sum by ($by) (jobs)', unit: 1/s, range: [0, 9], direction: up, deviation: 2, work: true}], derive: [{name: jobs_change, kind: change, of: jobs, over: 1m}]}]\n")))(t)
	all := must.Get(Schemas(c))(t)
	mine := all["mine"]
	if want := all["node"].Len() - 1 + 2; mine.Len() != want || mine.Index("swap_used") >= 0 {
		t.Errorf("profile mine has %d features %v, want %d", mine.Len(), mine.Names(), want)
	}
	got := mine.Features()[mine.Index("jobs")]
	if got.Unit != omen.PerSecond || got.Min != 0 || got.Max != 9 || got.Direction != feature.Up || got.Deviation != 2 || !got.Work {
		t.Errorf("feature jobs is %+v", got)
	}
}

func TestPrometheusURLs(t *testing.T) {
	l := must.Get(load("", []string{"http://a:9090", "http://b:9090"}, time.Now()))(t)
	if l.conf.LocalEnabled() || len(l.conf.Sources) != 2 || l.conf.Sources[0].Name != "prometheus" || l.conf.Sources[1].Name != "prometheus-2" {
		t.Errorf("got %+v, want two sources and not this machine", l.conf.Sources)
	}
	if _, err := load("", []string{"not an address"}, time.Now()); err == nil || omen.Hint(err) == "" {
		t.Errorf("a bad address gives %v", err)
	}
}
