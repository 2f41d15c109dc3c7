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

// document is what of a file is a rule file: all of it, or the groups of a Kubernetes
// object.
type document struct {
	text   []byte          // as Prometheus reads it
	groups *yaml.Node      // with their places in the file; nil: there are none
	at     map[place]place // from places in text to those in the file; nil: they are the same
}

// place is a line and column.
type place struct{ line, column int }

// documents finds what is to be read of a file: itself; or the groups of each
// PrometheusRule of the Prometheus Operator in it, of which it may have several, as
// documents or as a list.
func documents(text []byte) ([]document, error) {
	var all []document
	var others []string
	in := yaml.NewDecoder(bytes.NewReader(text))
	for i := 0; ; i++ {
		var root yaml.Node
		err := in.Decode(&root)
		switch {
		case errors.Is(err, io.EOF) && i == 0:
			return []document{{text: text}}, nil
		case errors.Is(err, io.EOF) && len(all) == 0:
			return nil, omen.WithHint(fmt.Errorf("it has no rules, but kind %s: %w", strings.Join(others, ", "), omen.ErrInvalid), "give a rule file of Prometheus, or a PrometheusRule of Kubernetes")
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", err, omen.ErrInvalid)
		case i == 0 && value(&root, "kind") == nil: // Prometheus reads the first document
			return []document{{text: text, groups: value(&root, "groups")}}, nil
		}
		found, other, err := objects(&root)
		if err != nil {
			return nil, err
		}
		all, others = append(all, found...), append(others, other...)
	}
}

// objects are the rules of a Kubernetes object or of a list of them, and the kinds of
// what has none.
func objects(n *yaml.Node) (all []document, others []string, err error) {
	kind := ""
	if k := value(n, "kind"); k != nil {
		kind = k.Value
	}
	switch kind {
	case "PrometheusRule":
		groups := value(value(n, "spec"), "groups")
		if groups == nil {
			return nil, nil, fmt.Errorf("%d:%d: the PrometheusRule has no spec.groups: %w", n.Line, n.Column, omen.ErrInvalid)
		}
		d, err := objectOf(groups)
		return []document{d}, nil, err
	case "List", "PrometheusRuleList":
		if items := value(n, "items"); items != nil {
			for _, item := range items.Content {
				found, other, err := objects(item)
				if err != nil {
					return nil, nil, err
				}
				all, others = append(all, found...), append(others, other...)
			}
		}
		return all, others, nil
	}
	return nil, []string{kind}, nil
}

// objectOf is a rule file of the groups of an object.
func objectOf(groups *yaml.Node) (document, error) {
	for _, g := range groups.Content {
		for i := 0; i+1 < len(g.Content) && g.Kind == yaml.MappingNode; i += 2 {
			if g.Content[i].Value == "partial_response_strategy" { // of Thanos, and nothing to Prometheus
				g.Content = slices.Delete(g.Content, i, i+2)
				break
			}
		}
	}
	text, err := yaml.Marshal(map[string]*yaml.Node{"groups": groups})
	if err != nil {
		return document{}, fmt.Errorf("%d:%d: %w: %w", groups.Line, groups.Column, err, omen.ErrInvalid)
	}
	var again yaml.Node
	if err := yaml.Unmarshal(text, &again); err != nil {
		return document{}, fmt.Errorf("%d:%d: %w: %w", groups.Line, groups.Column, err, omen.ErrInvalid)
	}
	d := document{text: text, groups: groups, at: map[place]place{}}
	d.follow(value(&again, "groups"), groups)
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
	if d.at != nil {
		message = placed.ReplaceAllStringFunc(message, func(all string) string {
			return onePlace.ReplaceAllStringFunc(all, func(one string) string {
				m := onePlace.FindStringSubmatch(one)
				if to, known := d.at[place{number(m[1]), number(m[2])}]; known {
					return fmt.Sprintf("%d:%d: ", to.line, to.column)
				}
				return one
			})
		})
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
	if d.groups == nil {
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

// value is what a mapping has under a key; nil: nothing.
func value(n *yaml.Node, key string) *yaml.Node {
	for n != nil && (n.Kind == yaml.DocumentNode || n.Kind == yaml.AliasNode) {
		switch {
		case n.Kind == yaml.AliasNode:
			n = n.Alias
		case len(n.Content) == 0:
			return nil
		default:
			n = n.Content[0]
		}
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
