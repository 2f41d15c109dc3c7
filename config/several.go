package config

import (
	"cmp"
	"errors"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Mistakes are found in steps: values of the wrong form, values that mean nothing,
// and what other parts of Omen refuse. So that all are said at once, what is broken
// is left out for the later steps, and what these say of it, or may say only for lack
// of it, is not said.

// checkZero refuses a 0 where it would count as left out. Which keys these are, and what
// to write, is in the tag zero of their fields.
func (w *walker) checkZero(n *yaml.Node, field reflect.StructField, key string) {
	mend := field.Tag.Get("zero")
	if mend == "" || n.Tag == "!!null" {
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	value := reflect.New(field.Type)
	if err := n.Decode(value.Interface()); err == nil && value.Elem().IsZero() {
		w.fail(n, key, "is %s: %s", n.Value, mend)
	}
}

// prune empties what is broken, so that the rest can be read.
func (w *walker) prune() {
	for _, b := range w.broken {
		if b.node != nil {
			b.node.Kind, b.node.Tag, b.node.Value, b.node.Style, b.node.Content, b.node.Alias = yaml.ScalarNode, "!!null", "", 0, nil, nil
		}
	}
}

// pairs are keys of which one is judged by the other beside it.
var pairs = map[string]string{"max": "limit", "limit": "max", "warning": "critical", "critical": "warning"}

// follows reports whether what is wrong at a key may be wrong only for what is
// broken there, above, below or beside it, or for what was found there before.
func (w *walker) follows(key string, before []*Error) bool {
	parent, name := above(key)
	for _, b := range w.broken {
		beside, _ := above(b.key)
		if beside == parent || within(key, b.key) || within(b.key, key) {
			return true
		}
	}
	for _, e := range before {
		beside, other := above(e.Key)
		if e.Key == key || beside == parent && pairs[name] == other && other != "" {
			return true
		}
	}
	return false
}

// above is the key of the mapping or list that a key is in, and what it is called there.
func above(key string) (parent, name string) {
	i := strings.LastIndexAny(key, ".[")
	return key[:max(0, i)], key[i+1:]
}

// within reports whether a key is another one, or below it.
func within(key, of string) bool {
	rest, found := strings.CutPrefix(key, of)
	return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Follows reports whether a mistake at a key may be one only for another that [Parse]
// found: at the same place, or in what was left out.
func (c *Config) Follows(key string) bool {
	return c.written != nil && c.written.follows(key, c.written.errs)
}

// lost reports whether an entry of a list may be missing, or its name.
func (w *walker) lost(list string) bool {
	for _, b := range w.broken {
		entry, _ := above(b.key)
		if of, _ := above(entry); b.key == list || entry == list || of == list && entry != "" {
			return true
		}
	}
	return false
}

// joined are errors in the order of their places.
func joined(errs []*Error) error {
	all := make([]error, len(errs))
	for i, e := range errs {
		all[i] = e
	}
	return InOrder(all...)
}

// InOrder joins errors, those that are an [Error] in the order of their places, and
// the others after them.
func InOrder(errs ...error) error {
	var flat []error
	var flatten func(err error)
	flatten = func(err error) {
		several, is := err.(interface{ Unwrap() []error })
		if is && errors.Join(several.Unwrap()...).Error() == err.Error() { // and has no words of its own
			for _, one := range several.Unwrap() {
				flatten(one)
			}
		} else if err != nil {
			flat = append(flat, err)
		}
	}
	for _, err := range errs {
		flatten(err)
	}
	slices.SortStableFunc(flat, func(a, b error) int {
		var x, y *Error
		switch placed, too := errors.As(a, &x) && x.Line > 0, errors.As(b, &y) && y.Line > 0; {
		case placed && too:
			return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
		case placed:
			return -1
		case too:
			return 1
		}
		return 0
	})
	return errors.Join(flat...)
}
