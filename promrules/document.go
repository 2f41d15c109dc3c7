package promrules

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/spelling"
)

// documents are what a file holds: rule files, or Kubernetes objects or lists of them, of
// which the groups of each PrometheusRule of the Prometheus Operator are a rule file.
type documents struct {
	report
	rules   []*rule
	others  []string // kinds of what else there is
	ruled   bool     // there is a rule file, or an object of rules
	objects bool     // there is an object
	strange bool     // something in it is no rule file at all
}

var lineIn = regexp.MustCompile(`^yaml: (?:line (\d+): )?((?s:.*))$`)

// read reads all documents of a file.
func (d *documents) read(text []byte) {
	in := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var root yaml.Node
		err := in.Decode(&root)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // what comes after it cannot be read
			m := &mistake{what: "is not YAML: " + err.Error(), kind: omen.ErrInvalid}
			if is := lineIn.FindStringSubmatch(err.Error()); is != nil {
				m.what = "is not YAML: " + is[2]
				m.line, _ = strconv.Atoi(is[1]) // 0 where it says none
			}
			if strings.Contains(m.what, "tab character") || strings.Contains(m.what, "cannot start any token") {
				m.what += ": indent with spaces, and quote what begins with % or @"
			}
			d.add("", m)
			return
		}
		for _, n := range root.Content {
			n, wrong := new(unfolding).node(n, false)
			if wrong != nil {
				d.add("", wrong)
				continue
			}
			d.object(n, "")
		}
	}
	if !d.ruled && len(d.others) > 0 {
		d.strange = true
		d.add("", &mistake{what: "it has no rules, but kind " + strings.Join(d.others, ", "), kind: omen.ErrInvalid})
	}
}

// object reads a document or an item of a list. kind is that of what names none; empty: it
// is a rule file itself.
func (d *documents) object(n *yaml.Node, kind string) {
	if n.ShortTag() == nullTag {
		return
	}
	if k := value(n, "kind"); k != nil {
		kind = k.Value
	}
	switch kind {
	case "":
		d.ruled = true
		d.file(n)
	case "PrometheusRule":
		d.ruled, d.objects = true, true
		groups := value(value(n, "spec"), "groups")
		if groups == nil {
			d.add("", mistaken(n, "the PrometheusRule has no spec.groups: write its rules there"))
			return
		}
		for _, g := range groups.Content {
			for i := 0; i+1 < len(g.Content) && g.Kind == yaml.MappingNode; i += 2 {
				if g.Content[i].Value == "partial_response_strategy" { // of Thanos, and nothing to Prometheus
					g.Content = slices.Delete(g.Content, i, i+2)
					break
				}
			}
		}
		d.groups(groups)
	case "List", "PrometheusRuleList":
		d.objects = true
		items := value(n, "items")
		if items == nil || items.Kind != yaml.SequenceNode {
			d.ruled = true
			d.add("", mistaken(n, "the %s has no items: write a list of objects there", kind))
			return
		}
		for _, item := range items.Content {
			d.object(item, strings.TrimSuffix(kind, "List"))
		}
	default:
		if !slices.Contains(d.others, kind) {
			d.others = append(d.others, kind)
		}
	}
}

// file reads a rule file: what has groups, and nothing else.
func (d *documents) file(n *yaml.Node) {
	const hint = "a rule file has groups: at its top, and each - name: and rules: below it"
	if n.Kind != yaml.MappingNode {
		d.strange = true
		d.add("", mistaken(n, "is no rule file, but %s: %s", spelling.Shape(n), hint))
		return
	}
	var groups *yaml.Node
	var unknown []*yaml.Node
	blank := false
	d.keys("", n, func(key, value *yaml.Node) bool {
		if key.Value != "groups" && !has(n, "groups") && spelling.Nearest(key.Value, []string{"groups"}) != "" {
			d.add("", mistaken(key, "unknown key %s: did you mean groups?", key.Value))
			key.Value = "groups"
		}
		switch {
		case key.Value != "groups":
			unknown = append(unknown, key)
		case value.ShortTag() == nullTag:
			blank = true
		default:
			groups = value
		}
		return true
	})
	if len(unknown) > 0 && groups == nil && !blank { // what it is, once
		d.strange = true
		var names []string
		for _, key := range unknown {
			names = append(names, key.Value)
		}
		if len(names) > 3 {
			names = append(names[:3], "…")
		}
		d.add("", mistaken(unknown[0], "is no rule file: it has no groups, but %s: %s", strings.Join(names, ", "), hint))
		return
	}
	for _, key := range unknown {
		d.add("", mistaken(key, "unknown key %s: a rule file has groups alone at its top: remove it", key.Value))
	}
	d.groups(groups)
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
