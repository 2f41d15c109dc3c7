package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/api"
)

type forecastCmd struct {
	Host  string `arg:"" optional:"" help:"Only this host, by name or id."`
	All   bool   `help:"Also what is not expected to become full within 7 days."`
	Limit int    `help:"How many at most, up to 10000." default:"20" least:"1" most:"10000"`
	JSON  bool   `help:"Print what GET /api/v1/omen/forecasts answers, as JSON." name:"json"`
	at    `embed:""`
}

func (c *forecastCmd) Help() string {
	return `Examples:
  omen forecast                 what is full soonest, on every host
  omen forecast web-1 --all     everything of a host that has a limit`
}

func (c *forecastCmd) Run(e *env) error {
	q := url.Values{"limit": {strconv.Itoa(c.Limit)}, "likely": {strconv.FormatBool(!c.All)}}
	if c.Host != "" {
		q.Set("host", c.Host)
	}
	asks, err := c.running(e)
	if err != nil {
		return err
	}
	var all api.Forecasts
	if err := asks.Get(e.ctx, "forecasts?"+q.Encode(), &all); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e, all)
	}
	sayUnread(e, all.Unread)
	return c.print(e, all)
}

// sayUnread writes which limits cannot be read and why, those of one reason together.
func sayUnread(e *env, all []api.UnreadLimit) {
	type reason struct{ source, profile, why string }
	names := map[reason][]string{}
	var order []reason
	for _, u := range all {
		r := reason{u.Source, u.Profile, u.Why}
		if names[r] == nil {
			order = append(order, r)
		}
		names[r] = append(names[r], u.Limit)
	}
	for _, r := range order {
		fmt.Fprintf(e.out, "not read: %s of source %s, profile %s: %s\n", strings.Join(names[r], ", "), r.source, r.profile, r.why)
	}
}

// print writes what is forecast, and what is not and why.
func (c *forecastCmd) print(e *env, all api.Forecasts) error {
	switch forecast := all.Resources - all.Waiting; {
	case all.Resources == 0:
		fmt.Fprintln(e.out, "nothing with a limit was measured within the last minute: a host is first asked when it was scored, and may have nothing that its profile asks for; see omen check source")
		return nil
	case len(all.Forecasts) > 0:
	case forecast > 0:
		fmt.Fprintf(e.out, "nothing is expected to become full within 7 days (resources: %d)\n", forecast)
	}
	if err := c.table(e, all); err != nil {
		return err
	}
	if all.Note != "" {
		fmt.Fprintln(e.out, all.Note)
	}
	return nil
}

func (c *forecastCmd) table(e *env, all api.Forecasts) error {
	if len(all.Forecasts) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "host\tresource\tused\tof\tfull in\tbetween, or on (UTC)\twithin 4 h\twithin 24 h\twithin 7 d")
	percent := func(p api.Number) string { return omen.Ratio.Format(float64(p)) }
	for _, f := range all.Forecasts {
		in, between := "–", "–"
		switch {
		case !time.Time(f.Expires).IsZero():
			between = time.Time(f.Expires).UTC().Format("2006-01-02 15:04")
			if in = "expired"; !f.Exhausted {
				in = omen.Soon(seconds(f.Full))
			}
		case f.Exhausted:
			in = "full now"
		case float64(f.Full) > 0:
			in = omen.Soon(seconds(f.Full))
			between = omen.Soon(seconds(f.Early)) + " and " + omen.Soon(seconds(f.Late))
		}
		used, of := "–", "–"
		if time.Time(f.Expires).IsZero() {
			used, of = percent(f.Used/f.Limit), f.Unit.Format(float64(f.Limit))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", middle(f.Host.Name), f.Title, used, of, in, between,
			percent(f.P[omen.Within4h]), percent(f.P[omen.Within24h]), percent(f.P[omen.Within7d]))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if more := all.Total - len(all.Forecasts); more > 0 {
		fmt.Fprintf(e.out, "and %d more: --limit=%d\n", more, all.Total)
	}
	return nil
}

func seconds(n api.Number) time.Duration { return time.Duration(float64(n) * float64(time.Second)) }
