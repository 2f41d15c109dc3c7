package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/internal/spelling"
)

// walker compares a document with the structs that it is to fill, so that
// every error has a place and a key, and all are reported at once.
type walker struct {
	file   string
	places map[string]*yaml.Node // key path -> its value
	keys   map[string]*yaml.Node // key path -> the key itself, of what another package reads
	nodes  int
	errs   []*Error
	broken []broken
	meant  map[string]bool // keys whose misspelt words are read as what was meant
	early  int             // of errs: those found before anything was checked
}

// broken is a value that cannot be what it is to be, or a key that is none.
type broken struct {
	key  string
	node *yaml.Node // the value; nil: none is to be left out
}

// maxNodes and maxDepth bound what aliases can unfold to.
const (
	maxNodes = 200_000
	maxDepth = 60
)

func (w *walker) fail(n *yaml.Node, key, format string, args ...any) {
	w.errs = append(w.errs, &Error{File: w.file, Line: n.Line, Column: n.Column, Key: key, Problem: fmt.Sprintf(format, args...)})
}

// refuse fails at a value that nothing can be made of.
func (w *walker) refuse(n *yaml.Node, key, format string, args ...any) {
	w.fail(n, key, format, args...)
	w.broken = append(w.broken, broken{key, n})
}

// at fails at a key path, unless what it says follows from what is wrong elsewhere.
func (w *walker) at(key, format string, args ...any) {
	if !w.follows(key, w.errs[:w.early]) {
		w.errs = append(w.errs, w.find(key, fmt.Sprintf(format, args...)))
	}
}

// find is an error at a key path, or at the nearest one above it that is
// written.
func (w *walker) find(key, problem string) *Error {
	e := &Error{File: w.file, Key: key, Problem: problem}
	for path := key; path != ""; path = path[:max(0, strings.LastIndexAny(path, ".["))] {
		if n, ok := w.places[path]; ok {
			e.Line, e.Column = n.Line, n.Column
			break
		}
	}
	return e
}

// note keeps the places below a value that another package reads.
func (w *walker) note(n *yaml.Node, path string) {
	if _, ok := w.places[path]; !ok {
		w.places[path] = n
	}
	for i, c := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			w.note(c, fmt.Sprintf("%s[%d]", path, i))
		case n.Kind == yaml.MappingNode && i%2 == 1:
			at := join(path, n.Content[i-1].Value)
			w.keys[at] = n.Content[i-1]
			w.note(c, at)
		}
	}
}

var rawNode = reflect.TypeFor[yaml.Node]()

func (w *walker) walk(n *yaml.Node, t reflect.Type, path string, depth int) {
	if w.nodes++; w.nodes > maxNodes || depth > maxDepth {
		if w.nodes < 2*maxNodes { // once
			w.nodes = 2 * maxNodes
			w.refuse(n, path, "too much, or nested too deep: write less, or in several files")
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		w.walk(n.Alias, t, path, depth+1)
		return
	}
	if _, ok := w.places[path]; !ok {
		w.places[path] = n
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Tag == "!!null" {
		return
	}
	if t == rawNode || t.Kind() == reflect.Interface { // refuses what unfolds without end
		w.leaf(n, reflect.TypeFor[any](), path)
		w.note(n, path)
		return
	}
	switch {
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		before := len(w.broken)
		w.fields(n, t, path, depth)
		if len(w.broken) == before && reflect.PointerTo(t).Implements(unmarshaler) {
			w.leaf(n, t, path) // its own checks
		}
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, item := range n.Content {
			w.walk(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		for i := 0; i+1 < len(n.Content); i += 2 {
			w.walk(n.Content[i+1], t.Elem(), join(path, n.Content[i].Value), depth+1)
		}
	case n.Kind == yaml.MappingNode, n.Kind == yaml.SequenceNode && !reflect.PointerTo(t).Implements(unmarshaler):
		w.refuse(n, path, "want %s, not %s", wanted(t), spelling.Shape(n))
	default:
		w.leaf(n, t, path)
	}
}

// unmarshaler is the form that prometheus/common's types have.
var unmarshaler = reflect.TypeFor[interface {
	UnmarshalYAML(func(any) error) error
}]()

// fields walks the keys of a mapping that fills a struct.
func (w *walker) fields(n *yaml.Node, t reflect.Type, path string, depth int) {
	known, any := fieldsOf(t)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			w.walk(value, t, path, depth+1)
			continue
		}
		at := join(path, key.Value)
		if seen[key.Value] {
			w.fail(key, at, "is there twice: remove one")
			w.broken = append(w.broken, broken{key: at})
			key.Value = fmt.Sprintf("%s (again, %d)", key.Value, i) // so that the rest can be read
			continue
		}
		if _, ok := known[key.Value]; !ok && !any {
			at = w.unknown(n, key, path, slices.Sorted(maps.Keys(known)))
		}
		seen[key.Value] = true
		if field, ok := known[key.Value]; ok {
			w.walk(value, field.Type, at, depth+1)
			w.checkZero(value, field, at)
		}
	}
}

// unknown fails at a key of a mapping that is none. Where it was probably meant as
// another one, which is not there, it is read as that one from then on, so that the
// rest is judged as what it is. It returns the key's path.
func (w *walker) unknown(n, key *yaml.Node, path string, known []string) string {
	at := join(path, key.Value)
	w.fail(key, at, "%s", unknown(key.Value, known))
	near := spelling.Nearest(key.Value, known)
	if near == "" || value(n, near) != nil {
		w.broken = append(w.broken, broken{key: at})
		return at
	}
	key.Value = near
	return join(path, near)
}

// unknown is what is wrong with a key that is not known.
func unknown(key string, known []string) string {
	if near := spelling.Nearest(key, known); near != "" {
		return fmt.Sprintf("unknown key: did you mean %q?", near)
	}
	if len(known) == 0 {
		return "unknown key"
	}
	return "unknown key: known here are " + strings.Join(known, ", ")
}

// fieldsOf are a struct's YAML keys; any is true if it takes others, too.
func fieldsOf(t reflect.Type) (known map[string]reflect.StructField, any bool) {
	known = map[string]reflect.StructField{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case slices.Contains(strings.Split(options, ","), "inline"):
			if f.Type.Kind() == reflect.Map {
				any = true
				continue
			}
			inner, more := fieldsOf(f.Type)
			for k, v := range inner {
				known[k] = v
			}
			any = any || more
		case f.IsExported() && name != "-":
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			known[name] = f
		}
	}
	return known, any
}

// leaf tries a value alone.
func (w *walker) leaf(n *yaml.Node, t reflect.Type, path string) {
	err := n.Decode(reflect.New(t).Interface())
	if err == nil {
		return
	}
	var kind *yaml.TypeError
	if errors.As(err, &kind) {
		w.refuse(n, path, "%s is not %s", spelling.Shape(n), wanted(t))
		return
	}
	problem := strings.TrimPrefix(err.Error(), "yaml: ")
	if t == reflect.TypeFor[model.Duration]() {
		problem = spelling.Shape(n) + " is not " + wanted(t)
	}
	w.refuse(n, path, "%s", problem)
}

// wanted says what a type is written like.
func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[model.Duration]() {
		return "a duration such as 15s, 5m or 7d"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number such as 5"
	case reflect.Uint64:
		return "a whole number of 0 or more"
	case reflect.Float64:
		return "a number such as 5 or 0.5"
	case reflect.Slice:
		if item := t.Elem(); item.Kind() == reflect.Struct {
			return "a list: a line with a dash for each, such as - " + exampleKey(item)
		}
		return "a list: [one, two], or a line with a dash for each"
	case reflect.Struct:
		return "keys with values below it, such as " + exampleKey(t)
	case reflect.Map:
		return "keys with values below it, such as name: value"
	}
	return "a text"
}

// exampleKey is the first key of a struct, as it is written.
func exampleKey(t reflect.Type) string {
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			return name + ": …"
		}
	}
	return "key: …"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
