package watch

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omenhq/omen"
)

// A host that is forgotten leaves memory at once, and disk when its models have
// been kept for as long as was said; one that is back by then has its model.
func TestModelsOfHostsThatAreGone(t *testing.T) {
	db := open(t)
	r := newRig(t, db, "web-1", "web-2")
	r.o.KeepGone = 24 * time.Hour
	if err := r.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.grow(t)
	stored := func() (n int) {
		all, err := db.Models(t.Context(), omen.Host{})
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	drop := func(at time.Time) {
		if err := r.dropGone(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	r.world.silent["web-2"] = true
	hour := int(forgetAfter/time.Second) + 60 // of samples of web-1: a source that is blind forgets nobody
	r.pass(t, hour)
	if n := r.Pulse().Models; n != 1 {
		t.Errorf("%d models in memory, want that of the host that is there", n)
	}
	if drop(r.now); stored() != 2 {
		t.Fatalf("%d models stored before their time", stored())
	}
	again := newRig(t, db, "web-1", "web-2")
	if err := again.keep(t.Context()); err != nil || len(again.Hosts()) != 0 {
		t.Errorf("hosts %v, %v", again.Hosts(), err)
	}
	r.down(t.Context(), r.now, omen.ErrUnavailable) // of a source that is down nothing is removed
	if drop(r.now.Add(48 * time.Hour)); stored() != 2 {
		t.Fatal("models were removed while the source was down")
	}
	r.pass(t, 1) // it is back, and so may be its hosts: within the hour nothing is removed
	if drop(r.now.Add(48 * time.Hour)); stored() != 2 {
		t.Fatal("models were removed as soon as the source was back")
	}
	r.pass(t, 2*hour)
	if drop(r.now.Add(48 * time.Hour)); stored() != 1 {
		t.Errorf("%d models stored, want that of the host that is there", stored())
	}
}

// What has no room is said: the source is partial with the reason, a metric
// counts it, and it ends when there is room.
func TestMoreHostsThanAreWatched(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2", "web-3")
	r.o.MaxHosts = 2
	r.pass(t, 2)
	s := r.Status()
	if s.State != omen.SourcePartial || s.Hosts != 2 || !strings.Contains(s.Err, "1 host is not watched") || !strings.Contains(s.Err, "max_hosts 2") {
		t.Errorf("status %+v", s)
	}
	if n := testutil.ToFloat64(r.metrics.leftOut); n != 1 {
		t.Errorf("%v hosts left out", n)
	}
	r.world.silent["web-3"] = true
	r.pass(t, 2)
	if s := r.Status(); s.State != omen.SourceUp || s.Err != "" || testutil.ToFloat64(r.metrics.leftOut) != 0 {
		t.Errorf("with room for all: %+v", s)
	}
}

// Hosts that replace all others find room: a source whose new hosts are left out
// is heard, and the old ones are forgotten.
func TestHostsThatReplaceAllOthersFindRoom(t *testing.T) {
	r := newRig(t, open(t), "web-1", "web-2", "web-3", "web-4")
	r.o.MaxHosts = 2
	r.world.silent["web-3"], r.world.silent["web-4"] = true, true
	r.pass(t, 2)
	r.world.silent = map[string]bool{"web-1": true, "web-2": true}
	r.pass(t, 2)
	if s := r.Status(); s.State != omen.SourcePartial {
		t.Errorf("with new hosts and no room for them: %+v, want partial", s)
	}
	r.pass(t, int(forgetAfter/time.Second)+60)
	if s := r.Status(); s.State != omen.SourceUp || len(r.Hosts()) != 2 || r.Hosts()[0].Host.Name != "web-3" {
		t.Errorf("an hour later: %+v, hosts %v", s, r.Hosts())
	}
}
