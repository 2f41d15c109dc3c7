package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// stopWithin is how long a step of the teardown gets.
const stopWithin = 10 * time.Second

// stage is parts that run together and are stopped together.
type stage struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu      sync.Mutex
	running map[string]int // parts by name
}

// begin is the context of the stage's parts. They outlive ctx: stop ends them.
func (s *stage) begin(ctx context.Context) context.Context {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.running = map[string]int{}
	return ctx
}

// run runs a part; one that ends before the stage is stopped ends the process.
func (s *stage) run(ctx context.Context, name string, part func(context.Context) error, fail func(error)) {
	s.count(name, 1)
	s.ended.Go(func() {
		err := part(ctx)
		s.count(name, -1)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			err = errors.New("it ended by itself")
		}
		fail(fmt.Errorf("%s: %w", name, err))
	})
}

func (s *stage) count(name string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[name] += n; s.running[name] == 0 {
		delete(s.running, name)
	}
}

// stop ends the parts, and waits for them until ctx ends: then it says which
// have not ended.
func (s *stage) stop(ctx context.Context) error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	ended := make(chan struct{})
	go func() { s.ended.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Errorf("stop %s: not ended within %s", strings.Join(slices.Sorted(maps.Keys(s.running)), ", "), stopWithin)
	}
}

// teardown is what was begun, in that order, and how it is ended.
type teardown struct {
	log   *slog.Logger
	steps []step
}

type step struct {
	name string
	end  func(context.Context) error
}

func (t *teardown) add(name string, end func(context.Context) error) {
	t.steps = append(t.steps, step{name, end})
}

// run ends what was begun, the last first. No step holds up those before it for
// longer than [stopWithin].
func (t *teardown) run() (err error) {
	for _, s := range slices.Backward(t.steps) {
		t.log.Debug("part stopping", "kind", s.name)
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		done := make(chan error, 1)
		go func() { done <- s.end(ctx) }()
		select {
		case ended := <-done:
			err = errors.Join(err, ended)
		case <-time.After(stopWithin + time.Second): // a step that ends with ctx says itself what did not end
			err = errors.Join(err, fmt.Errorf("stop %s: not ended within %s", s.name, stopWithin))
		}
		cancel()
	}
	return err
}
