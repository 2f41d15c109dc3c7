package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/store"
)

var begin = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// measure FILE FROM TO [label] writes a CSV file of minutes FROM to TO of a host
// whose cpu and memory follow one load. With label, the last ten of each 600
// minutes are anomalous, and labelled.
func measure(ts *testscript.TestScript, _ bool, args []string) {
	from, err := strconv.Atoi(args[1])
	ts.Check(err)
	to, err := strconv.Atoi(args[2])
	ts.Check(err)
	rng := rand.New(rand.NewPCG(7, uint64(from)))
	var b strings.Builder
	labelled := len(args) > 3
	header := "timestamp,cpu,memory"
	if labelled {
		header += ",label"
	}
	b.WriteString(header + "\n")
	for i := from; i < to; i++ {
		load := 0.3 + 0.1*math.Sin(float64(i)/40)
		cpu, memory, label := load+0.01*rng.NormFloat64(), load/2+0.01*rng.NormFloat64(), 0
		if labelled && i%600 >= 590 {
			cpu, label = cpu+0.6, 1
		}
		fmt.Fprintf(&b, "%d,%.4f,%.4f", begin.Add(time.Duration(i)*time.Minute).Unix(), cpu, memory)
		if labelled {
			fmt.Fprintf(&b, ",%d", label)
		}
		b.WriteByte('\n')
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o750))
	ts.Check(os.WriteFile(path, []byte(b.String()), 0o600))
}

// keep DIR makes a data directory with an older and a serving model of web-1,
// an incident that an operator looks at, and one that nobody was notified of.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	dir, ctx := ts.MkAbs(args[0]), context.Background()
	ts.Check(app.MakeStorage(dir))
	db, err := store.Open(ctx, app.DatabasePath(dir), nil)
	ts.Check(err)
	host := omen.Host{Source: "local", Profile: "node", Name: "web-1"}
	for i, id := range []string{"older", "newer"} {
		ts.Check(db.PutModel(ctx, omen.ModelInfo{
			ID: id, Host: host, Schema: "s", Grade: omen.Established, Serving: true, Rows: 600,
			TrainedAt: begin.Add(time.Duration(i) * time.Hour), Card: []byte(`{}`),
		}, []byte(id+"'s parameters")))
	}
	in := omen.Incident{
		ID: "i1", ChangeNumber: 1, Kind: omen.HostIncident, Host: host, State: omen.Open, Severity: omen.Critical,
		Since: begin, OpenedAt: begin, UpdatedAt: begin, Peak: 4.2, Level: 1.8,
		Causes: []omen.Cause{{Feature: "cpu", Share: 0.9, Actual: 0.9, Expected: 0.3}},
	}
	acked := in
	acked.ChangeNumber, acked.AckedBy = 2, "ann"
	judged, muted := acked, in
	judged.ChangeNumber, judged.Verdict = 3, omen.NotAProblem
	muted.ID, muted.Suppressed = "i0", "opened_below_page_level"
	ts.Check(db.Append(ctx,
		omen.Change{Kind: omen.ChangeOpened, At: begin.Add(-time.Hour), Incident: muted, Reason: "above the limit"},
		omen.Change{Kind: omen.ChangeOpened, At: begin, Incident: in, Reason: "above the limit"},
		omen.Change{Kind: omen.ChangeAcknowledged, At: begin.Add(time.Minute), Incident: acked, By: "ann", Comment: "on\nit"},
		omen.Change{Kind: omen.ChangeJudged, At: begin.Add(2 * time.Minute), Incident: judged, By: "ann"},
	))
	ts.Check(db.RecordDelivery(ctx, omen.Delivery{
		Incident: "i1", Key: "i1.1", Receiver: "ops/webhook", At: begin.Add(time.Second), Outcome: "retrying", Detail: "answered 500",
	}))
	ts.Check(db.Close())
}

// answer DIR serves the files below DIR and puts its address into $URL.
func answer(ts *testscript.TestScript, _ bool, args []string) {
	srv := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(srv.Close)
	ts.Setenv("URL", srv.URL)
}

// lived DIR makes a data directory with four incidents of web-1 that are over: one that
// lasted, one of a few minutes, one that nobody was notified of, and one of a minute.
func lived(ts *testscript.TestScript, _ bool, args []string) {
	dir, ctx := ts.MkAbs(args[0]), context.Background()
	ts.Check(app.MakeStorage(dir))
	db, err := store.Open(ctx, app.DatabasePath(dir), nil)
	ts.Check(err)
	for i, lasted := range []time.Duration{45 * time.Minute, 5 * time.Minute, 30 * time.Minute, time.Minute} {
		at := begin.Add(time.Duration(3*i) * time.Hour)
		in := omen.Incident{
			ID: fmt.Sprint("i", i), ChangeNumber: 1, Kind: omen.HostIncident, Host: omen.Host{Source: "local", Profile: "node", Name: "web-1"},
			State: omen.Open, Severity: omen.Warning, Grade: omen.Established, Since: at, OpenedAt: at, UpdatedAt: at, Score: 3, Peak: 3,
			Causes: []omen.Cause{{Feature: "cpu", Share: 0.9, Actual: 0.9, Expected: 0.3}},
		}
		if i == 2 {
			in.Suppressed = omen.ReasonMinor
		}
		over := in
		over.ChangeNumber, over.State, over.ClosedAt, over.Reason = 2, omen.Closed, at.Add(lasted), omen.ReasonRecovered
		ts.Check(db.Append(ctx,
			omen.Change{Kind: omen.ChangeOpened, At: at, Incident: in, Reason: omen.ReasonAnomalous},
			omen.Change{Kind: omen.ChangeClosed, At: over.ClosedAt, Incident: over, Reason: over.Reason},
		))
	}
	ts.Check(db.Close())
}
