package notify

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Mistake is one thing wrong with the notification settings of a file.
type Mistake struct {
	Line    int    // from 1; 0: not known
	Key     string // such as receivers[0].slack_configs[1].channel; empty: not known
	Problem string
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
		if key, _, found := strings.Cut(e, " not found in type "); found {
			e = strings.Replace(key, "field ", "unknown key ", 1)
		}
		if value, _, found := strings.Cut(e, " into "); found && strings.Contains(value, "cannot unmarshal") {
			e = strings.Replace(value, "cannot unmarshal", "this key does not take", 1)
		}
		all[i].Problem = e
		if m := lineIn.FindStringSubmatch(e); m != nil {
			all[i].Problem = m[2]
			all[i].Line, _ = strconv.Atoi(m[1]) // digits
		}
	}
	return all
}
