package feature

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// UptimeColumn is the name under which [Schema.Exprs] asks for the profile's
// uptime. It is no feature: no vector holds it.
const UptimeColumn = "omen_uptime"

// Schema is an ordered, checked list of features that vectors and models are
// bound to. It is immutable and safe for concurrent use. Base features come
// first, in the profile's order, then derived ones.
type Schema struct {
	profile  string
	by       []string
	uptime   string
	labels   string
	boots    string
	features []Feature
	base     int // features[:base] are read, features[base:] derived
	index    map[string]int
	rules    []rule // of features[base:]
	lookback time.Duration
	hash     string
	limits   []Limit
}

// rule is a Rule with its names and zone looked up.
type rule struct {
	Rule
	of, per int
	zone    *time.Location
}

// NewSchema checks a profile and binds it. Its error wraps [omen.ErrInvalid],
// names profile, feature and key, and carries a hint; several are joined.
func NewSchema(p Profile) (*Schema, error) {
	p, wrong := p.checked()
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	s := &Schema{profile: p.Name, by: p.By, uptime: p.Uptime, labels: p.Labels, limits: p.Limits, boots: p.Boots, index: map[string]int{}}
	for _, f := range p.Features {
		if !f.derived() {
			s.features = append(s.features, f)
		}
	}
	s.base = len(s.features)
	for _, f := range p.Features {
		if f.derived() {
			s.features = append(s.features, f)
		}
	}
	for i, f := range s.features {
		s.index[f.Name] = i
	}
	for _, f := range s.features[s.base:] {
		r := rule{Rule: f.Rule, of: s.Index(f.Rule.Of), per: s.Index(f.Rule.Per), zone: time.UTC}
		if f.Rule.Zone != "" {
			var err error
			if r.zone, err = time.LoadLocation(f.Rule.Zone); err != nil { // it was there when it was checked
				return nil, fmt.Errorf("profile %q, feature %q: %w: %w", p.Name, f.Name, err, omen.ErrInvalid)
			}
		}
		s.rules = append(s.rules, r)
		s.lookback = max(s.lookback, r.Over)
	}
	s.hash = s.sum()
	return s, nil
}

// FromColumns is a schema for data that has columns instead of PromQL, such as
// a CSV file: one feature per name, each like the given one (unit, range,
// scale, direction). A like with both Min and Max 0 gets an unknown range: any
// finite number is accepted.
func FromColumns(profile string, names []string, like Feature) (*Schema, error) {
	if like.Min == 0 && like.Max == 0 {
		like.Min, like.Max = math.Inf(-1), math.Inf(1)
	}
	if like.Scale == 0 {
		like.Scale = 1
	}
	p := Profile{Name: profile, Features: make([]Feature, len(names))}
	for i, n := range names {
		p.Features[i] = like
		p.Features[i].Name = n
		p.Features[i].Expr = n
		p.Features[i].Rule = Rule{}
	}
	return NewSchema(p)
}

// Profile is the name of the profile that the schema was made from.
func (s *Schema) Profile() string { return s.profile }

// By are the labels that identify a host. The caller must not change them.
func (s *Schema) By() []string { return s.by }

// Features are the features in order. The caller must not change them.
func (s *Schema) Features() []Feature { return s.features }

// Names are the features' names in order, newly made.
func (s *Schema) Names() []string {
	names := make([]string, len(s.features))
	for i, f := range s.features {
		names[i] = f.Name
	}
	return names
}

// Len is how many values a vector has.
func (s *Schema) Len() int { return len(s.features) }

// Index is a feature's place in a vector, or -1.
func (s *Schema) Index(name string) int {
	if i, ok := s.index[name]; ok {
		return i
	}
	return -1
}

// Places are the features' places in a vector, by name. The caller must not
// change them.
func (s *Schema) Places() map[string]int { return s.index }

// Hash names what a model's numbers depend on, as 64 hexadecimal digits: the
// identifying labels and, per feature in order, name, expression or rule,
// unit, range, scale and context. Help, group, direction and smallest
// deviation are not in it: they may change under a model.
func (s *Schema) Hash() string { return s.hash }

// sum is the SHA-256 of the schema's canonical text.
func (s *Schema) sum() string {
	var b strings.Builder
	fmt.Fprintf(&b, "schema 1\nby %q\nuptime %q\n", s.by, oneSpace(s.uptime))
	for _, f := range s.features {
		r := f.Rule
		fmt.Fprintf(&b, "%q %q unit %q range %v %v scale %v context %t", f.Name, oneSpace(f.Expr), f.Unit, f.Min, f.Max, f.Scale, f.Context)
		fmt.Fprintf(&b, " rule %q %q %q %d %v %q\n", r.Kind, r.Of, r.Per, r.Over, r.Limit, r.Zone)
	}
	h := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(h[:])
}

// oneSpace drops line breaks and indentation, which mean nothing in PromQL.
func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

// Exprs is what to ask a source for: the base features, and the uptime if the
// profile has one.
func (s *Schema) Exprs() []series.Expr {
	exprs := make([]series.Expr, 0, s.base+1)
	for _, f := range s.features[:s.base] {
		exprs = append(exprs, series.Expr{Feature: f.Name, PromQL: f.Expr})
	}
	if s.uptime != "" {
		exprs = append(exprs, series.Expr{Feature: UptimeColumn, PromQL: s.uptime})
	}
	return exprs
}

// Lookback is how much history before an instant its derived features need; 0
// if the schema has none that look back.
func (s *Schema) Lookback() time.Duration { return s.lookback }

// Host is the host of that name under this schema's profile.
func (s *Schema) Host(source, name string) omen.Host {
	return omen.Host{Source: source, Profile: s.profile, Name: name}
}

// Silent reports whether a vector says nothing: every value is a gap.
func Silent(v omen.Vector) bool {
	return !slices.ContainsFunc(v.Values, func(x float64) bool { return !math.IsNaN(x) })
}
