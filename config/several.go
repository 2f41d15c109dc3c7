package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/internal/spelling"
)

// Mistakes are found in steps: values of the wrong form, values that mean nothing,
// and what other parts of Omen refuse. So that all are said at once, what is broken
// is left out for the later steps, and what these say of it, or may say only for lack
// of it, is not said.

// checkZero refuses a 0 where it would count as left out. Which keys these are, and what
// to write, is in the tag zero of their fields.
func (w *walker) checkZero(n *yaml.Node, field reflect.StructField, key string) {
	hint := field.Tag.Get("zero")
	if hint == "" || n.Tag == "!!null" {
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	value := reflect.New(field.Type)
	if err := n.Decode(value.Interface()); err == nil && value.Elem().IsZero() {
		w.fail(n, key, "is %s: %s", n.Value, hint)
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

// judgedBy are the keys of a mapping, named after the key or list that it is in, by which
// others beside them are judged: what is wrong with these may be wrong only for what is
// wrong with those.
var judgedBy = map[string][]string{
	"limits.limit": {"kind", "max"}, "limits.max": {"kind", "limit"}, "limits.full": {"kind"}, "limits.unit": {"kind"},
	"limits.warning": {"kind", "critical"}, "limits.critical": {"kind", "warning"}, "limits.same": {"by"}, "limits.title": {"by"},
	"derive.expr": {"kind"}, "profiles.features": {"extends"}, "sources.window": {"step"},
	"proxy.user_header": {"trusted"}, "proxy.role_header": {"trusted"},
}

// follows reports whether what is wrong at a key may be wrong only for what is
// broken there, above or below, for what is wrong with a key beside it by which it is
// judged, or for what was found there before.
func (w *walker) follows(key string, before []*Error) bool {
	parent, name := above(key)
	in := parent
	if strings.HasSuffix(parent, "]") {
		in, _ = above(parent)
	}
	_, in = above(in)
	judged := func(by string) bool {
		beside, other := above(by)
		return beside == parent && slices.Contains(judgedBy[in+"."+name], other)
	}
	for _, b := range w.broken {
		if within(key, b.key) || within(b.key, key) || judged(b.key) {
			return true
		}
	}
	return slices.ContainsFunc(before, func(e *Error) bool { return e.Key == key }) ||
		slices.ContainsFunc(w.errs, func(e *Error) bool { return judged(e.Key) && !w.meant[e.Key] })
}

// wrong reports whether something is wrong at a key or below it.
func (w *walker) wrong(key string) bool {
	return slices.ContainsFunc(w.errs, func(e *Error) bool { return within(e.Key, key) })
}

// given reports whether a key has a value, be it one that is broken.
func (w *walker) given(key string) bool {
	n, ok := w.places[key]
	return ok && (n.Tag != "!!null" || slices.ContainsFunc(w.broken, func(b broken) bool { return b.key == key }))
}

// needless refuses a key that means nothing where it is, whatever its value, and in
// place of what is wrong with that.
func (w *walker) needless(key, format string, args ...any) {
	of := func(e *Error) bool { return within(e.Key, key) }
	early := slices.DeleteFunc(slices.Clone(w.errs[:w.early]), of)
	late := slices.DeleteFunc(slices.Clone(w.errs[w.early:]), of)
	w.errs, w.early = append(early, late...), len(early)
	w.errs = append(w.errs, w.find(key, fmt.Sprintf(format, args...)))
}

// oneOf checks a word against those that are known. One that is misspelt becomes what
// was probably meant, so that the rest is judged as what it is. hint says what to write.
func (w *walker) oneOf(key string, word *string, known []string, hint string) {
	if slices.Contains(known, *word) {
		return
	}
	near := spelling.Nearest(*word, known)
	if near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	w.at(key, "%q is not known: %s", *word, hint)
	if near != "" {
		*word, w.meant[key] = near, true
	}
}

// nameless fails at the name of an entry of a list that has none: what names it may be
// right.
func (w *walker) nameless(key, hint string) {
	w.at(key, "is missing: %s", hint)
	w.broken = append(w.broken, broken{key: key})
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
// found: at the same place, in what was left out, or in what it names.
func (c *Config) Follows(key string) bool {
	return c.written != nil && (c.written.follows(key, c.written.errs) || c.names(key))
}

// naming are keys whose values name features of their profile.
var naming = regexp.MustCompile(`^profiles\[(\d+)\]\.(?:derive\[\d+\]\.(?:of|per)|limits\[\d+\]\.features\[\d+\]|without\[\d+\])$`)

// names reports whether a key names what its profile, or one that this extends, may
// have only when its mistakes are fixed.
func (c *Config) names(key string) bool {
	m := naming.FindStringSubmatch(key)
	if m == nil {
		return false
	}
	i, err := strconv.Atoi(m[1])
	for err == nil && i >= 0 && i < len(c.Profiles) {
		at := fmt.Sprintf("profiles[%d].", i)
		if c.written.wrong(at + "extends") {
			return true
		}
		for _, list := range []string{"features", "derive", "limits"} {
			if c.written.lost(at + list) {
				return true
			}
		}
		extends := c.Profiles[i].Extends
		i = slices.IndexFunc(c.Profiles[:i], func(p Profile) bool { return extends != "" && p.Name == extends })
	}
	return false
}

// lost reports whether an entry of a list may be missing, or its name.
func (w *walker) lost(list string) bool {
	for _, b := range w.broken {
		entry, name := above(b.key)
		if of, _ := above(entry); b.key == list || entry == list || of == list && entry != "" && name == "name" {
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
