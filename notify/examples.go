package notify

import (
	"fmt"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/notify/message"
)

// example is a message with which templates are tried before anything happens.
type example struct {
	name    string
	opened  bool // something is open: no text may be blank
	message message.Message
}

// examples are the kinds of messages that there are.
func examples(view message.View, now time.Time) []example {
	view.Hosts = nil
	opened := omen.Incident{
		ID: "example", Kind: omen.HostIncident, Host: omen.Host{Source: "local", Profile: "node", Name: "web-1:9100"}, State: omen.Open,
		Severity: omen.Critical, Grade: omen.Established, Since: now.Add(-8 * time.Minute), OpenedAt: now.Add(-7 * time.Minute), UpdatedAt: now,
		Score: 4.2, Peak: 6.1, Reason: omen.ReasonAnomalous, ChangeNumber: 1, Causes: exampleCauses(),
	}
	with := func(f func(*omen.Incident)) omen.Incident {
		in := opened.Clone()
		f(&in)
		return in
	}
	closed := with(func(in *omen.Incident) { in.State, in.ClosedAt, in.Reason = omen.Closed, now, omen.ReasonRecovered })
	bare := with(func(in *omen.Incident) { in.Causes = nil })
	fleet := with(func(in *omen.Incident) {
		in.Kind, in.Members = omen.FleetIncident, []omen.Host{in.Host, {Name: "web-2:9100"}}
	})
	source := with(func(in *omen.Incident) {
		in.Kind, in.Host, in.Causes, in.Summary = omen.SourceIncident, omen.Host{Source: "prod"}, nil, "source prod cannot be read"
	})
	own := with(func(in *omen.Incident) {
		in.Kind, in.Host, in.Causes, in.Summary, in.Trouble = omen.OwnIncident, omen.Host{}, nil, "a receiver refuses messages", "example"
	})
	full := with(func(in *omen.Incident) {
		in.Kind, in.Score, in.Peak, in.Causes, in.Reason = omen.ForecastIncident, 0, 0, nil, omen.ReasonForecast
		in.Forecast = &omen.Outlook{
			Resource: omen.Resource{Host: in.Host, Name: "filesystem_space", Where: "/var"}, Title: "/var", Unit: omen.Bytes,
			Forecast: omen.Forecast{
				At: now, Used: 83e9, Limit: 100e9, P: [5]float64{.1, .7, .9, .9, .95}, Full: 3 * time.Hour, Early: 90 * time.Minute, Late: 6 * time.Hour,
				Rate: 5.7e9 / 3600, Since: now.Add(-2 * time.Hour), Days: 14,
			},
		}
		in.Summary = in.Forecast.String()
	})
	return []example{
		exampleOf("a forecast", view, now, false, full),
		exampleOf("an incident that opened", view, now, false, opened), exampleOf("an incident without causes", view, now, false, bare),
		exampleOf("a fleet incident", view, now, false, fleet), exampleOf("a source that is down", view, now, false, source),
		exampleOf("trouble of Omen's own", view, now, false, own), exampleOf("several incidents", view, now, false, opened, closed, source),
		exampleOf("a storm", view, now, true, opened, bare, source), exampleOf("an incident that is over", view, now, false, closed),
	}
}

// exampleOf is the message about incidents that a queue would write.
func exampleOf(name string, view message.View, now time.Time, storm bool, all ...omen.Incident) example {
	q := newQueue(rules{channel: "example", view: view})
	out := &batch{groups: []*group{q.ownGroup(all[0])}, storm: storm}
	opened := false
	for i, in := range all {
		in.ID = fmt.Sprint(in.ID, i)
		e := &entry{in: in, due: []omen.Change{{Kind: omen.ChangeOpened, At: now, Incident: in}}}
		q.join(e, out.groups[0])
		out.entries = append(out.entries, e)
		opened = opened || in.State != omen.Closed
	}
	return example{name, opened, q.message(out, now)}
}

func exampleCauses() []omen.Cause {
	return []omen.Cause{
		{Feature: "disk_write", Unit: omen.BytesPerSecond, Share: .7, Actual: 240e6, Expected: 11e6, Lower: 8e6, Upper: 15e6},
		{Feature: "cpu_iowait", Unit: omen.Ratio, Share: .3, Actual: .41, Expected: .02, Lower: 0, Upper: .05},
	}
}
