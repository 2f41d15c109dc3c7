package event_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/event"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestBoots(t *testing.T) {
	schema := must.Get(feature.NewSchema(feature.Node()))(t)
	const min, day = time.Minute, 24 * time.Hour
	d, uptimes := event.New("prod", schema), [2]event.Uptime{}
	for _, c := range []struct {
		at, up time.Duration
		hosts  []int
		want   string // kind, machines, when
	}{
		{0, day, []int{1, 2}, ""},                                 // first seen, and up for long
		{min, day + min - 9*time.Second, []int{1, 2}, ""},         // rounded
		{3 * min, 2 * min, []int{1, 2}, "boot 2 1m0s"},            // both at once are one event
		{3*min + time.Second, 2*min + time.Second, []int{1}, ""},  // that goes on
		{10 * min, 100 * time.Second, []int{1}, "boot 1 8m20s"},   // again
		{20 * min, 80 * time.Second, []int{1}, "boot 1 18m40s"},   // the third within an hour
		{30 * min, 60 * time.Second, []int{1}, "note 1 29m0s"},    // a loop: no more grace
		{40 * min, 40 * time.Second, []int{1}, ""},                // nor another note
		{90 * min, 20 * time.Second, []int{1}, "boot 1 1h29m40s"}, // an hour later, as before
	} {
		for _, n := range c.hosts {
			name := fmt.Sprintf("web-%d:9100", n)
			f := series.NewFrame([]string{name}, []string{feature.UptimeColumn}, noon.Add(c.at), time.Second, 1)
			f.Set(0, 0, 0, c.up.Seconds())
			id := omen.Host{Source: "prod", Profile: "node", Name: name}
			d.Boot(event.Host{ID: id, Labels: map[string]string{"instance": name}, Uptime: &uptimes[n-1]}, f, 0, noon.Add(c.at))
		}
		got := ""
		for _, e := range d.Events(d.Take(), nil) {
			got += fmt.Sprint(e.Kind, " ", e.Machines, " ", e.At.Sub(noon))
		}
		if got != c.want {
			t.Errorf("after %s: %q, want %q", c.at, got, c.want)
		}
	}
}

func ExampleDetector() {
	schema, _ := feature.NewSchema(feature.Node())
	d := event.New("prod", schema)
	host := event.Host{
		ID:     omen.Host{Source: "prod", Profile: "node", Name: "web-1:9100"},
		Labels: map[string]string{"instance": "web-1:9100"}, Uptime: &event.Uptime{},
	}
	frame := series.NewFrame([]string{"web-1:9100"}, []string{feature.UptimeColumn}, noon, time.Second, 1)
	frame.Set(0, 0, 0, 90) // up for 90 seconds when first seen
	d.Boot(host, frame, 0, noon)
	for _, e := range d.Events(d.Take(), nil) {
		fmt.Println(e.Kind, e.Title, e.At.Format(time.TimeOnly), e.Match[1])
	}
	// Output: boot booted 11:58:30 instance=~"(web-1)(:[0-9]+)?"
}
