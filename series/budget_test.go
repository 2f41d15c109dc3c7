package series

import (
	"errors"
	"testing"
)

func TestBudget(t *testing.T) {
	b := newBudget(1000, 5) // a share of 100 for each, 500 beyond
	_, large := b.lease(t.Context())
	_, other := b.lease(t.Context())
	_, small := b.lease(t.Context())
	for _, step := range []struct {
		who  *lease
		take int64
		fits bool
	}{
		{large, 50, true}, {large, 350, true}, // 300 of the pool
		{other, 100, true}, {other, 200, true}, // 200: the pool is empty
		{large, 1, false}, {other, 1, false},
		{small, 100, true}, {small, 1, false}, // its share is its own
	} {
		if err := step.who.take(step.take); (err == nil) != step.fits || err != nil && !errors.Is(err, ErrTooMuch) {
			t.Errorf("%d more: %v, want that it fits: %t", step.take, err, step.fits)
		}
	}
	large.release()
	if err := small.take(300); err != nil {
		t.Errorf("after one was released: %v", err)
	}
	small.release()
	other.release()
	if b.used != 0 {
		t.Errorf("%d bytes are used when all is released", b.used)
	}
}
