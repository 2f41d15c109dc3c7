package series

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// answer is a source that has one answer.
type answer struct{ *Frame }

func (a answer) Read(context.Context, Query) (*Frame, error) { return a.Frame, nil }

// What is infinite is a gap to all that use it: a feature that is nothing else passes
// for one that nobody has.
func TestCheckCountsNoInfinities(t *testing.T) {
	f := NewFrame([]string{"a", "b"}, []string{"some", "none"}, time.Unix(0, 0), time.Second, 2)
	f.Set(0, 0, 0, 1)
	f.Set(0, 1, 0, math.Inf(1))
	f.Set(1, 0, 0, math.Inf(-1))
	f.Set(1, 0, 1, math.Inf(1))
	c := must.Get(Check(t.Context(), answer{f}, Query{}))(t)
	if some, none := c.Features[0], c.Features[1]; some.Samples != 1 || len(some.Hosts) != 1 || some.Hosts[0] != "a" || none.Samples != 0 || len(none.Hosts) != 0 {
		t.Errorf("%+v, want one sample of one host, and none", c.Features)
	}
}
