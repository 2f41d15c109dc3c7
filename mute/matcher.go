package mute

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/omenhq/omen"
)

// Matcher is one condition on an incident, in the form of Alertmanager's API.
// Name is one of the Match constants, or else a label of the host.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"` // Value is a regular expression, anchored at both ends
	IsEqual bool   `json:"isEqual"` // false: the condition is that the value does not match
}

// Names that a matcher may use beside the labels of a host. A fleet incident
// matches on hosts only if all its members do.
const (
	MatchHost     = "host"     // the host's name
	MatchProfile  = "profile"  // the profile's name
	MatchSource   = "source"   // the source's name
	MatchKind     = "kind"     // the incident's kind
	MatchSeverity = "severity" // the incident's severity
	MatchCause    = "cause"    // the feature of the largest cause that is not trivial; of a forecast the limit
)

// Validate reports a matcher without a name or with a bad expression, as
// [omen.ErrInvalid].
func (m Matcher) Validate() error {
	_, err := m.compile()
	return err
}

// String writes the matcher as [ParseMatcher] reads it: instance=~"web-.*".
func (m Matcher) String() string {
	op := map[[2]bool]string{
		{true, false}: "=", {false, false}: "!=", {true, true}: "=~", {false, true}: "!~",
	}[[2]bool{m.IsEqual, m.IsRegex}]
	name := m.Name
	if !plainName.MatchString(name) {
		name = strconv.Quote(name)
	}
	return fmt.Sprintf("%s%s%q", name, op, m.Value)
}

// OfHost reports whether the matcher asks about a host alone, and not about
// what an incident is.
func (m Matcher) OfHost() bool {
	return m.Name != MatchKind && m.Name != MatchSeverity && m.Name != MatchCause
}

// ofHosts reports whether all matchers ask about a host alone.
func ofHosts(match []Matcher) bool {
	return !slices.ContainsFunc(match, func(m Matcher) bool { return !m.OfHost() })
}

const (
	matcherStart = `^\s*([a-zA-Z_]\w*|"(?:[^"\\\n]|\\.)+")\s*(=~|!~|!=|=)\s*`
	matcherHint  = `write a name, one of = != =~ !~, and a value, such as host=~"web-.*"; a name such as "service.name" needs quotes`
)

var (
	plainName    = regexp.MustCompile(`^[a-zA-Z_]\w*$`)
	oneMatcher   = regexp.MustCompile(matcherStart + `(.*?)\s*$`)
	firstMatcher = regexp.MustCompile(matcherStart + "(\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`|[^,\\n\"`]*?)\\s*(?:[,\\n]|$)")
	// escapes are those that Alertmanager knows; any other backslash is itself.
	escapes = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")
)

// ParseMatcher reads one condition as PromQL and Alertmanager write it: a name,
// one of = != =~ !~, and a value with or without quotes, such as host=~"db-.*".
// What it cannot read is [omen.ErrInvalid].
func ParseMatcher(text string) (Matcher, error) {
	part := oneMatcher.FindStringSubmatch(text)
	if part == nil {
		return Matcher{}, omen.WithHint(fmt.Errorf("matcher %q: %w", text, omen.ErrInvalid), matcherHint)
	}
	value := part[3]
	if plain, err := strconv.Unquote(value); err == nil {
		value = plain
	} else if len(value) > 1 && value[0] == '"' && strings.HasSuffix(value, `"`) {
		value = escapes.Replace(value[1 : len(value)-1])
	}
	name := part[1]
	if plain, err := strconv.Unquote(name); err == nil {
		name = plain
	}
	m := Matcher{Name: name, Value: value, IsRegex: strings.Contains(part[2], "~"), IsEqual: part[2][0] == '='}
	return m, m.Validate()
}

// ParseMatchers reads conditions that commas or lines separate, in braces or
// not: {host=~"db-.*", role!=web}. A value with a comma needs quotes.
func ParseMatchers(text string) ([]Matcher, error) {
	rest := strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(rest, "{"); ok {
		if rest, ok = strings.CutSuffix(inner, "}"); !ok {
			return nil, omen.WithHint(fmt.Errorf("matchers %q: a brace has no other: %w", text, omen.ErrInvalid), matcherHint)
		}
	}
	var all []Matcher
	for strings.TrimSpace(rest) != "" {
		first := firstMatcher.FindString(rest)
		if first == "" {
			return nil, omen.WithHint(fmt.Errorf("matcher %q: %w", strings.TrimSpace(rest), omen.ErrInvalid), matcherHint)
		}
		m, err := ParseMatcher(strings.TrimRight(first, ",\n"))
		if err != nil {
			return nil, err
		}
		all, rest = append(all, m), rest[len(first):]
	}
	return all, nil
}

// compile makes a test of a value.
func (m Matcher) compile() (func(string) bool, error) {
	if m.Name == "" {
		return nil, omen.WithHint(fmt.Errorf("matcher for %q: no name: %w", m.Value, omen.ErrInvalid), "its name is host, profile, source, kind, severity, cause, or a label of the host")
	}
	if !m.IsRegex {
		return func(s string) bool { return (s == m.Value) == m.IsEqual }, nil
	}
	expression, err := regexp.Compile(m.Value) // alone: a)|(.* is none, and would be one within brackets
	if err == nil {
		expression, err = regexp.Compile("^(?:" + m.Value + ")$")
	}
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("matcher %s: %w: %w", m.Name, err, omen.ErrInvalid), "expressions are those of RE2; a dot that is meant as a dot is written \\.")
	}
	return func(s string) bool { return expression.MatchString(s) == m.IsEqual }, nil
}

// Condition is a compiled list of matchers: it reports whether all of them
// hold, given the value of each name ("" where there is none).
type Condition func(value func(name string) string) bool

// Compile makes a list of matchers quick to ask many times. The first matcher
// that does not validate is its error.
func Compile(match []Matcher) (Condition, error) {
	tests := make([]func(string) bool, len(match))
	for i, m := range match {
		var err error
		if tests[i], err = m.compile(); err != nil {
			return nil, err
		}
	}
	return func(value func(string) string) bool {
		for i, m := range match {
			if !tests[i](value(m.Name)) {
				return false
			}
		}
		return true
	}, nil
}

// HostValue is the value that a matcher's name has for a host with labels.
func HostValue(h omen.Host, labels map[string]string) func(name string) string {
	return func(name string) string {
		switch name {
		case MatchHost:
			return h.Name
		case MatchProfile:
			return h.Profile
		case MatchSource:
			return h.Source
		}
		return labels[name]
	}
}
