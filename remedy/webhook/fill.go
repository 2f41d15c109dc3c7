package webhook

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// Sent is the body where none is configured.
type Sent struct {
	ID       string          `json:"id"`
	Incident string          `json:"incident"`
	Playbook string          `json:"playbook"`
	Attempt  int             `json:"attempt"`
	Host     omen.Host       `json:"host"`
	Group    string          `json:"group"`
	Why      string          `json:"why"`
	By       string          `json:"by,omitempty"`
	At       time.Time       `json:"at"`
	Mode     omen.ActionMode `json:"mode"`
}

// fields are what may be filled in, by name.
var fields = map[string]func(omen.Action) string{
	"id":       func(a omen.Action) string { return a.ID },
	"incident": func(a omen.Action) string { return a.Incident },
	"playbook": func(a omen.Action) string { return a.Playbook },
	"attempt":  func(a omen.Action) string { return strconv.Itoa(a.Attempt) },
	"host":     func(a omen.Action) string { return a.Host.Name },
	"source":   func(a omen.Action) string { return a.Host.Source },
	"profile":  func(a omen.Action) string { return a.Host.Profile },
	"group":    func(a omen.Action) string { return a.Group },
	"why":      func(a omen.Action) string { return a.Why },
	"by":       func(a omen.Action) string { return a.By },
	"receipt":  func(a omen.Action) string { return a.Receipt },
}

// Fields are the names of what may be filled in, sorted.
func Fields() []string { return slices.Sorted(maps.Keys(fields)) }

// hole is a field's name in braces.
var hole = regexp.MustCompile(`\{([a-z_]+)\}`)

func unknownField(text string) error {
	for _, m := range hole.FindAllStringSubmatch(text, -1) {
		if fields[m[1]] == nil {
			return fmt.Errorf("{%s} is no field: there are %s", m[1], strings.Join(Fields(), ", "))
		}
	}
	return nil
}

// inText fills the fields into a text.
func inText(text string, a omen.Action, escape func(string) string) string {
	return hole.ReplaceAllStringFunc(text, func(found string) string {
		return escape(fields[strings.Trim(found, "{}")](a))
	})
}

// inURL fills the fields into an address, as parts of its path or query.
func inURL(address string, a omen.Action) string {
	path, query, asks := strings.Cut(address, "?")
	path = inText(path, a, url.PathEscape)
	if !asks {
		return path
	}
	return path + "?" + inText(query, a, url.QueryEscape)
}

// fill applies change to every string of a body that is a value; names of keys
// stay as they are.
func fill(body any, change func(string) (string, error)) (any, error) {
	switch b := body.(type) {
	case string:
		return change(b)
	case map[string]any:
		out := make(map[string]any, len(b))
		for key, value := range b {
			filled, err := fill(value, change)
			if err != nil {
				return nil, err
			}
			out[key] = filled
		}
		return out, nil
	case []any:
		out := make([]any, len(b))
		for i, value := range b {
			filled, err := fill(value, change)
			if err != nil {
				return nil, err
			}
			out[i] = filled
		}
		return out, nil
	case nil, bool, int, int64, uint64, float64:
		return b, nil
	}
	return nil, fmt.Errorf("%v is no value of JSON: write it in quotes", body)
}

// filled is what is sent for an action: a body with its fields, or [Sent].
func filled(body any, a omen.Action) ([]byte, error) {
	if body == nil {
		return encode(Sent{ID: a.ID, Incident: a.Incident, Playbook: a.Playbook, Attempt: a.Attempt, Host: a.Host,
			Group: a.Group, Why: a.Why, By: a.By, At: a.At, Mode: a.Mode})
	}
	out, err := fill(body, func(text string) (string, error) {
		return inText(text, a, func(value string) string { return value }), nil
	})
	if err != nil {
		return nil, err
	}
	return encode(out)
}
