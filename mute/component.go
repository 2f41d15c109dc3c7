package mute

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	ics "github.com/arran4/golang-ical"
)

// MaxCalendar is how many bytes a calendar has at most; a larger one is refused.
const MaxCalendar = 4 << 20

// Bounds of what is in a calendar.
const (
	maxComponents = 10_000
	maxNested     = 8
)

type property = ics.BaseProperty

// component is a part of an iCalendar file, such as VEVENT.
type component struct {
	name       string
	properties map[string][]*property // by name
	parts      []*component
	zone       string // of its calendar, X-WR-TIMEZONE: what its floating times mean
	bad        error  // a line that cannot be read; the others can
}

// readComponents takes a calendar apart into its components. golang-ical
// unfolds the lines and reads them; its own parser gives up a whole calendar
// for one line that it cannot read.
func readComponents(text []byte) ([]*component, error) {
	if len(text) > MaxCalendar {
		return nil, fmt.Errorf("it has more than %d bytes", MaxCalendar)
	}
	stream := ics.NewCalendarStream(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	file := &component{properties: map[string][]*property{}}
	path, count := []*component{file}, 0
	for end := error(nil); end == nil; {
		var line *ics.ContentLine
		if line, end = stream.ReadLine(); line == nil || strings.TrimSpace(string(*line)) == "" {
			continue
		}
		c := path[len(path)-1]
		p, err := ics.ParseProperty(ics.ContentLine(strings.ToValidUTF8(string(*line), "\ufffd")))
		if p == nil {
			c.bad = errors.Join(c.bad, fmt.Errorf("%q is not NAME:VALUE", clip(string(*line))), err)
			continue
		}
		p.IANAToken = strings.ToUpper(p.IANAToken)
		switch value := strings.ToUpper(strings.TrimSpace(p.Value)); {
		case p.IANAToken == "BEGIN":
			part := &component{name: value, properties: map[string][]*property{}}
			c.parts, path, count = append(c.parts, part), append(path, part), count+1
			if len(path) > maxNested || count > maxComponents {
				return nil, errors.New("it has too many parts")
			}
		case p.IANAToken == "END" && (value != c.name || c == file):
			return nil, fmt.Errorf("END:%s without its BEGIN", clip(value))
		case p.IANAToken == "END":
			path = path[:len(path)-1]
		default:
			c.properties[p.IANAToken] = append(c.properties[p.IANAToken], p)
		}
	}
	if len(path) > 1 || len(file.parts) == 0 || file.parts[0].name != "VCALENDAR" {
		return nil, errors.New("no complete VCALENDAR")
	}
	var all []*component
	for _, calendar := range file.parts {
		for _, c := range calendar.parts {
			if strings.EqualFold(calendar.value("METHOD"), "CANCEL") {
				c.bad = errors.Join(c.bad, errors.New("its calendar cancels it (METHOD:CANCEL)"))
			}
			c.zone = strings.TrimSpace(calendar.value("X-WR-TIMEZONE"))
			all = append(all, c)
		}
	}
	return all, nil
}

// first is the first property of a name; nil if there is none.
func (c *component) first(name string) *property {
	if found := c.properties[name]; len(found) > 0 {
		return found[0]
	}
	return nil
}

// value is that of the first property of a name; empty if there is none.
func (c *component) value(name string) string {
	if p := c.first(name); p != nil {
		return p.Value
	}
	return ""
}

// parameter is the value of a property's parameter, whatever its case.
func parameter(p *property, name string) string {
	for key, values := range p.ICalParameters {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func clip(s string) string { return cut(s, 60) }

// cut is a text of at most so many bytes, and a mark if there were more.
func cut(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
