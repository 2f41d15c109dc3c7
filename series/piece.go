package series

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/omenhq/omen"
)

// Sizes of a piece: the first evaluation of an expression shows how many series it
// has; the following ones are as long as maxSamples allows.
const (
	firstPoints = 2000
	minPoints   = 60
	maxPoints   = 11_000
	maxSamples  = 2_000_000 // about 50 MB of JSON
	// maxQuery bounds an expression that names hosts, in bytes: VictoriaMetrics
	// takes 16,384, and proxies 8 kB of an address.
	maxQuery = 7500
	// maxParts bounds the parts that hosts are asked for in: for more, all hosts
	// are asked for, unless that is too much.
	maxParts = 8
	// maxNamed bounds the hosts that one query names, whatever their length.
	maxNamed = 1000
	// patience is how many time-outs in a row one feature may cost.
	patience = 6
	// maxPieces bounds the pieces below minPoints: what is refused in the 64th part of
	// a span is refused for what the expression reads, and would be thousands of
	// requests an instant at a time.
	maxPieces = 64
)

// errTooLong is an [ErrTooMuch] that only fewer hosts in the expression change.
var errTooLong = errors.New("the query is too long")

// ask is what one feature's expression is asked for: part after part of the
// hosts, each from an instant on.
type ask struct {
	promQL string
	narrow *narrowing // nil: it reads all hosts, always
	parts  []part
	late   int // time-outs in a row that it may cost
	piece  int // instants of a request at most; 0: any
}

type part struct {
	hosts []string
	all   bool // the expression stands as it is
	from  int
}

func newAsk(promQL string, q Query) *ask {
	k := &ask{promQL: promQL, late: patience, piece: q.Piece}
	if q.Once {
		k.late = 0
	}
	whole := part{hosts: q.Hosts, all: true}
	if len(q.Hosts) > 0 {
		k.narrow = narrowingOf(promQL, q.By)
	}
	if k.narrow != nil && len(q.Hosts) <= maxNamed {
		k.parts = k.fit(part{hosts: q.Hosts})
	}
	if len(k.parts) == 0 || len(k.parts) > maxParts {
		k.parts = []part{whole}
	}
	return k
}

// fit splits a part until its expression is short enough.
func (k *ask) fit(p part) []part {
	if len(p.hosts) < 2 || len(k.text(p)) <= maxQuery {
		return []part{p}
	}
	a, b := p.halves()
	return append(k.fit(a), k.fit(b)...)
}

func (k *ask) text(p part) string {
	if p.all {
		return k.promQL
	}
	return k.narrow.only(p.hosts)
}

func (p part) halves() (a, b part) {
	a, b = p, p
	a.hosts, b.hosts = p.hosts[:len(p.hosts)/2], p.hosts[len(p.hosts)/2:]
	return a, b
}

// split makes smaller parts of the first one, if there are any.
func (k *ask) split() bool {
	p := k.parts[0]
	var smaller []part
	switch {
	case k.narrow == nil:
		return false
	case p.all:
		p.all = false
		smaller = k.fit(p)
	case len(p.hosts) < 2:
		return false
	default:
		a, b := p.halves()
		smaller = []part{a, b}
	}
	k.parts = append(smaller, k.parts[1:]...)
	return true
}

// feature evaluates one expression over the whole range, in as many pieces as
// it takes. What was read before a piece failed stays in the answer.
func (r *Reader) feature(ctx context.Context, a *Answer, k *ask, lookback time.Duration) error {
	longest := r.MaxPoints
	if longest == 0 {
		longest = maxPoints
	}
	if k.piece > 0 {
		longest = min(longest, k.piece)
	}
	points, limit, late := min(firstPoints, longest), longest, 0
	least := max(1, min(minPoints, a.instants/maxPieces))
	for len(k.parts) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := &k.parts[0]
		if p.from >= a.instants {
			k.parts = k.parts[1:]
			continue
		}
		n := min(points, a.instants-p.from)
		piece := Range{Start: a.time(p.from), End: a.time(p.from + n - 1), Lookback: lookback}
		if n > 1 {
			piece.Step = time.Duration(a.step) * time.Millisecond
		}
		a.series = 0
		err := r.Evaluator.Evaluate(ctx, k.text(*p), piece, a)
		if errors.Is(err, errTimeout) {
			late++
		}
		wordy := errors.Is(err, errTooLong)
		switch {
		case err == nil:
			p.from, late = p.from+n, 0
			points = min(max(maxSamples/max(a.series, 1), minPoints), limit)
		case !errors.Is(err, ErrTooMuch) || late > k.late:
			return broken(a, p.from, err)
		case !wordy && n > minPoints:
			points, limit = max(n/4, minPoints), max(n/2, minPoints)
		case k.split():
			limit = min(2*limit, longest)
		case !wordy && n > least && late == 0:
			points = max(n/2, least)
			limit = points
		default:
			return broken(a, p.from, omen.WithHint(fmt.Errorf("in the smallest piece, too: %w", err), smallestHint(err)))
		}
	}
	return nil
}

// broken says until when an answer goes that could not be finished.
func broken(a *Answer, from int, err error) error {
	if from == 0 {
		return err
	}
	return omen.WithHint(fmt.Errorf("answered only until %s: %w", a.time(from).Format(time.RFC3339), err), omen.Hint(err))
}

// smallestHint is an error's own hint, or what helps against any limit.
func smallestHint(err error) string {
	if hint := omen.Hint(err); hint != "" {
		return hint
	}
	return "raise the server's limit, or let the expression read fewer series"
}
