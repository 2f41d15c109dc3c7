package promrules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen"
)

// document is what of a file is a rule file: one of its documents, or the groups of a
// Kubernetes object.
type document struct {
	text   []byte          // as Prometheus reads it
	groups *yaml.Node      // with their places in the file; nil: there are none
	at     map[place]place // from places in text to those in the file
}

// place is a line and column; column 0: anywhere in the line.
type place struct{ line, column int }

// documents finds what is to be read of a file, and the kinds of what else it has: its
// documents are rule files, or Kubernetes objects or lists of them, and the groups of each
// PrometheusRule of the Prometheus Operator are a rule file.
func documents(text []byte) (all []document, others []string, err error) {
	in := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var root yaml.Node
		switch err := in.Decode(&root); {
		case errors.Is(err, io.EOF) && len(all) == 0 && len(others) > 0:
			return nil, nil, omen.WithHint(fmt.Errorf("it has no rules, but kind %s: %w", strings.Join(others, ", "), omen.ErrInvalid), "give a rule file of Prometheus, or a PrometheusRule of Kubernetes")
		case errors.Is(err, io.EOF):
			return all, others, nil
		case err != nil:
			return nil, nil, fmt.Errorf("%w: %w", err, omen.ErrInvalid)
		}
		for _, n := range root.Content {
			n, err := new(unfolding).node(n, false)
			if err != nil {
				return nil, nil, err
			}
			found, other, err := objects(n, "")
			if err != nil {
				return nil, nil, err
			}
			all = append(all, found...)
			for _, kind := range other {
				if !slices.Contains(others, kind) {
					others = append(others, kind)
				}
			}
		}
	}
}

// objects are the rule files of a document or an item of a list, and the kinds of what is
// none. kind is that of what names none; empty: it is a rule file itself.
func objects(n *yaml.Node, kind string) (all []document, others []string, err error) {
	if n.ShortTag() == nullTag {
		return nil, nil, nil
	}
	if k := value(n, "kind"); k != nil {
		kind = k.Value
	}
	switch kind {
	case "":
		d, err := ruleFile(n)
		return []document{d}, nil, err
	case "PrometheusRule":
		groups := value(value(n, "spec"), "groups")
		if groups == nil {
			return nil, nil, fmt.Errorf("%d:%d: the PrometheusRule has no spec.groups: %w", n.Line, n.Column, omen.ErrInvalid)
		}
		for _, g := range groups.Content {
			for i := 0; i+1 < len(g.Content) && g.Kind == yaml.MappingNode; i += 2 {
				if g.Content[i].Value == "partial_response_strategy" { // of Thanos, and nothing to Prometheus
					g.Content = slices.Delete(g.Content, i, i+2)
					break
				}
			}
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: "groups", Line: groups.Line, Column: groups.Column}
		d, err := ruleFile(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, groups}, Line: groups.Line, Column: groups.Column})
		return []document{d}, nil, err
	case "List", "PrometheusRuleList":
		items := value(n, "items")
		if items == nil || items.Kind != yaml.SequenceNode {
			return nil, nil, fmt.Errorf("%d:%d: the %s has no items: %w", n.Line, n.Column, kind, omen.ErrInvalid)
		}
		for _, item := range items.Content {
			found, other, err := objects(item, strings.TrimSuffix(kind, "List"))
			if err != nil {
				return nil, nil, err
			}
			all, others = append(all, found...), append(others, other...)
		}
		return all, others, nil
	}
	return nil, []string{kind}, nil
}

// ruleFile is a rule file of one node.
func ruleFile(n *yaml.Node) (document, error) {
	text, err := yaml.Marshal(n)
	if err != nil {
		return document{}, fmt.Errorf("%d:%d: %w: %w", n.Line, n.Column, err, omen.ErrInvalid)
	}
	var again yaml.Node
	if err := yaml.Unmarshal(text, &again); err != nil {
		return document{}, fmt.Errorf("%d:%d: %w: %w", n.Line, n.Column, err, omen.ErrInvalid)
	}
	d := document{text: text, groups: value(n, "groups"), at: map[place]place{}}
	for _, is := range again.Content {
		d.follow(is, n)
	}
	return d, nil
}

// follow notes where the nodes of text are in the file.
func (d *document) follow(is, was *yaml.Node) {
	if is == nil || is.Kind != was.Kind || len(is.Content) != len(was.Content) {
		return
	}
	from := place{is.Line, is.Column}
	if _, known := d.at[from]; !known {
		d.at[from] = place{was.Line, was.Column}
	}
	if _, known := d.at[place{is.Line, 0}]; !known {
		d.at[place{is.Line, 0}] = place{was.Line, 0}
	}
	for i := range is.Content {
		d.follow(is.Content[i], was.Content[i])
	}
}

var (
	placed   = regexp.MustCompile(`^(?:(\d+):(\d+): )+`)
	onePlace = regexp.MustCompile(`(\d+):(\d+): `)
	oneLine  = regexp.MustCompile(`\bline (\d+)\b`)
	unknown  = regexp.MustCompile(`\s*(line \d+): field (\S+) not found in type \S+`)
)

// plainly is a message of Prometheus' reader with its places in the file, and without
// the types that it reads into.
func (d *document) plainly(message string) string {
	number := func(text string) int {
		n, _ := strconv.Atoi(text) // digits
		return n
	}
	message = placed.ReplaceAllStringFunc(message, func(all string) string {
		return onePlace.ReplaceAllStringFunc(all, func(one string) string {
			m := onePlace.FindStringSubmatch(one)
			if to, known := d.at[place{number(m[1]), number(m[2])}]; known {
				return fmt.Sprintf("%d:%d: ", to.line, to.column)
			}
			return one
		})
	})
	if strings.HasPrefix(message, "yaml: ") {
		message = oneLine.ReplaceAllStringFunc(message, func(one string) string {
			if to, known := d.at[place{number(oneLine.FindStringSubmatch(one)[1]), 0}]; known {
				return fmt.Sprintf("line %d", to.line)
			}
			return one
		})
	}
	if unknown.MatchString(message) {
		message = strings.TrimPrefix(unknown.ReplaceAllString(message, "; $1: unknown key $2"), "yaml: unmarshal errors:; ")
	}
	return message
}

// check finds mistakes of groups that Prometheus' reader gives no place: durations that
// are none, and names that are empty or twice.
func (d *document) check() (wrong []error) {
	if d.groups == nil || d.groups.Kind != yaml.SequenceNode {
		return nil
	}
	bad := func(n *yaml.Node, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%d:%d: %s: %w", n.Line, n.Column, fmt.Sprintf(format, args...), omen.ErrInvalid))
	}
	durations := func(of *yaml.Node, what string, keys ...string) {
		for _, key := range keys {
			n := value(of, key)
			if n == nil || n.Kind != yaml.ScalarNode {
				continue
			}
			if _, err := model.ParseDuration(n.Value); err != nil {
				bad(n, "%s: %s: %q is no duration: write it like 30s, 5m or 1h", what, key, n.Value)
			}
		}
	}
	seen := map[string]int{}
	for _, g := range d.groups.Content {
		name := ""
		n := value(g, "name")
		if n != nil {
			name = n.Value
		}
		switch first, twice := seen[name]; {
		case name == "":
			bad(g, "the group has no name")
		case twice:
			bad(n, "group %q is there twice: the first is in line %d", name, first)
		default:
			seen[name] = n.Line
		}
		durations(g, fmt.Sprintf("group %q", name), "interval", "query_offset")
		rules := value(g, "rules")
		if rules == nil {
			continue
		}
		for i, r := range rules.Content {
			called := ""
			for _, key := range []string{"alert", "record"} {
				if n := value(r, key); n != nil {
					called = n.Value
				}
			}
			durations(r, fmt.Sprintf("group %q, rule %d, %q", name, i+1, called), "for", "keep_firing_for")
		}
	}
	return wrong
}

// value is what a mapping has under a key; nil: nothing, or null.
func value(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key && n.Content[i+1].ShortTag() != nullTag {
			return n.Content[i+1]
		}
	}
	return nil
}
