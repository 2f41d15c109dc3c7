package watch

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

// begun is a source that has just begun: how far apart its samples are shows later.
type begun struct {
	series.Source
	sure   bool
	window time.Duration // what it measures; 0: the source's own
	scrape time.Duration // how far apart its samples are; 0: that is not known
	asked  time.Duration // the window of the last query
}

func (b *begun) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	b.asked = q.Window
	f, err := b.Source.Read(ctx, q)
	if err == nil {
		if f.Sure = b.sure; q.Window == 0 {
			f.Scrape = b.scrape
		}
		if b.window != 0 && q.Window == 0 {
			f.Window = b.window
		}
	}
	return f, err
}

// What $window becomes is asked again until the source is sure of it: of samples that
// come once a minute, a window from before the second one would never give a rate.
func TestTheWindowWaitsForSamples(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	b := &begun{Source: r.world}
	r.o.Source = b
	if r.pass(t, 3); b.asked != 0 {
		t.Fatalf("window %s of a source that is not sure of it, want 0: it is to measure again", b.asked)
	}
	b.sure = true
	r.pass(t, 1)
	b.sure = false
	if r.pass(t, 2); b.asked != 4*time.Second {
		t.Errorf("window %s, want the one that the source was sure of", b.asked)
	}
}

// A step that is shorter than samples are apart is said, with the one to write, and only
// once that is known.
func TestReadingsThatRepeat(t *testing.T) {
	r := newRig(t, open(t), "web-1")
	b := &begun{Source: r.world, scrape: 0}
	r.o.Source = b
	if r.pass(t, 2); r.Status().Note != "" {
		t.Errorf("%q of a source of which nothing is known", r.Status().Note)
	}
	b.sure, b.scrape = true, 60*r.o.Step
	r.pass(t, 3)
	if note := r.Status().Note; !strings.Contains(note, "set the source's step: 60s") || !strings.Contains(note, "up to 60 measurements") {
		t.Errorf("%q", note)
	}
	for _, scrape := range []time.Duration{0, 14 * time.Second, 15 * time.Second, 18 * time.Second} {
		if why, _ := series.Repeated(15*time.Second, scrape); why != "" {
			t.Errorf("%s: %s", scrape, why)
		}
	}
	if why, hint := series.Repeated(15*time.Second, 59500*time.Millisecond); why != "samples come every 60s and are read every 15s: what is measured once counts as up to 4 measurements" || hint != "step: 60s" {
		t.Errorf("%s %s", why, hint)
	}
}

// A model serves only with about the range of rates that it learned with, over a
// restart, too: where scrapes have become slower or faster its host is trained again.
func TestModelsAreOfOneRange(t *testing.T) {
	for name, tt := range map[string]struct {
		window time.Duration // measured by the next process; its predecessor measured 4 s
		sure   bool
		serves bool
		asked  time.Duration
	}{
		"the same":           {4 * time.Second, true, true, 4 * time.Second},
		"about the same":     {5 * time.Second, true, true, 4 * time.Second},
		"nothing known yet":  {40 * time.Second, false, true, 4 * time.Second},
		"ten times as long":  {40 * time.Second, true, false, 40 * time.Second},
		"much shorter again": {time.Second, true, false, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			r := newRig(t, db, "web-1")
			r.o.Source = &begun{Source: r.world, sure: true}
			r.grow(t)
			must.OK(t, r.keep(t.Context()))
			now := r.now
			next := newRig(t, db, "web-1")
			next.world.born, next.now = r.world.born, now
			b := &begun{Source: next.world, sure: tt.sure, window: tt.window}
			next.o.Source = b
			next.readRange(t.Context(), r.now)
			next.pass(t, 2)
			must.OK(t, next.lookUp(t.Context()))
			if next.pass(t, 1); b.asked != tt.asked {
				t.Errorf("window %s, want %s", b.asked, tt.asked)
			}
			if serves := next.Hosts()[0].Model.ID != ""; serves != tt.serves {
				t.Errorf("the model serves: %t, want %t", serves, tt.serves)
			}
		})
	}
}

// Where the stored range cannot be read at first, as while the database is busy, models
// of another one do not serve: it is read again, and meanwhile not overwritten.
func TestTheRangeIsReadAgain(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1")
	r.o.Source = &begun{Source: r.world, sure: true}
	r.grow(t)
	must.OK(t, r.keep(t.Context()))
	next := newRig(t, db, "web-1")
	next.world.born, next.now = r.world.born, r.now
	next.o.Source = &begun{Source: next.world, sure: true, window: 40 * time.Second}
	over, end := context.WithCancel(t.Context())
	end()
	next.readRange(over, r.now)
	next.changed = true
	must.OK(t, next.keep(t.Context()))
	var kept ranged
	if must.Get(db.Setting(t.Context(), next.rangeSetting(), &kept))(t); kept.Window != 4*time.Second {
		t.Errorf("stored range %s while it is not known, want the one of before", kept.Window)
	}
	if err := next.lookUp(t.Context()); err == nil {
		t.Error("models are looked up before their range is known")
	}
	next.pass(t, 2)
	must.OK(t, next.lookUp(t.Context()))
	next.pass(t, 1)
	if next.Hosts()[0].Model.ID != "" {
		t.Error("a model of another range serves")
	}
}

// Where the stored range is damaged nobody knows what models learned with: hosts are
// trained again, and their source is not without judgement for ever.
func TestADamagedRangeIsMadeAnew(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1")
	r.o.Source = &begun{Source: r.world, sure: true}
	r.grow(t)
	must.OK(t, r.keep(t.Context()))
	must.OK(t, db.PutSetting(t.Context(), r.rangeSetting(), "four seconds"))
	next := newRig(t, db, "web-1")
	next.world.born, next.now = r.world.born, r.now
	next.o.Source = &begun{Source: next.world, sure: true}
	next.pass(t, 2)
	must.OK(t, next.lookUp(t.Context()))
	if next.Hosts()[0].Model.ID != "" {
		t.Error("a model of a range that is not known serves")
	}
	must.OK(t, next.keep(t.Context()))
	var kept ranged
	if found, err := db.Setting(t.Context(), next.rangeSetting(), &kept); !found || err != nil || kept.Window != 4*time.Second || kept.Since.IsZero() {
		t.Errorf("stored range %+v, %v, %v, want the present one", kept, found, err)
	}
}
