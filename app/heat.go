package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
	"github.com/omenhq/omen/tsdb"
)

const (
	// heatSamples is how many scores a heat map reads at once beside those that may
	// still have changed: half a day of 5,000 hosts at 15 s are three such readings.
	heatSamples = 6_000_000
	// heatPieces is in how many pieces a heat map is read; one is read at least, so
	// that each reading comes further.
	heatPieces = 16
	// heatLate is how many of a source's samples late package watch scores at most,
	// and heatDelay how late a source's samples are taken: what is older is final.
	heatLate, heatDelay = 60, 6 * time.Minute
	// heatAgain is how old an answer may be that others get, too.
	heatAgain = 5 * time.Second
	// heatFixed is how many spans that somebody chose are kept, those that were asked
	// for last: each of 5,000 hosts takes up to 1 MB.
	heatFixed = 8
)

// heat is the highest scores of all hosts in the embedded store by time, kept so
// that only what may have changed is read again. It lives as long as the process.
type heat struct {
	db      *tsdb.DB
	most    int                      // scores that are read at once
	reading chan struct{}            // holds one while somebody reads; bound 1, owner read; full: the next waits with its request
	strips  map[time.Duration]*strip // those that end now, by step; of who reads
	fixed   []*strip                 // those that do not, the one last asked for first; of who reads
}

// strip is what is kept of one step. Its rows are never changed: who has them may
// still read them.
type strip struct {
	from, end time.Time
	step      time.Duration
	read      time.Time // scores from here on have been read
	final     time.Time // and those before will not change; at or after read
	at        time.Time // when it was read
	rows      map[omen.Host][]uint8
}

func newHeat(db *tsdb.DB) *heat {
	return &heat{db: db, most: heatSamples, reading: make(chan struct{}, 1), strips: map[time.Duration]*strip{}}
}

// Highest implements [api.Runtime].
func (g *generation) Highest(ctx context.Context, from time.Time, step time.Duration, steps int) (api.Highest, error) {
	late := time.Duration(0)
	for _, w := range g.watches {
		late = max(late, heatLate*w.step)
	}
	return g.p.heat.read(ctx, from, step, steps, late+heatDelay, time.Now())
}

// read is the highest scores in each step, as far back as one reading comes; late is
// how old a score may be that is yet to be stored.
func (h *heat) read(ctx context.Context, from time.Time, step time.Duration, steps int, late time.Duration, now time.Time) (api.Highest, error) {
	select {
	case h.reading <- struct{}{}:
		defer func() { <-h.reading }()
	case <-ctx.Done():
		return api.Highest{}, context.Cause(ctx)
	}
	end := from.Add(time.Duration(steps) * step)
	old := h.kept(from, end, step, now)
	if old == nil || !old.from.Equal(from) || old.read.After(from) || old.final.Before(end) && now.Sub(old.at).Abs() > heatAgain {
		next := old.moved(from, end, step)
		if err := h.fill(ctx, next, late, now); err != nil {
			return api.Highest{}, fmt.Errorf("read the scores of all hosts: %w", err)
		}
		next.at = now
		h.keep(next, now)
		old = next
	}
	return api.Highest{Read: old.read, Hosts: old.rows}, nil
}

// live reports whether a span's last step is the one that is not over.
func live(end time.Time, step time.Duration, now time.Time) bool {
	return end.Equal(now.Truncate(step).Add(step))
}

// kept is what there is of a span: of one that ends now what was read of that before.
func (h *heat) kept(from, end time.Time, step time.Duration, now time.Time) *strip {
	if live(end, step, now) {
		return h.strips[step]
	}
	for _, s := range h.fixed {
		if s.step == step && s.from.Equal(from) && s.end.Equal(end) {
			return s
		}
	}
	return nil
}

// keep puts a strip in place of what kept gives for its span.
func (h *heat) keep(s *strip, now time.Time) {
	if live(s.end, s.step, now) {
		h.strips[s.step] = s
		return
	}
	rest := slices.DeleteFunc(slices.Clone(h.fixed), func(o *strip) bool { return o.step == s.step && o.from.Equal(s.from) && o.end.Equal(s.end) })
	h.fixed = append([]*strip{s}, rest[:min(len(rest), heatFixed-1)]...)
}

// moved is a strip of another span with what the old one, which may be nil, has of
// it. Hosts of which nothing is left are not in it.
func (s *strip) moved(from, end time.Time, step time.Duration) *strip {
	next := &strip{from: from, end: end, step: step, read: end, final: end, rows: map[omen.Host][]uint8{}}
	if s == nil || from.Before(s.from) || !from.Before(s.final) || end.Before(s.end) {
		return next
	}
	next.read, next.final = omen.Later(s.read, from), s.final
	by, n := int(from.Sub(s.from)/step), int(end.Sub(from)/step)
	for host, row := range s.rows {
		rest := row[min(by, len(row)):]
		for _, code := range rest {
			if code != 0 {
				moved := make([]uint8, n)
				copy(moved, rest)
				next.rows[host] = moved
				break
			}
		}
	}
	return next
}

// fill reads what the strip lacks, the newest first, until it has read enough. What
// may still have changed is read again in any case. Codes only grow by more scores:
// those from before that are read again need not be cleared.
func (h *heat) fill(ctx context.Context, s *strip, late time.Duration, now time.Time) error {
	step := s.step
	piece := max(step, (s.end.Sub(s.from) / heatPieces).Truncate(step))
	settled := omen.Later(s.from, now.Add(-late).Truncate(step))
	if settled.After(s.end) {
		settled = s.end
	}
	begin, read, joined := s.end, 0, false
	for begin.After(s.from) && read < h.most {
		if !joined && begin.Equal(s.final) && s.read.Before(s.final) { // here begins what it has
			begin, joined = s.read, true
			continue
		}
		end := begin
		begin = omen.Later(s.from, end.Add(-piece))
		if s.final.Before(end) {
			begin = omen.Later(begin, s.final)
		}
		n, err := h.piece(ctx, s, begin, end)
		if err != nil {
			return err
		}
		if !end.After(settled) {
			read += n
		}
	}
	s.read, s.final = begin, omen.Later(begin, settled)
	return nil
}

// piece takes up the scores of a part of the strip.
func (h *heat) piece(ctx context.Context, s *strip, from, end time.Time) (int, error) {
	step := s.step
	first, n := int(from.Sub(s.from)/step), int(s.end.Sub(s.from)/step)
	return h.db.Highest(ctx, scoreMetric, from, step, int(end.Sub(from)/step), func(labels map[string]string, highest []float64) {
		host := omen.Host{Source: labels["source"], Profile: labels["profile"], Name: labels["instance"]}
		row := s.rows[host]
		if row == nil {
			row = make([]uint8, n)
			s.rows[host] = row
		}
		for i, v := range highest {
			row[first+i] = max(row[first+i], api.HeatCode(v))
		}
	})
}
