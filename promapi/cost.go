package promapi

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen/series"
)

// Bounds of one query that can be seen before it is evaluated. The engine
// notices its time-out and its bound of samples only between series and steps,
// and a long subquery of small steps is one of each.
const (
	maxQuery = 32 << 10    // bytes; the parser and the engine call themselves for each bracket
	maxSteps = 1_000_000   // of a subquery
	maxWork  = 400_000_000 // samples visited in one series; some seconds
	stepWork = 20          // what a step costs more than a visit
	maxGrow  = 64          // by how much label_join and label_replace may lengthen a label
)

// defaultStep is a subquery's that names none.
const defaultStep = time.Minute

// sampleEvery is how close stored samples may be.
const sampleEvery = time.Second

// cost is what evaluating a query takes.
type cost struct {
	steps int64 // of the largest subquery
	at    parser.Node
	work  float64
	grow  float64 // of a label
}

// affordable is the query, parsed, if evaluating it stays within the bounds.
func affordable(p parser.Parser, text string, span series.Range) error {
	if len(text) > maxQuery {
		return badParam("query", fmt.Errorf("it has %d bytes, at most %d are taken", len(text), maxQuery))
	}
	expr, err := p.ParseExpr(text)
	if err != nil {
		return badRequest{err}
	}
	c := cost{grow: 1}
	c.add(expr, span.End.Sub(span.Start), max(span.Step, time.Millisecond), 1)
	switch {
	case c.steps > maxSteps:
		return badParam("query", fmt.Errorf("the subquery %s has %d steps, at most %d are evaluated: give it a longer step or a shorter range", c.at, c.steps, maxSteps))
	case c.work > maxWork:
		return badParam("query", fmt.Errorf("it would visit some %.0e samples of each series, at most %.0e are: give it fewer steps, or its functions a shorter range", c.work, float64(maxWork)))
	case c.grow > maxGrow:
		return badParam("query", fmt.Errorf("label_join and label_replace in it could make a label %.0f times as long, at most %d times are taken", c.grow, maxGrow))
	}
	return nil
}

// add is what a node costs that is evaluated each step over a span; grow is by
// how much the functions around it lengthen a label.
func (c *cost) add(n parser.Node, span, step time.Duration, grow float64) {
	steps := int64(span/step) + 1
	c.work += stepWork * float64(steps)
	switch n := n.(type) {
	case *parser.SubqueryExpr:
		span, step = span+n.Range, n.Step
		if step <= 0 {
			step = defaultStep
		}
		c.work += float64(steps) * float64(n.Range/step)
		if inner := int64(span/step) + 1; inner > c.steps {
			c.steps, c.at = inner, n
		}
	case *parser.MatrixSelector:
		c.work += float64(steps) * float64(n.Range/sampleEvery)
	case *parser.Call:
		grow *= lengthens(n)
		c.grow = max(c.grow, grow)
	}
	for child := range parser.ChildrenIter(n) {
		c.add(child, span, step, grow)
	}
}

// lengthens is by how much a function can lengthen a label: by each label, or
// each group of its pattern, that it puts into one.
func lengthens(n *parser.Call) float64 {
	switch n.Func.Name {
	case "label_join":
		return float64(max(1, len(n.Args)-3))
	case "label_replace":
		if s, ok := n.Args[2].(*parser.StringLiteral); ok {
			return float64(max(1, strings.Count(s.Val, "$")))
		}
	}
	return 1
}
