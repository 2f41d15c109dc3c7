package series

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen"
)

// ErrLanguage says that Prometheus does not take an expression. A server may know
// more, such as MetricsQL.
var ErrLanguage = errors.New("is not PromQL")

// Check says what is known to be wrong with an expression before any source is
// asked. by are the labels that identify a host, of which its series need one,
// more what else $by becomes, all of which they need. Places are those in the
// expression as it is written. The error wraps [ErrLanguage], or
// [omen.ErrInvalid] where it is wrong for any server.
func (e Expr) Check(by, more []string) error {
	if err := e.unknownName(); err != nil {
		return err
	}
	text, from := e.expandFrom(time.Minute, slices.Concat(by, more))
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		var where parser.ParseErrors
		if errors.As(err, &where) && len(where) > 0 {
			err = fmt.Errorf("at %s of the expression: %w", lineColumn(e.PromQL, from(int(where[0].PositionRange.Start))), where[0].Err)
		}
		return omen.WithHint(fmt.Errorf("%w: %w", ErrLanguage, err), "try it at the server, with labels for $by and a range such as 5m for $window")
	}
	switch expr.Type() {
	case parser.ValueTypeVector:
	case parser.ValueTypeMatrix: // MetricsQL makes a rate or the like of it
		return omen.WithHint(fmt.Errorf("%w: it gives a range of samples, not one at a time", ErrLanguage), "leave the range out, or put a function such as rate or avg_over_time around it")
	default:
		return NotSeries(expr.Type())
	}
	has := labelsOf(expr)
	if !slices.ContainsFunc(by, has.may) {
		return omen.WithHint(fmt.Errorf("its series have no label %s, so they are of no host: %w", strings.Join(by, ", "), omen.ErrInvalid),
			"keep it, as in max by ($by) (…)")
	}
	if i := slices.IndexFunc(more, func(name string) bool { return !has.may(name) }); i >= 0 {
		return omen.WithHint(fmt.Errorf("its series have no label %s of by: %w", more[i], omen.ErrInvalid),
			"keep it, as in max by ($by) (…), or leave it out of by")
	}
	return nil
}

// labelSet are the labels that an expression's series may carry: all but some, or
// only some.
type labelSet struct {
	all   bool
	names map[string]bool // all: that they cannot have; else: that they may have
}

func (c labelSet) may(name string) bool { return c.all != c.names[name] }

func justThese(names ...string) labelSet {
	c := labelSet{names: map[string]bool{}}
	for _, name := range names {
		c.names[name] = true
	}
	return c
}

var everything = labelSet{all: true}

// with may carry others, too.
func (c labelSet) with(names ...string) labelSet {
	c.names = maps.Clone(c.names)
	if c.names == nil {
		c.names = map[string]bool{}
	}
	for _, name := range names {
		if c.all {
			delete(c.names, name)
		} else {
			c.names[name] = true
		}
	}
	return c
}

// without cannot carry some.
func (c labelSet) without(names ...string) labelSet {
	c.all = !c.all
	c = c.with(names...)
	c.all = !c.all
	return c
}

// within are those of names that c may carry.
func (c labelSet) within(names []string) labelSet {
	return justThese(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !c.may(name) })...)
}

// or may carry what one of two may.
func (c labelSet) or(d labelSet) labelSet {
	switch {
	case c.all && d.all:
		both := maps.Clone(c.names)
		maps.DeleteFunc(both, func(name string, _ bool) bool { return !d.names[name] })
		return labelSet{all: true, names: both}
	case c.all:
		return c.with(slices.Collect(maps.Keys(d.names))...)
	}
	return d.with(slices.Collect(maps.Keys(c.names))...)
}

// labelsOf are the labels that the series of an expression may carry, by how
// Prometheus' operators and functions pass them on. What is not known may carry
// all.
func labelsOf(expr parser.Expr) labelSet {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return labelsOf(e.Expr)
	case *parser.UnaryExpr:
		return labelsOf(e.Expr)
	case *parser.StepInvariantExpr:
		return labelsOf(e.Expr)
	case *parser.SubqueryExpr:
		return labelsOf(e.Expr)
	case *parser.NumberLiteral, *parser.StringLiteral:
		return justThese()
	case *parser.AggregateExpr:
		return labelsOfAggregate(e)
	case *parser.BinaryExpr:
		return labelsOfBinary(e)
	case *parser.Call:
		return labelsOfCall(e)
	}
	return everything
}

func labelsOfAggregate(e *parser.AggregateExpr) labelSet {
	inner := labelsOf(e.Expr)
	switch e.Op { // these keep series as they are
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return inner
	}
	group := inner.within(e.Grouping)
	if e.Without {
		group = inner.without(e.Grouping...)
	}
	if name, is := e.Param.(*parser.StringLiteral); is && e.Op == parser.COUNT_VALUES {
		group = group.with(name.Val)
	}
	return group
}

func labelsOfBinary(e *parser.BinaryExpr) labelSet {
	left, right := labelsOf(e.LHS), labelsOf(e.RHS)
	switch m := e.VectorMatching; {
	case e.LHS.Type() == parser.ValueTypeScalar:
		return right
	case e.RHS.Type() == parser.ValueTypeScalar || m == nil:
		return left
	case e.Op == parser.LOR:
		return left.or(right)
	case e.Op == parser.LAND || e.Op == parser.LUNLESS:
		return left
	case m.Card == parser.CardManyToOne:
		return left.with(right.within(m.Include).list()...)
	case m.Card == parser.CardOneToMany:
		return right.with(left.within(m.Include).list()...)
	case m.On:
		return left.within(m.MatchingLabels)
	default:
		return left.without(m.MatchingLabels...)
	}
}

// list are the names, of those that may only be some.
func (c labelSet) list() []string { return slices.Collect(maps.Keys(c.names)) }

func labelsOfCall(e *parser.Call) labelSet {
	switch e.Func.Name {
	case "vector", "time", "pi", "scalar":
		return justThese()
	case "absent", "absent_over_time", "info":
		return everything // by matchers, or from other series
	case "label_replace", "label_join":
		if into, is := e.Args[1].(*parser.StringLiteral); is {
			return labelsOf(e.Args[0]).with(into.Val)
		}
		return everything
	}
	for _, arg := range e.Args {
		switch arg.Type() {
		case parser.ValueTypeVector, parser.ValueTypeMatrix:
			return labelsOf(arg)
		}
	}
	return everything
}
