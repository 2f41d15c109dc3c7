package promrules

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/internal/spelling"
)

// fields checks the keys of a mapping against the struct of Prometheus' reader that
// it fills, and takes those out that are wrong, so that the rest can be read. A key
// that is misspelt is read as what was probably meant. It returns the keys whose values
// were taken out: nothing more can be said of these.
func (r *report) fields(where string, n *yaml.Node, t reflect.Type) (broken map[string]bool) {
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" {
			known[name] = t.Field(i).Type
		}
	}
	names := slices.Sorted(maps.Keys(known))
	broken = map[string]bool{}
	r.keys(where, n, func(key, value *yaml.Node) (keep bool) {
		if known[key.Value] == nil {
			near := spelling.Nearest(key.Value, names)
			if near == "" {
				r.add(where, mistaken(key, "unknown key %s: known here are %s", key.Value, strings.Join(names, ", ")))
				return false
			}
			r.add(where, mistaken(key, "unknown key %s: did you mean %s?", key.Value, near))
			if has(n, near) {
				return false
			}
			key.Value = near
		}
		switch {
		case value.ShortTag() == nullTag:
			return false // as though it were not there
		case !r.value(where, key.Value, value, known[key.Value]):
			broken[key.Value] = true
			return false
		}
		return true
	})
	return broken
}

// has reports whether a mapping has a key.
func has(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// keys goes through the keys of a mapping, each once, and takes those out that are not
// to be kept.
func (r *report) keys(where string, n *yaml.Node, keep func(key, value *yaml.Node) bool) {
	seen := map[string]int{}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first, twice := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			r.add(where, mistaken(key, "a key must be a text, not %s", spelling.Shape(key)))
			continue
		case twice:
			r.add(where, mistaken(key, "%s is there twice: the first is in line %d: remove one", key.Value, first))
			continue
		}
		seen[key.Value] = key.Line
		if keep(key, value) {
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
}

// value checks a value that is to be of a type.
func (r *report) value(where, key string, n *yaml.Node, t reflect.Type) (fits bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	bad := func(format string, args ...any) bool {
		r.add(where, mistaken(n, "%s: "+format, append([]any{key}, args...)...))
		return false
	}
	switch {
	case t == reflect.TypeFor[model.Duration]():
		if n.Kind != yaml.ScalarNode {
			return bad("want a duration such as 30s, 5m or 1h, not %s", spelling.Shape(n))
		}
		if _, err := model.ParseDuration(n.Value); err != nil {
			return bad("%q is no duration: write it like 30s, 5m or 1h", n.Value)
		}
	case t.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return bad("want a list: a line with a dash for each, not %s", spelling.Shape(n))
		}
	case t.Kind() == reflect.Map:
		if n.Kind != yaml.MappingNode {
			return bad("want keys with values below it, such as severity: page, not %s", spelling.Shape(n))
		}
		r.keys(where, n, func(name, text *yaml.Node) bool {
			return r.value(where, key+"."+name.Value, text, t.Elem())
		})
	case n.Kind != yaml.ScalarNode:
		return bad("want a text or number, not %s", spelling.Shape(n))
	default:
		if err := n.Decode(reflect.New(t).Interface()); err != nil {
			return bad("%q is no %s", n.Value, map[bool]string{true: "whole number such as 5", false: "text"}[t.Kind() == reflect.Int])
		}
	}
	return true
}

// labels checks those of a group, as Prometheus' reader does.
func (r *report) labels(where string, n *yaml.Node) {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !model.UTF8Validation.IsValidLabelName(key.Value) || key.Value == model.MetricNameLabel {
			r.add(where, mistaken(key, "labels: %q cannot be the name of a label: write letters, digits and underscores", key.Value))
		}
		if !model.LabelValue(value.Value).IsValid() {
			r.add(where, mistaken(value, "labels.%s: is no text in UTF-8", key.Value))
		}
	}
}
