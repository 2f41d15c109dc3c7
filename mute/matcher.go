package omen

import (
	"regexp"
)

// Condition is a compiled list of matchers: it reports whether all of them
// hold, given the value of each name ("" where there is none).
type Condition func(value func(name string) string) bool

// Compile makes a list of matchers quick to ask many times. The first one that
// does not validate is its error.
func Compile(match []Matcher) (Condition, error) {
	tests := make([]func(string) bool, len(match))
	for i, m := range match {
		if err := m.Validate(); err != nil {
			return nil, err
		}
		if !m.IsRegex {
			tests[i] = func(s string) bool { return (s == m.Value) == m.IsEqual }
			continue
		}
		expression := regexp.MustCompile("^(?:" + m.Value + ")$")
		tests[i] = func(s string) bool { return expression.MatchString(s) == m.IsEqual }
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

// OfHost reports whether the matcher asks about a host alone, and not about
// what an incident is.
func (m Matcher) OfHost() bool {
	return m.Name != MatchKind && m.Name != MatchSeverity && m.Name != MatchCause
}

// HostValue is the value that a matcher's name has for a host with labels.
func HostValue(h Host, labels map[string]string) func(name string) string {
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
