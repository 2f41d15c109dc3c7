package mute

import (
	"fmt"
	"strings"
	"time"

	omen "github.com/omenhq/omen"
)

// Annotation is what Grafana's HTTP API takes at POST /api/annotations, so that
// whatever tells Grafana of a deploy can tell Omen with the same words.
type Annotation struct {
	Time    int64    // milliseconds since 1970; 0: now
	TimeEnd int64    // of a region: as long as it lasts, Omen is lenient; 0: a point
	Tags    []string // what it is (deploy, restart, boot), and whose: "job:shop", "host=web-1"
	Text    string
}

// annotationKinds are the tags that say what an annotation is of.
var annotationKinds = map[string]EventKind{
	"boot": EventBoot, "reboot": EventBoot,
	"restart": EventRestart,
	"deploy":  EventDeploy, "deployment": EventDeploy, "release": EventDeploy,
}

// Event is the annotation as an event: of the kind that a tag names, or else a
// note, which is drawn and hides nothing. Without a tag that says which hosts
// it is [omen.ErrInvalid]: it would hide every host's trouble. The same
// annotation twice is one event.
func (a Annotation) Event(by string, now time.Time) (Event, error) {
	e := Event{Kind: EventNote, At: now.UTC(), Title: strings.TrimSpace(a.Text), By: by}
	if a.Time != 0 {
		e.At = time.UnixMilli(a.Time).UTC()
		e.ID = strings.ReplaceAll(omen.StableID("annotation", strings.Join(a.Tags, "\x00")+"\x00"+a.Text, e.At), "/", "-")
	}
	if a.TimeEnd > a.Time && a.Time != 0 {
		e.Grace = time.Duration(a.TimeEnd-a.Time) * time.Millisecond
	}
	for _, tag := range a.Tags {
		if kind, ok := annotationKinds[strings.ToLower(strings.TrimSpace(tag))]; ok {
			e.Kind = kind
			continue
		}
		at := strings.IndexAny(tag, ":=")
		if at < 1 || at == len(tag)-1 {
			continue // some other tag
		}
		e.Match = append(e.Match, Matcher{Name: strings.TrimSpace(tag[:at]), Value: strings.TrimSpace(tag[at+1:]), IsEqual: true})
	}
	if len(e.Match) == 0 {
		return e, omen.WithHint(fmt.Errorf("annotation %q: no tag says which hosts it is of: %w", clip(a.Text), omen.ErrInvalid),
			`add a tag with a label and its value, such as "job:shop" or "host:web-1"`)
	}
	return e, e.Validate()
}
