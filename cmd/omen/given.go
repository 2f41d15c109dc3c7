package main

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/common/model"
)

// mistaken is what is wrong with a command line that was parsed, or only so far; empty:
// nothing is.
func mistaken(c *kong.Context, args []string) string {
	for _, check := range []func() string{
		func() string { return empty(c, args) }, func() string { return twice(c) }, func() string { return repeated(c) }, func() string { return outOfRange(c) },
	} {
		if why := check(); why != "" {
			return why
		}
	}
	return ""
}

// empty is the flag or argument that is given and has nothing in it, as one has that is
// an unset variable of a script. Texts for people may be empty: they have the tag
// empty.
func empty(c *kong.Context, args []string) string {
	flags := map[string]*kong.Flag{}
	for _, f := range c.Flags() {
		flags[f.Name] = f
	}
	before := "" // the flag whose value an argument is
	for _, arg := range args {
		if arg == "--" {
			break
		}
		name, value, given := strings.Cut(arg, "=")
		if !strings.HasPrefix(arg, "--") {
			name, value, given = before, arg, true
		}
		before = ""
		f := flags[strings.TrimPrefix(name, "--")]
		switch {
		case f != nil && !given && !f.IsBool():
			before = arg
		case f == nil && name == "" && value == "":
			return "an argument is empty"
		case f == nil || !given || f.Tag.Has("empty"):
		case value == "":
			return name + " is given without a value"
		case f.IsSlice() && f.Tag.Sep > 0 && slices.Contains(strings.Split(value, string(f.Tag.Sep)), ""):
			return name + ": one of the values is empty"
		}
	}
	return ""
}

// twice is a flag that takes one value and is given several, all but the last of
// which would be lost; empty: there is none.
func twice(c *kong.Context) string {
	given := map[*kong.Flag]bool{}
	for _, p := range c.Path {
		if f := p.Flag; f != nil && !f.IsCumulative() && !f.IsBool() {
			if given[f] {
				return fmt.Sprintf("--%s is given more than once, and takes one value", f.Name)
			}
			given[f] = true
		}
	}
	return ""
}

// repeated is a list in which a value is twice.
func repeated(c *kong.Context) string {
	for _, p := range c.Path {
		name, target := "", reflect.Value{}
		switch {
		case p.Flag != nil:
			name, target = "--"+p.Flag.Name, p.Flag.Target
		case p.Positional != nil:
			name, target = "<"+p.Positional.Name+">", p.Positional.Target
		}
		if target.Kind() != reflect.Slice {
			continue
		}
		seen := map[any]bool{}
		for i := range target.Len() {
			v := target.Index(i)
			if seen[v.Interface()] {
				return fmt.Sprintf("%s: %v is given twice", name, v.Interface())
			}
			seen[v.Interface()] = true
		}
	}
	return ""
}

// bounds are the tags that say which numbers a flag takes, and what to call those
// that it does not.
var bounds = []struct {
	tag     string
	refuses func(n, bound float64) bool
	what    string
}{
	{"least", func(n, bound float64) bool { return !(n >= bound) }, "is less than"},
	{"most", func(n, bound float64) bool { return !(n <= bound) }, "is more than"},
	{"above", func(n, bound float64) bool { return !(n > bound) || math.IsInf(n, 0) }, "is not above"},
}

// outOfRange is why a flag's number means nothing; empty: all do.
func outOfRange(c *kong.Context) string {
	for _, p := range c.Path {
		if p.Flag == nil {
			continue
		}
		numbers := []reflect.Value{p.Flag.Target}
		if list := p.Flag.Target; list.Kind() == reflect.Slice {
			numbers = numbers[:0]
			for i := range list.Len() {
				numbers = append(numbers, list.Index(i))
			}
		}
		for _, b := range bounds {
			bound, err := strconv.ParseFloat(p.Flag.Tag.Get(b.tag), 64)
			if err != nil { // it has no such bound
				continue
			}
			for _, v := range numbers {
				n := 0.0
				if v.CanInt() {
					n = float64(v.Int())
				} else {
					n = v.Float()
				}
				if b.refuses(n, bound) {
					return fmt.Sprintf("--%s: %v %s %v", p.Flag.Name, n, b.what, bound)
				}
			}
		}
	}
	return ""
}

// notOf is how the parser says that a value is no number.
var notOf = regexp.MustCompile(`expected an? (?:(float)|valid \d+ bit u?int) but got ("(?:[^"\\]|\\.)*")(?: \(.*\))?`)

// plainly is the parser's message in the words of the other ones.
func plainly(message string) string {
	return notOf.ReplaceAllStringFunc(message, func(said string) string {
		m := notOf.FindStringSubmatch(said)
		if m[1] != "" {
			return m[2] + " is no number"
		}
		return m[2] + " is no whole number"
	})
}

// duration is a flag's, written as Prometheus writes them.
type duration time.Duration

// Decode implements kong.MapperValue.
func (d *duration) Decode(c *kong.DecodeContext) error {
	var text string
	if err := c.Scan.PopValueInto("duration", &text); err != nil {
		return err
	}
	parsed, err := model.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no duration: write it like 30s, 12h or 7d", text)
	}
	*d = duration(parsed)
	return nil
}
