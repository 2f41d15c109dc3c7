package watch

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
)

// Hosts whose model does not serve any more are no new ones: how many are trained anew
// and why is said once, and on each of them until a model serves it.
func TestHostsAreTrainedAnew(t *testing.T) {
	other := func(change func(*feature.Profile)) *feature.Schema {
		p := feature.Profile{Name: "test", By: []string{"instance"}}
		p.Features = append(p.Features, profile(t).Features()...)
		change(&p)
		return must.Get(feature.NewSchema(p))(t)
	}
	for _, c := range []struct {
		name        string
		was, schema *feature.Schema
		step        time.Duration
		want        string
	}{
		{"nothing changed", profile(t), profile(t), time.Second, ""},
		{
			"a feature is new, and one is gone", other(func(p *feature.Profile) { p.Features = p.Features[:len(p.Features)-1] }),
			other(func(p *feature.Profile) { p.Features = p.Features[1:] }), time.Second,
			"its features changed (+" + features[len(features)-1] + ", -" + features[0] + ")",
		},
		{
			"one measures something else", profile(t), other(func(p *feature.Profile) { p.Features[0].Expr += " + 1" }), time.Second,
			"its features changed (what one of them measures, or their order)",
		},
		{"the step", profile(t), profile(t), 2 * time.Second, "it is scored every 2 s, and was every 1 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			before := newRig(t, db, "web-1", "web-2")
			was := before.o
			was.Schema = c.was
			before.Watch = New(was)
			before.grow(t)
			var log bytes.Buffer
			r := newRig(t, db, "web-1", "web-2")
			r.world.born, r.now = before.world.born, before.now
			o := r.o
			o.Schema, o.Step, o.Log = c.schema, c.step, slog.New(slog.NewTextHandler(&log, nil))
			r.Watch = New(o)
			r.pass(t, 1)
			must.OK(t, r.lookUp(t.Context()))
			var said []string
			for _, n := range omen.TrainedAnew(r.Hosts()) {
				said = append(said, n.String())
			}
			if want := "2 hosts of profile test are trained anew: " + c.want; c.want == "" && len(said) > 0 || c.want != "" && (len(said) != 1 || said[0] != want) {
				t.Errorf("said: %q, want %q", said, want)
			}
			if n := strings.Count(log.String(), "hosts are trained anew"); n != min(len(said), 1) || c.want != "" && !strings.Contains(log.String(), fmt.Sprintf("count=2 host=\"web-1, web-2\" why=%q", c.want)) {
				t.Errorf("logged:\n%s", log.String())
			}
			if c.want != "" && c.step == time.Second {
				batch, _ := r.due(r.now)
				r.trainBatch(t.Context(), batch)
				if anew := omen.TrainedAnew(r.Hosts()); len(anew) > 0 {
					t.Errorf("once they have models: %+v", anew)
				}
				if note := r.Hosts()[0].Model.Note; note != "trained anew: "+c.want {
					t.Errorf("the model's note is %q", note)
				}
			}
		})
	}
}

// A model of a clock that was ahead does not keep its host from being trained until that
// time has come.
func TestAModelOfATimeThatLiesAhead(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	r.grow(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.hosts["web-1"]
	h.info.TrainedAt = r.last.AddDate(1, 0, 0)
	h.info.From = h.info.TrainedAt.Add(-time.Hour)
	if r.plan(h, r.last); h.due.Sub(r.last) > r.o.Retrain+r.o.Retrain/10 {
		t.Errorf("trained next at %s, which is in %s", h.due, h.due.Sub(r.last))
	}
}
