// Package promrules evaluates Prometheus rule files over the past: which alert of
// which rule would have fired when. [Load] reads files, validated by Prometheus'
// own reader; [Rules.Run] has their expressions evaluated over a span, by a
// Prometheus-compatible server or by the engine over series in memory, and follows
// for and keep_firing_for as Prometheus does. Some rules ship with it: [Builtin].
//
// It notifies nobody and writes no series. Annotations are not expanded, and what
// a rule cannot have in the past (ALERTS, queries in templates) is refused by name.
package promrules

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"text/template/parse"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen"
)

//go:embed builtin/*.yml
var builtin embed.FS

// builtinPrefix names a file that ships with Omen, as in builtin:node.
const builtinPrefix = "builtin:"

// Builtin are the names of the files that ship with Omen.
func Builtin() []string {
	files, err := builtin.ReadDir("builtin")
	if err != nil {
		panic(err) // it is compiled in
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = builtinPrefix + strings.TrimSuffix(f.Name(), path.Ext(f.Name()))
	}
	return names
}

// Rules are the rules of some files, which may read each other's recordings.
type Rules struct {
	rules  []*rule // in the order of files, groups and rules
	unread []string
}

// rule is one recording or alerting rule.
type rule struct {
	Place
	alert    bool
	expr     parser.Expr
	text     string
	every    time.Duration // of its group; 0: the default
	offset   time.Duration // of its group's queries
	limit    int           // of its group
	hold     time.Duration // for
	keep     time.Duration // keep_firing_for
	labels   map[string]string
	refused  string   // why it cannot be evaluated; empty: it can
	readings []string // metrics whose names it gives
	reach    time.Duration
}

// Place is where a rule is.
type Place struct {
	File  string `json:"file"`
	Group string `json:"group"`
	Rule  string `json:"rule"` // the alert's name, or that of the recorded series
}

func (p Place) String() string {
	return fmt.Sprintf("%s, group %q, rule %q", p.File, p.Group, p.Rule)
}

// Load reads rule files, by path or as builtin:NAME. All that is wrong with them is
// said at once, each with file and line and, where it has one, group and rule, and
// wraps [omen.ErrInvalid]; a file that is missing wraps [omen.ErrNotFound].
func Load(files ...string) (*Rules, error) {
	var all Rules
	var errs []error
	var hints []string
	for _, name := range files {
		text, err := read(name)
		if err != nil {
			errs, hints = append(errs, err), append(hints, "built in are "+strings.Join(Builtin(), ", "))
			continue
		}
		var d documents
		d.read(text)
		if wrong := d.in(name); len(wrong) > 0 {
			errs, hints = append(errs, wrong...), append(hints, d.hint(name))
			continue
		}
		if len(d.others) > 0 {
			all.unread = append(all.unread, fmt.Sprintf("%s: not read: kind %s", name, strings.Join(d.others, ", ")))
		}
		for _, r := range d.rules {
			r.File = name
		}
		all.rules = append(all.rules, d.rules...)
	}
	if err := errors.Join(errs...); err != nil {
		slices.Sort(hints)
		return nil, omen.WithHint(err, strings.Join(slices.Compact(hints), "; "))
	}
	if !slices.ContainsFunc(all.rules, func(r *rule) bool { return r.alert }) {
		return nil, omen.WithHint(fmt.Errorf("rules of %s: no alerting rule: %w", strings.Join(files, ", "), omen.ErrInvalid),
			"give the files that rule_files of prometheus.yml names; recording rules alone notify nobody")
	}
	return &all, nil
}

// hint is what may help with the mistakes of a file.
func (d *documents) hint(name string) string {
	switch {
	case d.strange:
		return "give the files that rule_files of prometheus.yml names, or a PrometheusRule of Kubernetes"
	case d.objects:
		return "promtool does not read a PrometheusRule, only what is below its spec, in a file of its own"
	}
	return "promtool check rules " + name + " checks it, too"
}

func read(name string) ([]byte, error) {
	if short, is := strings.CutPrefix(name, builtinPrefix); is {
		text, err := builtin.ReadFile("builtin/" + short + ".yml")
		if err != nil {
			return nil, &mistake{file: name, what: "there are no such rules", kind: omen.ErrNotFound}
		}
		return text, nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &mistake{file: name, what: "there is no such file", kind: omen.ErrNotFound}
	}
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return text, nil
}

// inspect finds out what the expression reads, and whether it can be read in the
// past.
func (r *rule) inspect() {
	for _, text := range r.labels {
		if queries(text) {
			r.refused = "a label of it queries in its template"
		}
	}
	parser.Inspect(r.expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			r.reach = max(r.reach, n.OriginalOffset)
			if n.StartOrEnd != 0 {
				r.refused = "@ start() and @ end() mean the evaluation itself in a rule; leave them out"
			}
			for _, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel {
					continue
				}
				if m.Type.String() == "=" {
					r.readings = append(r.readings, m.Value)
				}
				if m.Matches("ALERTS") || m.Matches("ALERTS_FOR_STATE") {
					r.refused = "it reads ALERTS, which Prometheus makes of other rules"
				}
			}
		case *parser.SubqueryExpr:
			r.reach = max(r.reach, n.Range+n.OriginalOffset)
			if n.StartOrEnd != 0 {
				r.refused = "@ start() and @ end() mean the evaluation itself in a rule; leave them out"
			}
		case *parser.MatrixSelector:
			r.reach = max(r.reach, n.Range)
		}
		return nil
	})
}

// queries reports whether a template calls the function query, itself or in a
// template that it defines. One that does not parse is refused where it is expanded.
func queries(text string) bool {
	t := parse.New("label")
	t.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := t.Parse(templateDefs+text, "", "", trees); err != nil {
		return false
	}
	for _, tree := range trees {
		if tree.Root != nil && callsQuery(tree.Root) {
			return true
		}
	}
	return false
}

func callsQuery(n parse.Node) bool {
	branch := func(b *parse.BranchNode) bool {
		return callsQuery(b.Pipe) || callsQuery(b.List) || b.ElseList != nil && callsQuery(b.ElseList)
	}
	switch n := n.(type) {
	case *parse.ListNode:
		return slices.ContainsFunc(n.Nodes, callsQuery)
	case *parse.ActionNode:
		return callsQuery(n.Pipe)
	case *parse.PipeNode:
		return n != nil && slices.ContainsFunc(n.Cmds, func(c *parse.CommandNode) bool { return slices.ContainsFunc(c.Args, callsQuery) })
	case *parse.IfNode:
		return branch(&n.BranchNode)
	case *parse.RangeNode:
		return branch(&n.BranchNode)
	case *parse.WithNode:
		return branch(&n.BranchNode)
	case *parse.TemplateNode:
		return callsQuery(n.Pipe)
	case *parse.ChainNode:
		return callsQuery(n.Node)
	case *parse.IdentifierNode:
		return n.Ident == "query"
	}
	return false
}

// Unread says of each file that has more than rules what of it was not read.
func (all *Rules) Unread() []string { return all.unread }

// Names are the alerting rules, in order.
func (all *Rules) Names() (names []Place) {
	for _, r := range all.rules {
		if r.alert {
			names = append(names, r.Place)
		}
	}
	return names
}
