package mute

import (
	"errors"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

func TestAnnotations(t *testing.T) {
	const at = 1_772_000_000_000 // milliseconds
	for _, c := range []struct {
		name  string
		give  Annotation
		kind  EventKind
		match []Matcher
		grace time.Duration
		bad   bool
	}{
		{"a deploy", Annotation{Time: at, Tags: []string{"deploy", "job:shop"}, Text: "v2"}, EventDeploy,
			[]Matcher{{Name: "job", Value: "shop", IsEqual: true}}, 0, false},
		{"a region", Annotation{Time: at, TimeEnd: at + 90_000, Tags: []string{"Restart", "host=web-1:9100", "team"}}, EventRestart,
			[]Matcher{{Name: "host", Value: "web-1:9100", IsEqual: true}}, 90 * time.Second, false},
		{"a note", Annotation{Tags: []string{"job:shop"}, Text: "somebody was here"}, EventNote,
			[]Matcher{{Name: "job", Value: "shop", IsEqual: true}}, 0, false},
		{"of nobody", Annotation{Time: at, Tags: []string{"deploy"}}, "", nil, 0, true},
		{"of nobody, in full", Annotation{Time: at, Tags: []string{"deploy", ":", "=x", "job:"}}, "", nil, 0, true},
		{"of a week", Annotation{Time: at, TimeEnd: at + 7*24*3600_000, Tags: []string{"deploy", "job:shop"}}, "", nil, 0, true},
		{"of a severity", Annotation{Time: at, Tags: []string{"deploy", "severity:critical"}}, "", nil, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := c.give.Event("ci", noon)
			if c.bad {
				if !errors.Is(err, omen.ErrInvalid) {
					t.Errorf("%+v, %v; want ErrInvalid", e, err)
				}
				return
			}
			if err != nil || e.Kind != c.kind || e.Grace != c.grace || len(e.Match) != 1 || e.Match[0] != c.match[0] || e.By != "ci" {
				t.Errorf("%+v, %v", e, err)
			}
			if want := time.UnixMilli(c.give.Time); c.give.Time != 0 && !e.At.Equal(want) || c.give.Time == 0 && !e.At.Equal(noon) {
				t.Errorf("at %s", e.At)
			}
			if again, _ := c.give.Event("ci", noon); again.ID != e.ID {
				t.Errorf("the same annotation is %s and %s", e.ID, again.ID)
			}
		})
	}
}
