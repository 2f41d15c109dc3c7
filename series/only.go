package series

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// narrowing is an expression whose selectors can be made to read some hosts
// only, without changing what it gives for these.
//
// An identifying label is asked of a selector only where it reaches the result
// as that selector has it: not where an aggregation drops it, a join takes it
// from the other side, or label_replace makes it.
type narrowing struct {
	tree   parser.Expr
	by     []string
	places []place
}

// place is a selector and what may be asked of it.
type place struct {
	selector *parser.VectorSelector
	own      []*labels.Matcher
	labels   []string // of the identifying ones
}

// narrowingOf finds out what can be narrowed; nil if nothing can be, or if the
// expression is no PromQL, such as one in VictoriaMetrics' own dialect.
func narrowingOf(promQL string, by []string) *narrowing {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(promQL)
	if err != nil {
		return nil
	}
	n := &narrowing{tree: tree, by: by}
	n.descend(tree, by)
	if len(n.places) == 0 {
		return nil
	}
	return n
}

// descend looks for selectors below a node. names are the identifying labels
// that the result has from this node's series: those of hosts that are not
// asked for may be left out here.
func (n *narrowing) descend(node parser.Node, names []string) {
	if len(names) == 0 {
		return
	}
	switch e := node.(type) {
	case *parser.VectorSelector:
		n.places = append(n.places, place{e, e.LabelMatchers, names})
	case *parser.AggregateExpr:
		kept := filter(names, func(name string) bool { return slices.Contains(e.Grouping, name) != e.Without })
		if made, ok := e.Param.(*parser.StringLiteral); ok { // count_values makes this label
			kept = filter(kept, func(name string) bool { return name != made.Val })
		}
		n.descend(e.Expr, kept)
	case *parser.BinaryExpr:
		n.binary(e, names)
	case *parser.Call:
		n.call(e, names)
	default: // parentheses, signs, ranges, subqueries
		for child := range parser.ChildrenIter(node) {
			n.descend(child, names)
		}
	}
}

// binary goes down both sides of an operator.
func (n *narrowing) binary(e *parser.BinaryExpr, names []string) {
	m := e.VectorMatching
	if m == nil { // one side is a number
		n.descend(e.LHS, names)
		n.descend(e.RHS, names)
		return
	}
	matched := func(name string) bool { return slices.Contains(m.MatchingLabels, name) == m.On }
	many := func(name string) bool { return matched(name) || !slices.Contains(m.Include, name) }
	one := func(name string) bool { return matched(name) || slices.Contains(m.Include, name) }
	left, right := matched, matched
	all := func(string) bool { return true }
	switch {
	case e.Op == parser.LAND, e.Op == parser.LUNLESS:
		left = all
	case e.Op == parser.LOR:
		right = all
	case m.Card == parser.CardManyToOne:
		left, right = many, one
	case m.Card == parser.CardOneToMany:
		left, right = one, many
	}
	n.descend(e.LHS, filter(names, left))
	n.descend(e.RHS, filter(names, right))
}

// call goes down a function's arguments.
func (n *narrowing) call(e *parser.Call, names []string) {
	switch e.Func.Name {
	case "absent", "absent_over_time", "scalar", "info", "histogram_quantiles":
		return // labels out of nothing, or out of something else
	case "label_replace", "label_join":
		made, ok := e.Args[1].(*parser.StringLiteral)
		if !ok {
			return
		}
		names = filter(names, func(name string) bool { return name != made.Val })
	case "histogram_quantile":
		names = filter(names, func(name string) bool { return name != "le" })
	}
	for _, arg := range e.Args {
		n.descend(arg, names)
	}
}

func filter(names []string, keep func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !keep(name) })
}

// only is the expression for some hosts. Of several identifying labels, the
// answer may also hold hosts that combine the values of different ones.
func (n *narrowing) only(hosts []string) string {
	matchers := map[string]*labels.Matcher{}
	for i, name := range n.by {
		values := map[string]bool{}
		for _, host := range hosts {
			for _, v := range valuesOf(host, i, len(n.by)) {
				values[regexp.QuoteMeta(v)] = true
			}
		}
		// Not compiled: it is only printed.
		matchers[name] = &labels.Matcher{Type: labels.MatchRegexp, Name: name, Value: strings.Join(slices.Sorted(maps.Keys(values)), "|")}
	}
	for _, p := range n.places {
		p.selector.LabelMatchers = slices.Clone(p.own)
		for _, name := range p.labels {
			p.selector.LabelMatchers = append(p.selector.LabelMatchers, matchers[name])
		}
	}
	return n.tree.String()
}

// valuesOf are the values that the i-th of so many identifying labels may have
// on a host: several if values contain the "/" that joins them.
func valuesOf(host string, i, of int) []string {
	parts := strings.Split(host, "/")
	for len(parts) < of {
		parts = append(parts, "")
	}
	var values []string
	for from := i; from <= len(parts)-of+i; from++ {
		for to := from + 1; to <= len(parts)-of+i+1; to++ {
			if (i > 0 || from == 0) && (i < of-1 || to == len(parts)) {
				values = append(values, strings.Join(parts[from:to], "/"))
			}
		}
	}
	return values
}
