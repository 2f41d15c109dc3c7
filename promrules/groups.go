package promrules

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/internal/spelling"
)

// groups reads the groups of a rule file. n is the value of groups; nil: there are none.
func (d *documents) groups(n *yaml.Node) {
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.add("", mistaken(n, "groups: want a list: - name: …, not %s", spelling.Shape(n)))
		return
	}
	seen := map[string]int{}
	for _, g := range n.Content {
		if g.Kind != yaml.MappingNode {
			d.add("", mistaken(g, "a group has keys with values, name and rules, and is not %s", spelling.Shape(g)))
			continue
		}
		called := ""
		name := value(g, "name")
		if name != nil {
			called = name.Value
		}
		broken := d.fields(named(called), g, reflect.TypeFor[rulefmt.RuleGroup]())
		switch first, twice := seen[called]; {
		case broken["name"]:
		case called == "":
			d.add("", mistaken(g, "the group has no name: write name: above its rules"))
		case twice:
			d.add("", mistaken(name, "group %q is there twice: the first is in line %d: rename one", called, first))
		default:
			seen[called] = name.Line
		}
		d.group(called, g)
	}
}

// group reads one group, of which what is wrong was taken out.
func (d *documents) group(name string, n *yaml.Node) {
	d.labels(named(name), value(n, "labels"))
	var rules []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "rules" {
			rules = n.Content[i+1].Content
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			break
		}
	}
	var g rulefmt.RuleGroup
	if err := n.Decode(&g); err != nil {
		d.add(named(name), mistaken(n, "%s", plainly(err)))
	}
	for i, r := range rules {
		d.rule(&g, fmt.Sprintf("%s, rule %d", named(name), i+1), r)
	}
}

// named is which group it is.
func named(group string) string {
	if group == "" {
		return "the group without a name"
	}
	return fmt.Sprintf("group %q", group)
}

// rule reads one rule of a group, as Prometheus' reader does.
func (d *documents) rule(g *rulefmt.RuleGroup, where string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		d.add(where, mistaken(n, "a rule has keys with values, such as alert and expr, and is not %s", spelling.Shape(n)))
		return
	}
	for _, key := range []string{"alert", "record"} {
		if name := value(n, key); name != nil && name.Kind == yaml.ScalarNode {
			where += fmt.Sprintf(", %q", name.Value)
			break
		}
	}
	broken := d.fields(where, n, reflect.TypeFor[rulefmt.Rule]())
	var from rulefmt.Rule
	var places rulefmt.RuleNode
	if err := errors.Join(n.Decode(&from), n.Decode(&places)); err != nil {
		d.add(where, mistaken(n, "%s", plainly(err)))
		return
	}
	if broken["alert"] && from.Record == "" {
		from.Alert = "alert" // so that the rest of it is judged as what it is
	}
	p := parser.NewParser(parser.Options{})
	for _, why := range from.Validate(places, model.UTF8Validation, p) {
		if m := refusal(n, &why, broken); m != nil {
			d.add(where, m)
		}
	}
	r := &rule{
		Place: Place{Group: g.Name, Rule: from.Alert + from.Record}, alert: from.Alert != "", text: from.Expr,
		every: time.Duration(g.Interval), limit: g.Limit, hold: time.Duration(from.For), keep: time.Duration(from.KeepFiringFor),
		labels: map[string]string{},
	}
	if g.QueryOffset != nil {
		r.offset = time.Duration(*g.QueryOffset)
	}
	maps.Copy(r.labels, g.Labels)
	maps.Copy(r.labels, from.Labels)
	var err error
	if r.expr, err = p.ParseExpr(from.Expr); err == nil { // else that is said
		r.inspect()
		d.rules = append(d.rules, r)
	}
}

var (
	placed   = regexp.MustCompile(`^(?:\d+:\d+: )+`)
	entry    = regexp.MustCompile(`^(label|annotation) ("(?:[^"\\]|\\.)*"): (.*)$`)
	badName  = regexp.MustCompile(`^invalid (label|annotation) name: (.*)$`)
	badValue = regexp.MustCompile(`^invalid label value: `)
	inAlert  = regexp.MustCompile(`^invalid field '(\w+)' in recording rule$`)
)

// refusal is what Prometheus' reader says against a rule, at its place and in words
// that say what to write; nil: it follows from a key that is broken.
func refusal(n *yaml.Node, why error, broken map[string]bool) *mistake {
	at := func(key string) *yaml.Node {
		if found := value(n, key); found != nil {
			return found
		}
		return n
	}
	below := func(list, name string) *yaml.Node {
		all := value(n, list)
		for i := 0; all != nil && i+1 < len(all.Content); i += 2 {
			if all.Content[i].Value == name {
				return all.Content[i]
			}
		}
		return n
	}
	said := placed.ReplaceAllString(why.Error(), "")
	var parse parser.ParseErrors
	switch {
	case strings.HasPrefix(said, "one of 'record' or 'alert'"):
		if broken["record"] {
			return nil
		}
		return mistaken(n, "has neither alert nor record: write alert: and a name")
	case strings.HasPrefix(said, "only one of 'record' and 'alert'"):
		return mistaken(at("record"), "has alert and record: remove one of them")
	case strings.HasPrefix(said, "field 'expr' must be set"):
		if broken["expr"] {
			return nil
		}
		return mistaken(at("expr"), "expr is missing: write when it holds, in PromQL")
	case errors.As(why, &parse) && len(parse) > 0:
		return noPromQL(at("expr"), parse[0])
	case inAlert.MatchString(said):
		key := inAlert.FindStringSubmatch(said)[1]
		return mistaken(at(key), "%s is for alerting rules, and this one records: remove it", key)
	case strings.HasPrefix(said, "invalid recording rule name"), strings.HasPrefix(said, "braces present"):
		return mistaken(at("record"), "record: %q cannot be the name of a series: write one such as job:errors:rate5m, and PromQL in expr", at("record").Value)
	case badName.MatchString(said):
		m := badName.FindStringSubmatch(said)
		return mistaken(below(m[1]+"s", m[2]), "%ss: %q cannot be the name of one: write letters, digits and underscores", m[1], m[2])
	case badValue.MatchString(said):
		return mistaken(at("labels"), "labels: one is no text in UTF-8")
	case entry.MatchString(said):
		m := entry.FindStringSubmatch(said)
		name, err := strconv.Unquote(m[2])
		if err != nil {
			name = m[2]
		}
		return mistaken(below(m[1]+"s", name), "%ss.%s: the template cannot be read: %s", m[1], name, m[3])
	}
	return mistaken(n, "%s", said)
}

// noPromQL is a mistake in an expression, in the very line of a block of them.
func noPromQL(n *yaml.Node, wrong parser.ParseErr) *mistake {
	at := wrong.PositionRange.StartPosInput(wrong.Query, 0)
	m := mistaken(n, "expr is no PromQL: at %s of it: %s", at, wrong.Err)
	if line, _, _ := strings.Cut(at, ":"); n.Style&yaml.LiteralStyle != 0 {
		if below, err := strconv.Atoi(line); err == nil {
			m.line, m.column = m.line+min(below, strings.Count(strings.TrimSpace(n.Value), "\n")+1), 0
		}
	}
	return m
}

// plainly is an error of the YAML reader without its own name.
func plainly(err error) string {
	return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", " "), "yaml: ")
}
