package store

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func delivery(incident string, n int, outcome string) omen.Delivery {
	return omen.Delivery{
		Incident: incident, Key: fmt.Sprintf("%s.%d", incident, n), Receiver: "oncall/slack",
		At: start.Add(time.Duration(n) * time.Second), Took: 120 * time.Millisecond, Outcome: outcome, Detail: "answered 500: \"down\"\n'x'",
	}
}

// Attempts come back as they were recorded, in the order in which they were,
// also after the database was closed, each incident's apart.
func TestDeliveriesComeBackInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "omen.db")
	db := reopen(t, path)
	first, second := delivery("i1", 2, "retrying"), delivery("i1", 1, "delivered") // by recording, not by time
	must.OK(t, db.RecordDelivery(t.Context(), first, delivery("i2", 1, "skipped")))
	must.OK(t, db.RecordDelivery(t.Context(), second))
	if err := db.RecordDelivery(t.Context()); err != nil {
		t.Errorf("nothing to record: %v", err)
	}
	must.OK(t, db.Close())
	db = reopen(t, path)
	got, err := db.Deliveries(t.Context(), "i1")
	if diff := cmp.Diff([]omen.Delivery{first, second}, got); err != nil || diff != "" {
		t.Errorf("%v; %s", err, diff)
	}
	if got, err := db.Deliveries(t.Context(), "none"); err != nil || len(got) != 0 {
		t.Errorf("of no incident: %v, %v", got, err)
	}
}

// Each write of a batch fails in turn: all attempts are on record or none is,
// and trying again after a failure that wrote nothing records each once.
func TestDeliveriesAreRecordedAllOrNone(t *testing.T) {
	db := must.Get(open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), "sqlite-faulty", slog.New(slog.DiscardHandler), checkUpTo))(t)
	t.Cleanup(func() { _ = db.Close() })
	const size = 3
	faults.lie.Store(false)
	rounds := 0
	for n := int64(1); ; n++ {
		incident := fmt.Sprint("i", n)
		var batch []omen.Delivery
		for i := range size {
			batch = append(batch, delivery(incident, i+1, "delivered"))
		}
		faults.countdown.Store(n)
		err := db.RecordDelivery(t.Context(), batch...)
		unhit := faults.countdown.Swap(0) > 0
		if unhit != (err == nil) {
			t.Fatalf("write %d: err %v, though the fault was hit: %v", n, err, !unhit)
		}
		if got, rerr := db.Deliveries(t.Context(), incident); rerr != nil || err != nil && len(got) != 0 || err == nil && len(got) != size {
			t.Fatalf("write %d: %d recorded after %v, %v", n, len(got), err, rerr)
		}
		rounds++
		if unhit {
			break
		}
		must.OK(t, db.RecordDelivery(t.Context(), batch...))
		if got, err := db.Deliveries(t.Context(), incident); err != nil || cmp.Diff(batch, got) != "" {
			t.Fatalf("write %d: after trying again: %+v, %v", n, got, err)
		}
	}
	if want := size + 1 + 1; rounds != want { // the inserts, the commit, and the round without a fault
		t.Errorf("%d rounds, want %d: not every write was failed", rounds, want)
	}
}

// Attempts older than what is retained go; newer ones stay.
func TestOldDeliveriesAreForgotten(t *testing.T) {
	db := openTest(t)
	must.OK(t, db.RecordDelivery(t.Context(), delivery("i1", 1, "retrying"), delivery("i1", 60, "delivered")))
	must.Get(db.Retain(t.Context(), start.Add(30*time.Second)))(t)
	if got, err := db.Deliveries(t.Context(), "i1"); err != nil || len(got) != 1 || got[0].Outcome != "delivered" {
		t.Errorf("%v, %v: want the newer one", got, err)
	}
}
