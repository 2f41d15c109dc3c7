package notify

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/notify/alertmanager"
)

// Mistake is one thing wrong with the notification settings of a file.
type Mistake struct {
	Line    int    // from 1; 0: not known
	Key     string // such as receivers[0].slack_configs[1].channel; empty: not known
	Problem string
	Unknown string // the key at this line that is not known; empty: none is
	Value   string // what the value at this line is; empty: not known
	Err     error  // whose text Problem is; nil: it is nobody's
}

// Mistakes are all that were found.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	all := make([]string, len(m))
	for i, one := range m {
		switch {
		case one.Line > 0:
			all[i] = fmt.Sprintf("line %d: %s", one.Line, one.Problem)
		case one.Key != "":
			all[i] = one.Key + ": " + one.Problem
		default:
			all[i] = one.Problem
		}
	}
	return strings.Join(all, "; ")
}

// Unwrap gives the errors that the mistakes are.
func (m Mistakes) Unwrap() (all []error) {
	for _, one := range m {
		if one.Err != nil {
			all = append(all, one.Err)
		}
	}
	return all
}

// under are the mistakes that an error is, of what is below a key; nil for none.
func under(key string, err error) error {
	var found Mistakes
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &found):
		return Mistakes{{Key: key, Problem: err.Error(), Err: err}}
	}
	placed := slices.Clone(found)
	for i := range placed {
		placed[i].Key = strings.TrimSuffix(key+"."+placed[i].Key, ".")
	}
	return placed
}

// lined reports whether lines are known.
func (m Mistakes) lined() bool { return len(m) > 0 && m[0].Line > 0 }

// problems are the mistakes without their places.
func (m Mistakes) problems() string {
	all := make([]string, len(m))
	for i, one := range m {
		all[i] = one.Problem
	}
	return strings.Join(all, "; ")
}

// of drops lines that are not the file's.
func (m Mistakes) of(lined bool) Mistakes {
	for i := range m {
		if !lined {
			m[i].Line = 0
		}
	}
	return m
}

var (
	unknownIn = regexp.MustCompile(`^(line [0-9]+: )field (.+) not found in type [^ ]+$`)
	valueIn   = regexp.MustCompile("(?s)^(line [0-9]+: )cannot unmarshal (![^ ]+) (`.*`) into (.+)$")
)

// wants are Go's types as people know them.
var wants = map[string]string{
	"bool": "true or false", "int": "a whole number", "int64": "a whole number", "uint64": "a whole number of 0 or more", "uint": "a whole number of 0 or more", "float64": "a number",
}

// all is what package notify reads of a file.
type all struct {
	Alertmanager  amconfig.Config         `yaml:",inline"`
	Alertmanagers []alertmanager.Settings `yaml:"alertmanagers"`
	Own           ownSettings             `yaml:"notify"`
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

// KeysAt are the keys that notification settings may have below a key such as
// receivers[0].webhook_configs[1], sorted; none where that is not known.
func KeysAt(key string) []string {
	below := keysOf(reflect.TypeFor[all]())
	for name := range strings.SplitSeq(index.ReplaceAllString(key, ""), ".") {
		t, ok := below[name]
		if !ok {
			return nil
		}
		below = keysOf(t)
	}
	return slices.Sorted(maps.Keys(below))
}

// keysOf are the keys of a struct, or of a list's or map's, with the types of their values.
func keysOf(t reflect.Type) map[string]reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	keys := map[string]reflect.Type{}
	if t.Kind() != reflect.Struct {
		return keys
	}
	for f := range t.Fields() {
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"):
			maps.Copy(keys, keysOf(f.Type))
		case f.IsExported() && key != "-" && key != "":
			keys[key] = f.Type
		}
	}
	return keys
}

var lineIn = regexp.MustCompile(`^line ([0-9]+): ((?s:.*))$`)

// clean takes Go's names out of a YAML error: people know keys, not types.
func clean(err error) Mistakes {
	texts := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var many *yaml.TypeError
	if errors.As(err, &many) {
		texts = many.Errors
	}
	all := make(Mistakes, len(texts))
	for i, e := range texts {
		if m := unknownIn.FindStringSubmatch(e); m != nil {
			e = m[1] + "unknown key " + m[2]
			all[i].Unknown = m[2]
		}
		if m := valueIn.FindStringSubmatch(e); m != nil {
			e = m[1] + "this key does not take " + m[3]
			all[i].Value = strings.Trim(m[3], "`")
			if want := wants[m[4]]; want != "" {
				e = m[1] + fmt.Sprintf("%q is not %s", all[i].Value, want)
			}
		}
		all[i].Problem = e
		if m := lineIn.FindStringSubmatch(e); m != nil {
			all[i].Problem = m[2]
			all[i].Line, _ = strconv.Atoi(m[1]) // digits
		}
	}
	return all
}
