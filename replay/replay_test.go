package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/replay"
)

const (
	step   = 5 * time.Minute
	perDay = int(24 * time.Hour / step)
)

// recorded is four days of a host with a daily rhythm; for an hour and a half of
// the last day its cpu is busy and its disk idle.
func recorded() ([]omen.Vector, *feature.Schema) {
	schema, err := feature.FromColumns("example", []string{"cpu", "load", "disk"}, feature.Feature{Scale: 1})
	if err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(7, 7))
	all := make([]omen.Vector, 4*perDay)
	for i := range all {
		cpu := .3 + .1*math.Sin(2*math.Pi*float64(i)/float64(perDay)) + .02*r.NormFloat64()
		values := []float64{cpu, cpu/2 + .01*r.NormFloat64(), .5 + .01*r.NormFloat64()}
		if i >= 3*perDay+30 && i <= 3*perDay+50 {
			values[0], values[2] = .95, .1
		}
		all[i] = omen.Vector{
			Host: omen.Host{Source: "file", Profile: "example", Name: "web-1"},
			At:   time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * step), Values: values,
		}
	}
	return all, schema
}

func ExampleRun() {
	samples, schema := recorded()
	past, lived := samples[:2*perDay], samples[2*perDay:]
	t, err := replay.Run(context.Background(), past, lived, replay.Options{Schema: schema, Detect: detect.Options{Step: step}})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(t.Samples), "samples,", t.Trainings, "trainings")
	for _, in := range t.Incidents {
		if in.Notified >= 0 {
			fmt.Println(in.Host, "notified after", t.Samples[in.Notified].At.Sub(in.Since), "of", in.First[0].Feature)
		}
	}
	// Output:
	// 576 samples, 2 trainings
	// web-1 notified after 5m0s of disk
}

// The fault is one incident that people are notified of, named by its causes;
// without a past the host grows up first.
func TestRun(t *testing.T) {
	all, schema := recorded()
	fault := all[3*perDay+30].At
	o := replay.Options{Schema: schema, Detect: detect.Options{Step: step}}
	for _, c := range []struct {
		name      string
		past      int
		trainings int
	}{
		{"with a past", 2 * perDay, 2},
		{"from birth", 0, 3},
	} {
		var last float64
		o.Progress = func(done float64) { last = done }
		got, err := replay.Run(t.Context(), all[:c.past], all[c.past:], o)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got.Trainings < c.trainings || got.Err != nil || last != 1 {
			t.Errorf("%s: %d trainings, %v, progress %v", c.name, got.Trainings, got.Err, last)
		}
		hit := slices.DeleteFunc(slices.Clone(got.Incidents), func(in *replay.Incident) bool {
			return in.Since.Before(fault) || in.Since.Sub(fault) > 5*step
		})
		if len(hit) != 1 || hit[0].Notified < hit[0].From || len(hit[0].First) == 0 {
			t.Fatalf("%s: incidents at the fault: %+v of %d", c.name, hit, len(got.Incidents))
		}
		if f := hit[0].First[0].Feature; f != "cpu" && f != "disk" {
			t.Errorf("%s: first cause %q, the fault is in cpu and disk", c.name, f)
		}
		if p := hit[0].Pages; len(p) == 0 || p[0].At != hit[0].Notified || p[0].Causes[0].Feature != hit[0].First[0].Feature {
			t.Errorf("%s: messages %+v, notified at %d of %s", c.name, p, hit[0].Notified, hit[0].First[0].Feature)
		}
		for i, x := range got.Scores {
			if x > 0 && (got.Raw[i] <= 0 || !got.Alerts[i] && i == hit[0].From) {
				t.Fatalf("%s: sample %d: score %v, raw %v, alert %v", c.name, i, x, got.Raw[i], got.Alerts[i])
			}
		}
		once := o
		once.Once, once.Progress = true, nil
		if got := must.Get(replay.Run(t.Context(), all[:c.past], all[c.past:], once))(t); got.Trainings != 1 {
			t.Errorf("%s: %d trainings of a model that serves for ever", c.name, got.Trainings)
		}
		none, err := replay.Run(t.Context(), all, nil, o)
		if err != nil || !errors.Is(none.Err, omen.ErrTooFew) {
			t.Errorf("without samples: %v, %v", err, none.Err)
		}
		var table strings.Builder
		must.OK(t, replay.Write(&table, []*replay.Timeline{got, none}))
		for _, want := range []string{hit[0].Since.Format(time.DateTime), "expected", "no samples"} {
			if !strings.Contains(table.String(), want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, table.String())
			}
		}
	}
}

// What stays high is the host's level in an hour: it alerts no longer, although
// its score is above the limit, and its incident has not recovered.
func TestAPlateauSettles(t *testing.T) {
	all, schema := recorded()
	for i := 3*perDay + 30; i < len(all); i++ {
		all[i].Values[2] = .1
	}
	got := must.Get(replay.Run(t.Context(), all[:2*perDay], all[2*perDay:], replay.Options{Schema: schema, Detect: detect.Options{Step: step}}))(t)
	settled := slices.IndexFunc(got.Incidents, func(in *replay.Incident) bool { return in.Reason == omen.ReasonSettled })
	below := 0
	for i, x := range got.Scores {
		if x > 1 && !got.Alerts[i] {
			below++
		}
	}
	if settled < 0 || below == 0 {
		t.Errorf("%d samples above the limit and not the level; incidents %+v", below, got.Incidents)
	}
	without := replay.Options{Schema: schema, Detect: detect.Options{Step: step, Without: detect.Parts{Level: true}}}
	plain := must.Get(replay.Run(t.Context(), all[:2*perDay], all[2*perDay:], without))(t)
	for i, x := range plain.Scores {
		if plain.Alerts[i] != (x > 1) {
			t.Fatalf("sample %d: a score of %g without a level: alert %v", i, x, plain.Alerts[i])
		}
	}
}

// always is an operator who says the same of every incident.
type always omen.Verdict

func (a always) Judge(*replay.Incident, int) omen.Verdict { return omen.Verdict(a) }

// heights are the levels of all samples.
type heights []float64

func (h *heights) Observe(_ int, score omen.Score) { *h = append(*h, score.Level) }

// A strong incident raises the host's level only if the operator says that it was
// none, as in serve.
func TestVerdictsMoveTheLevel(t *testing.T) {
	all, schema := recorded()
	for verdict, raised := range map[omen.Verdict]bool{omen.NoVerdict: false, omen.Real: false, omen.NotAProblem: true} {
		var levels heights
		must.Get(replay.Run(t.Context(), all[:2*perDay], all[2*perDay:], replay.Options{
			Schema: schema, Detect: detect.Options{Step: step}, Operator: always(verdict), Observer: &levels,
		}))(t)
		later := perDay + 50 + int(3*time.Hour/step) // when no plateau is left of the fault
		if before, got := levels[perDay+29], levels[later]; (got > 1.1*before) != raised {
			t.Errorf("verdict %q: level %g three hours after the fault, %g before it, raised should be %v", verdict, got, before, raised)
		}
	}
}

func TestRunCancelled(t *testing.T) {
	all, schema := recorded()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replay.Run(ctx, nil, all, replay.Options{Schema: schema, Detect: detect.Options{Step: step}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A host that is silent is missing, not odd.
func TestSilence(t *testing.T) {
	all, schema := recorded()
	for i := 3 * perDay; i < len(all); i++ {
		all[i].Values = slices.Repeat([]float64{math.NaN()}, 3)
	}
	got := must.Get(replay.Run(t.Context(), all[:2*perDay], all[2*perDay:], replay.Options{Schema: schema, Detect: detect.Options{Step: step}}))(t)
	if i := slices.IndexFunc(got.Scores[perDay:], func(x float64) bool { return x != 0 }); i >= 0 {
		t.Fatalf("score %v of a silent host", got.Scores[perDay+i])
	}
}
