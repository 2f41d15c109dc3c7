package series

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Stand-ins for the placeholders of an expression while it is parsed. Both
// print as they are read.
const (
	windowStandIn = "1h11m11s111ms"
	byStandIn     = "omen_by_stand_in"
)

// Only is the query for some hosts: every selector of every expression gets a
// matcher for each identifying label. With several identifying labels the
// answer may hold hosts that combine the values of different ones.
//
// An expression that is no PromQL, such as a CSV file's column, is an error
// that wraps what the parser said.
func (q Query) Only(hosts []string) (Query, error) {
	by := q.By
	if len(by) == 0 {
		by = []string{"instance"}
	}
	matchers, err := hostMatchers(by, hosts)
	if err != nil {
		return q, err
	}
	p := parser.NewParser(parser.Options{})
	exprs := make([]Expr, len(q.Exprs))
	for i, e := range q.Exprs {
		text := strings.ReplaceAll(strings.ReplaceAll(e.PromQL, "$window", windowStandIn), "$by", byStandIn)
		tree, err := p.ParseExpr(text)
		if err != nil {
			return q, fmt.Errorf("feature %s: narrow %q to %d hosts: %w", e.Feature, e.PromQL, len(hosts), err)
		}
		parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
			if v, ok := n.(*parser.VectorSelector); ok {
				v.LabelMatchers = append(v.LabelMatchers, matchers...)
			}
			return nil
		})
		text = strings.ReplaceAll(strings.ReplaceAll(tree.String(), windowStandIn, "$window"), byStandIn, "$by")
		exprs[i] = Expr{Feature: e.Feature, PromQL: text}
	}
	q.Exprs = exprs
	return q, nil
}

// hostMatchers are the conditions that the hosts' names put on their labels.
func hostMatchers(by, hosts []string) ([]*labels.Matcher, error) {
	values := make([][]string, len(by))
	for _, host := range hosts {
		parts := strings.SplitN(host, "/", len(by))
		for i := range by {
			value := ""
			if i < len(parts) {
				value = parts[i]
			}
			values[i] = append(values[i], regexp.QuoteMeta(value))
		}
	}
	var out []*labels.Matcher
	for i, name := range by {
		m, err := labels.NewMatcher(labels.MatchRegexp, name, strings.Join(values[i], "|"))
		if err != nil {
			return nil, fmt.Errorf("narrow to %d hosts by %s: %w", len(hosts), name, err)
		}
		out = append(out, m)
	}
	return out, nil
}
