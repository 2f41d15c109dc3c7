package api

import (
	"net/http"
	"time"

	"github.com/omenhq/omen"
)

const (
	weekSpan   = 7 * 24 * time.Hour
	trustWeeks = 12
)

// TrustWeek is what people were notified of in a week.
type TrustWeek struct {
	From      Instant `json:"from" null:"never"`
	To        Instant `json:"to" null:"never"`
	HostWeeks Number  `json:"host_weeks" null:"never" doc:"for how long the hosts that are known now were watched in it, in weeks"`
	Notified  int     `json:"notified" doc:"incidents of hosts that began in it and that people were notified of, one of many hosts being one"`
	Real      int     `json:"real" doc:"of these, judged real"`
	Rejected  int     `json:"rejected" doc:"judged not a problem, or expected"`
	PerHost   Number  `json:"per_host_week" doc:"those that nobody judged real, per host and week; null while less than a day was watched"`
}

// TrustWeeks sets what was promised beside what was notified.
type TrustWeeks struct {
	Promised Number          `json:"promised_per_host_week" null:"never" doc:"by the configuration of now, whatever it was then"`
	Weeks    List[TrustWeek] `json:"weeks" doc:"the last twelve times seven days, the oldest first"`
}

func (a *API) getTrustWeeks(r *http.Request) (any, error) {
	var host omen.Host
	hosts := a.live.Hosts()
	if name := r.URL.Query().Get("host"); name != "" {
		h, err := a.find(name)
		if err != nil {
			return nil, err
		}
		host, hosts = h.Host, []omen.HostStatus{h}
	}
	begin, err := a.settings.FirstRun(r.Context())
	if err != nil {
		return nil, err
	}
	to := time.Now().UTC()
	from := to.Add(-trustWeeks * weekSpan)
	counted, err := a.store.CountNotified(r.Context(), host, from, to, weekSpan)
	if err != nil {
		return nil, err
	}
	promised, _ := a.live.Pages(hosts)
	out := TrustWeeks{Promised: Number(promised.Promised), Weeks: make(List[TrustWeek], trustWeeks)}
	for i := range out.Weeks {
		w := &out.Weeks[i]
		since, until := from.Add(time.Duration(i)*weekSpan), from.Add(time.Duration(i+1)*weekSpan)
		w.From, w.To, w.PerHost = Instant(since), Instant(until), null
		for _, h := range hosts {
			if watched := until.Sub(omen.Later(since, omen.Later(begin, h.First))); watched > 0 {
				w.HostWeeks += Number(watched.Hours() / weekSpan.Hours())
			}
		}
	}
	for _, n := range counted {
		if n.Span >= trustWeeks {
			continue
		}
		w := &out.Weeks[n.Span]
		w.Notified += n.N
		switch n.Verdict {
		case omen.Real:
			w.Real += n.N
		case omen.NotAProblem, omen.Expected:
			w.Rejected += n.N
		}
	}
	for i := range out.Weeks {
		if w := &out.Weeks[i]; w.HostWeeks >= 1./7 {
			w.PerHost = Number(w.Notified-w.Real) / w.HostWeeks
		}
	}
	return out, nil
}
