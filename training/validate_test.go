package training

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// samples are a host's: a day's wave, what follows from it, and noise.
func samples(seed uint64, n int) []omen.Vector {
	r := rand.New(rand.NewPCG(seed, 1))
	all := make([]omen.Vector, n)
	for i := range all {
		load := 0.4 + 0.2*math.Sin(2*math.Pi*float64(i)/1440) + 0.02*r.NormFloat64()
		all[i] = omen.Vector{
			Host: omen.Host{Source: "test", Profile: "columns", Name: "web-1"}, At: time.Date(2026, 3, 2, 0, i, 0, 0, time.UTC),
			Values: []float64{load, load/2 + 0.01*r.NormFloat64(), 0.3 + 0.02*r.NormFloat64()},
		}
	}
	return all
}

func schema(t *testing.T) *feature.Schema {
	t.Helper()
	return must.Get(feature.FromColumns("columns", []string{"cpu", "load", "disk"}, feature.Feature{Scale: 1}))(t)
}

func TestRun(t *testing.T) {
	s := schema(t)
	all := samples(5, 4*1440)
	run := func(all []omen.Vector, champion *detect.Model, excluded ...omen.Span) Result {
		return must.Get(Run(t.Context(), Task{Schema: s, Vectors: all, Champion: champion, Options: detect.Options{Excluded: excluded}}))(t)
	}
	first := run(all[:2*1440], nil)
	if !first.Promoted || first.Model.Grade() != omen.Established {
		t.Fatalf("the first model: promoted %t, %s", first.Promoted, first.Model.Grade())
	}
	incident := omen.Span{From: all[3000].At, To: all[3100].At, Why: "incident"}
	next := run(all[:3*1440], first.Model, incident)
	if !next.Promoted || next.Model.Card().Warm != first.Model.ID() {
		t.Errorf("a day later: promoted %t (%s), warm from %q", next.Promoted, next.Why, next.Model.Card().Warm)
	}
	if next.Model.Rows() != 3*1440-101 || !slices.Equal(next.Model.Card().Excluded, []omen.Span{incident}) {
		t.Errorf("learned %d samples without %v, want all but the incident's", next.Model.Rows(), next.Model.Card().Excluded)
	}
	short := run(all[4*1440-300:], next.Model)
	if short.Promoted {
		t.Errorf("five hours instead of three days: promoted, %s", short.Why)
	}
	if grown := run(all, short.Model); !grown.Promoted || grown.Model.Card().Warm != "" {
		t.Errorf("four days after five hours: promoted %t (%s), warm from %q", grown.Promoted, grown.Why, grown.Model.Card().Warm)
	}
	for _, few := range [][]omen.Vector{nil, all[:10]} {
		if _, err := Run(t.Context(), Task{Schema: s, Vectors: few, Champion: next.Model}); !errors.Is(err, omen.ErrTooFew) {
			t.Errorf("of %d samples: %v", len(few), err)
		}
	}
}

// recorded is a source of one host's samples.
type recorded []omen.Vector

func (r recorded) Read(_ context.Context, q series.Query) (*series.Frame, error) {
	f := series.NewFrame([]string{r[0].Host.Name}, []string{"cpu", "load", "disk"}, q.Start, q.Step, int(q.End.Sub(q.Start)/q.Step)+1)
	for _, v := range r {
		if !v.At.Before(q.Start) && !v.At.After(q.End) {
			copy(f.Row(0, int(v.At.Sub(q.Start)/q.Step)), v.Values)
		}
	}
	return f, nil
}

// What is read from a source gives the model that the same samples give,
// whatever the source has before and after; and a training can be ended.
func TestRunFromASource(t *testing.T) {
	all := samples(7, 1440)
	task := Task{Schema: schema(t), Vectors: all[200:801], Options: detect.Options{Step: time.Minute}}
	want := must.Get(Run(t.Context(), task))(t)
	task.Vectors, task.Host, task.Source, task.Span = nil, all[0].Host, recorded(all), omen.Span{From: all[200].At, To: all[800].At}
	ctx, cancel := context.WithCancel(t.Context())
	stages := 0
	task.Options.Progress = func(int, int) { stages++ }
	got := must.Get(Run(ctx, task))(t)
	a, _ := want.Model.MarshalBinary()
	b, _ := got.Model.MarshalBinary()
	if !bytes.Equal(a, b) || stages == 0 {
		t.Errorf("models of %d and %d samples differ; progress of %d stages", want.Model.Rows(), got.Model.Rows(), stages)
	}
	cancel()
	if _, err := Run(ctx, task); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestBehaveCountsIncidentsApart(t *testing.T) {
	all := samples(6, 2*1440+60)
	r := must.Get(Run(t.Context(), Task{Schema: schema(t), Vectors: all[:2*1440]}))(t)
	for i := 2 * 1440; i < len(all); i++ {
		all[i].Values[2] += 2
	}
	after := func(minutes int) time.Time { return all[2*1440].At.Add(time.Duration(minutes) * time.Minute) }
	c := behave(r.Model, all, 60, []omen.Span{
		{From: after(10), To: after(20), Why: "a", Confirmed: true},
		{From: after(21), To: after(25), Why: "a", Confirmed: true}, // of the same incident
		{From: after(26), To: after(30), Why: "nobody judged it"},
	})
	if c.normal != 39 || c.troubled != 1 || c.noticed != 1 || c.alerts < 30 {
		t.Errorf("conduct %+v: want 39 samples outside the spans, in alert, and the confirmed incident noticed", c)
	}
}

// An incident of more than a day leaves samples to judge by: those before it.
func TestWhatIsJudgedIsOutsideOfIncidents(t *testing.T) {
	all := samples(3, 3*1440)
	from := func(i int) []omen.Span {
		return []omen.Span{{From: all[i].At, To: all[len(all)-1].At, Why: "incident"}}
	}
	for name, c := range map[string]struct {
		excluded []omen.Span
		want     int
	}{
		"none":                     {nil, 1440},
		"half a day":               {from(len(all) - 720), 1440},
		"the day but half an hour": {from(len(all) - 1410), 1440 + 30},
		"a day and an hour":        {from(len(all) - 1500), 1500 + firstSamples},
		"all":                      {from(0), len(all)},
	} {
		if n := judged(all, 1440, c.excluded); n != c.want {
			t.Errorf("%s: %d samples, want %d", name, n, c.want)
		}
	}
}

func TestPromotes(t *testing.T) {
	est, learning, prov := omen.Established, omen.Learning, omen.Provisional
	for _, c := range []struct {
		name       string
		old, fresh conduct
		had, has   omen.Grade
		want       bool
	}{
		{"as good", conduct{normal: 1000, alerts: 2}, conduct{normal: 1000, alerts: 2}, est, est, true},
		{"much louder", conduct{normal: 1000, alerts: 2}, conduct{normal: 1000, alerts: 20}, est, est, false},
		{"louder by less than a thousandth of the time", conduct{normal: 60000, alerts: 49}, conduct{normal: 60000, alerts: 101}, est, est, true},
		{"louder by more than that", conduct{normal: 60000, alerts: 49}, conduct{normal: 60000, alerts: 140}, est, est, false},
		{"blind to what was confirmed", conduct{normal: 1000, troubled: 2, noticed: 2}, conduct{normal: 1000, troubled: 2, noticed: 1}, est, est, false},
		{"growing may be louder", conduct{normal: 1000}, conduct{normal: 1000, alerts: 30}, prov, learning, true},
		{"but not shout", conduct{normal: 1000}, conduct{normal: 1000, alerts: 60}, prov, learning, false},
		{"shrunk", conduct{normal: 1000}, conduct{normal: 1000}, learning, prov, false},
		{"shrunk from established", conduct{normal: 1000, alerts: 20}, conduct{normal: 1000}, est, learning, false},
		{"shrunk, but the old one shouts", conduct{normal: 1000, alerts: 60}, conduct{normal: 1000}, est, learning, true},
		{"nothing normal to judge by", conduct{}, conduct{}, est, est, true},
	} {
		if got, why := promotes(c.old, c.fresh, c.had, c.has); got != c.want || why == "" {
			t.Errorf("%s: promoted %v because %q", c.name, got, why)
		}
	}
}
