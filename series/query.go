package series

import (
	"fmt"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// Query asks for every expression, for every host that has it, at every
// instant from Start to End.
type Query struct {
	Exprs      []Expr        // one per feature; one round trip per feature covers all hosts
	By         []string      // identifying labels, joined by "/" into the host's name; empty: "instance"
	Start, End time.Time     // inclusive; equal: one instant
	Step       time.Duration // between instants; may be 0 if Start equals End
	Hosts      []string      // only these, by name; empty: all
	Strict     bool          // Frame.Labels are those that every series of a host carries, and Frame.Split and Frame.Varying are filled
	Window     time.Duration // what $window becomes; 0: the source chooses (4 steps, at least 4 scrape intervals measured from the data)

	// What follows is for sources that are asked piece by piece; others ignore it.
	Once  bool                 // what is not answered in time fails: it is not asked for again in smaller pieces
	Piece int                  // instants that one request asks for at most; 0: as many as the source takes
	Done  func(feature string) // called, from several goroutines, when a feature is answered or has failed; nil: not
}

// Expr is one feature's PromQL. "$window" is replaced by a range such as "15s"
// and "$by" by the identifying labels, such as "instance".
type Expr struct {
	Feature string
	PromQL  string
}

// maxInstants bounds one frame's length: two months at a step of one second.
const maxInstants = 5_200_000

// check says what is wrong with the query, and fills in its defaults.
func (q Query) check() (Query, error) {
	if len(q.By) == 0 {
		q.By = []string{"instance"}
	}
	if q.Start.Equal(q.End) && q.Step <= 0 {
		q.Step = time.Second
	}
	invalid := func(format string, args ...any) (Query, error) {
		return q, fmt.Errorf("query: %s: %w", fmt.Sprintf(format, args...), omen.ErrInvalid)
	}
	switch {
	case len(q.Exprs) == 0:
		return invalid("no expressions")
	case q.Start.IsZero() || q.End.Before(q.Start):
		return invalid("end %s is before start %s", q.End.Format(time.RFC3339), q.Start.Format(time.RFC3339))
	case q.Step < time.Millisecond:
		return invalid("step %s is below a millisecond", q.Step)
	case q.End.Sub(q.Start)/q.Step >= maxInstants:
		return invalid("%s at a step of %s is more than %d instants", q.End.Sub(q.Start), q.Step, maxInstants)
	}
	seen := map[string]bool{}
	for _, e := range q.Exprs {
		if e.Feature == "" || strings.TrimSpace(e.PromQL) == "" {
			return invalid("feature %q has the expression %q: both must be given", e.Feature, e.PromQL)
		}
		if seen[e.Feature] {
			return invalid("feature %q is there twice", e.Feature)
		}
		seen[e.Feature] = true
	}
	// Prometheus keeps milliseconds: an instant between two would never be hit.
	q.Start = q.Start.Truncate(time.Millisecond)
	q.End = q.End.Truncate(time.Millisecond)
	q.Step = q.Step.Truncate(time.Millisecond)
	return q, nil
}

// instants is how many instants the query asks for.
func (q Query) instants() int {
	return int(q.End.Sub(q.Start)/q.Step) + 1
}

// named are the hosts that are asked for; nil: all.
func (q Query) named() map[string]bool {
	if len(q.Hosts) == 0 {
		return nil
	}
	named := make(map[string]bool, len(q.Hosts))
	for _, host := range q.Hosts {
		named[host] = true
	}
	return named
}
