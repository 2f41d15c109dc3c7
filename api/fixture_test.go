package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/store"
)

// fixture is an API over a real store and manager, and the Runtime of that API.
type fixture struct {
	api     *API
	server  *httptest.Server
	store   *store.DB
	manager *incident.Manager

	mu        sync.Mutex
	hosts     []omen.HostStatus
	sources   []omen.SourceStatus
	forecasts []omen.Outlook
	unread    []omen.UnreadLimit
	pending   []omen.Pending
	ready     error
	reload    error
	given     []float64  // what Predict was given
	pages     omen.Pages // Hosts is what Pages was given
	total     map[omen.Severity]uint64
	refuse    error // Chart's error
	listed    int   // how often all hosts were asked for
	past      []omen.ScorePoint
	judged    Judged
	highest   Highest
	others    []string // Spreads was given

	asked, histories int // how often one host was asked for, and scores
}

func (f *fixture) Forecasts() []omen.Outlook  { return f.forecasts }
func (f *fixture) Unread() []omen.UnreadLimit { return f.unread }
func (f *fixture) Pending() []omen.Pending    { return f.pending }

func (f *fixture) Hosts() []omen.HostStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed++
	all := slices.Clone(f.hosts)
	for i := range all {
		all[i].Features = nil // as Runtime has them
	}
	return all
}

func (f *fixture) Host(id omen.Host) (omen.HostStatus, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	i := slices.IndexFunc(f.hosts, func(h omen.HostStatus) bool { return h.Host == id })
	if i < 0 {
		return omen.HostStatus{}, false
	}
	return f.hosts[i], true
}

func (f *fixture) Subject(id omen.Host) (Subject, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.hosts, func(h omen.HostStatus) bool { return h.Host == id })
	if i < 0 {
		return Subject{}, false
	}
	h := f.hosts[i]
	s := Subject{Instance: h.Labels["instance"], Places: map[string]int{}, Model: h.Model.ID, Grade: h.Model.Grade}
	for i, feature := range h.Features {
		s.Places[feature.Name] = i
	}
	return s, true
}

func (f *fixture) Named(name string) []omen.Host {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []omen.Host
	for _, h := range f.hosts {
		if name == "" || h.Host.Name == name || h.Labels["instance"] == name {
			found = append(found, h.Host)
		}
	}
	return found
}

func (f *fixture) Sources() []omen.SourceStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sources
}

func (f *fixture) Scores(context.Context, omen.Host, time.Time, time.Time) ([]omen.ScorePoint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.histories++
	if f.past == nil {
		return nil, errors.ErrUnsupported
	}
	return f.past, nil
}

func (f *fixture) Spreads(_ context.Context, _ omen.Host, others []string, from, _ time.Time) (Spreads, error) {
	f.others = others
	return Spreads{Step: time.Minute, Features: []Spread{{Feature: "load", Unit: omen.Ratio, Times: List[Seconds]{Unix(from)}, Median: List[Number]{1}, Low: List[Number]{.5}, High: List[Number]{2}, Hosts: List[int]{len(others)}}}, Failed: []string{"disk_write"}}, nil
}

func (f *fixture) Highest(context.Context, time.Time, time.Duration, int) (Highest, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.highest, nil
}

func (f *fixture) Features(_ context.Context, _ omen.Host, names []string, from, _ time.Time, points int) (Features, error) {
	return Features{Step: Number(points), Features: []FeatureHistory{{Feature: names[0], Unit: omen.Ratio, Times: List[Seconds]{Unix(from)}, Actual: List[Number]{Number(math.NaN())}}}}, nil
}

func (f *fixture) Predict(h omen.Host, v []float64) (omen.Score, error) {
	f.given = slices.Clone(v)
	return omen.Score{Host: h, At: at, Value: 1.5, ReconstructionError: 0.5}, nil
}

func (f *fixture) Chart(_ context.Context, incident, signature string) ([]byte, error) {
	return []byte(incident + " " + signature), f.refuse
}

func (f *fixture) Calendars() []CalendarFile {
	return []CalendarFile{{Name: "fine", File: "fine.ics", ReadAt: Instant(at), Left: List[Omitted]{{UID: "1", Summary: "Lunch", Why: "free"}}}, {Name: "shifts", File: "shifts.ics", ReadAt: Instant(at), FailedSince: Instant(at.Add(time.Minute)), Err: "shifts.ics: line 3: no DTSTART"}}
}

func (f *fixture) Pages(hosts []omen.HostStatus) (omen.Pages, map[omen.Severity]uint64) {
	all := f.pages
	all.Hosts = len(hosts)
	return all, f.total
}

func (f *fixture) Reload(context.Context) error { return f.reload }
func (f *fixture) Ready() error                 { return f.ready }
func (f *fixture) Queues() []Queue {
	return []Queue{{Name: "ticks", Length: 1, Capacity: 8, Dropped: 2}}
}

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var web1 = omen.Host{Source: "prom", Profile: "node", Name: "web-1:9100"}

// scored is a host with a model and a score.
func scored(h omen.Host, score float64) omen.HostStatus {
	state := omen.HostNormal
	if score > 1 {
		state = omen.HostAnomalous
	}
	return omen.HostStatus{
		Host: h, Labels: map[string]string{"instance": h.Name}, State: state, LastSeen: at,
		Score: omen.Score{
			Host: h, At: at, Value: score, ReconstructionError: 0.25, Grade: omen.Established, Model: "m1",
			Causes: []omen.Cause{
				{Feature: "disk_write", Unit: omen.BytesPerSecond, Share: 0.7, Actual: 240e6, Expected: 10e6, Lower: 8e6, Upper: 15e6},
				{Feature: "cpu_iowait", Unit: omen.Ratio, Share: 0.3, Actual: 0.4, Expected: 0.01, Lower: 0, Upper: 0.05},
			},
		},
		Features: []omen.FeatureValue{
			{Name: "disk_write", Unit: omen.BytesPerSecond, Actual: 240e6, Expected: 10e6, Lower: 8e6, Upper: 15e6, Share: 0.7},
			{Name: "cpu_iowait", Unit: omen.Ratio, Actual: 0.4, Expected: 0.01, Lower: 0, Upper: 0.05, Share: 0.3},
			{Name: "swap_in", Unit: omen.BytesPerSecond, Actual: math.NaN(), Expected: math.NaN(), Lower: math.NaN(), Upper: math.NaN()},
		},
		Model: omen.ModelInfo{ID: "m1", Host: h, Schema: "abc", Grade: omen.Established, TrainedAt: at.Add(-time.Hour), From: at.Add(-24 * time.Hour), To: at.Add(-time.Hour), Rows: 5520, Serving: true, Card: []byte(`{"loss":{"train":0.01}}`)},
	}
}

// learns is a host without a model.
func learns(h omen.Host) omen.HostStatus {
	return omen.HostStatus{
		Host: h, State: omen.HostLearning, LastSeen: at,
		Training: omen.TrainingStatus{Running: true, Progress: 0.5, Samples: 90, NextDue: at.Add(time.Minute), NextGrade: omen.Provisional},
	}
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	db := must.Get(store.Open(ctx, filepath.Join(t.TempDir(), "omen.db"), nil))(t)
	f := &fixture{store: db, manager: incident.NewManager(incident.Options{Store: db})}
	f.hosts = []omen.HostStatus{scored(web1, 3.5), learns(omen.Host{Source: "prom", Profile: "k8s", Name: "shop/checkout"})}
	f.sources = []omen.SourceStatus{{Name: "prom", Address: "http://p:9090", State: omen.SourcePartial, Since: at, FailedFeatures: map[string]string{"swap_in": "no data"}, Hosts: 2, LastRead: at, ReadSeconds: 0.02, StepSeconds: 15}}
	f.api = New(Options{Store: db, Manager: f.manager, Version: "v0-test", Runtime: f, Settings: configured{}, Budgets: &replayed{}})
	f.api.remedy = f.loop()
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, _, ok := r.BasicAuth(); ok { // as a server around the API that has checked it
			r = SignedIn(r, user)
		}
		f.api.Handler().ServeHTTP(w, r)
	}))
	done := make(chan error, 1)
	go func() { done <- f.manager.Run(ctx) }()
	t.Cleanup(func() {
		f.api.Close()
		f.server.Close()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// call makes a request and returns the answer's status, body and headers.
func (f *fixture) call(t *testing.T, method, path, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	req := must.Get(http.NewRequestWithContext(t.Context(), method, f.server.URL+path, strings.NewReader(body)))(t)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	r := must.Get(http.DefaultClient.Do(req))(t)
	defer r.Body.Close()
	b := must.Get(io.ReadAll(r.Body))(t)
	return r.StatusCode, string(b), r.Header
}

// read gets what a route answers.
func read[T any](t *testing.T, f *fixture, path string) (v T) {
	t.Helper()
	must.OK(t, NewClient(f.server.URL).Get(t.Context(), path, &v))
	return v
}

// open puts an incident into the journal.
func (f *fixture) open(t *testing.T, id string) omen.Incident {
	t.Helper()
	in := omen.Incident{
		ID: id, Kind: omen.HostIncident, Host: web1, State: omen.Open, Severity: omen.Warning, Grade: omen.Established,
		Since: at, OpenedAt: at, UpdatedAt: at, Score: 3.5, Peak: 4, Causes: f.hosts[0].Score.Causes,
		Reason: omen.ReasonAnomalous, Summary: "disk_write", ChangeNumber: 1,
	}
	must.OK(t, f.store.Append(t.Context(), omen.Change{Kind: omen.ChangeOpened, At: at, Incident: in, Reason: in.Reason, By: "tracker"}))
	d := omen.Delivery{Incident: id, Key: fmt.Sprintf("%s.1", id), Receiver: "ops", At: at, Took: time.Second, Outcome: "delivered"}
	must.OK(t, f.store.RecordDelivery(t.Context(), d))
	return in
}

func (f *fixture) JudgedAt(_ context.Context, h omen.Host, at time.Time) (Judged, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j := f.judged
	j.Scores = slices.DeleteFunc(slices.Clone(j.Scores), func(s omen.Score) bool { return s.At.After(at) })
	return j, nil
}
