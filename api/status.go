package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

func (a *API) getSources(*http.Request) (any, error) {
	return Sources{each(a.live.Sources(), toSource)}, nil
}

func (a *API) getStatus(r *http.Request) (any, error) {
	hosts := a.live.Hosts()
	out := Status{
		Version: a.version, StartedAt: Instant(a.started), UptimeSeconds: Number(time.Since(a.started).Seconds()),
		Ready: true, Hosts: counts(hosts), Sources: each(a.live.Sources(), toSource),
		UncleanShutdown: a.store.Unclean(), Unauthenticated: a.access.Unauthenticated() != "", UnauthenticatedRole: a.access.Unauthenticated(),
		TimeZone: a.zone.String(),
	}
	if err := a.live.Ready(); err != nil {
		out.Ready, out.Waiting = false, err.Error()
	}
	learning(&out, hosts)
	p, _ := a.live.Pages(hosts)
	out.Pages = &AllPages{
		Promised: Number(p.Promised), Actual: Number(p.PerWeek()), Opened: p.Opened, Hosts: p.Hosts, Days: Number(p.Days),
	}
	open, err := a.store.OpenIncidents(r.Context())
	if err != nil {
		return nil, err
	}
	for _, in := range open {
		switch {
		case in.Fleet != "":
		case in.Suppressed == "":
			out.OpenIncidents++
		default:
			out.QuietIncidents++
		}
	}
	return out, nil
}

// learning fills in what is being learned and when the first model is due.
func learning(out *Status, hosts []omen.HostStatus) {
	var due time.Time
	for _, h := range hosts {
		if h.Training.Running {
			out.TrainingHosts++
			if len(out.Training) < 20 {
				out.Training = append(out.Training, toRef(h.Host))
			}
		}
		if h.Model.ID != "" {
			continue
		}
		out.FirstModelHosts++
		if d := h.Training.NextDue; !d.IsZero() && (due.IsZero() || d.Before(due)) {
			due = d
		}
		if h.Training.Running && Number(h.Training.Progress) > out.Progress {
			out.Progress = Number(h.Training.Progress)
		}
	}
	out.FirstModelDue = Instant(due)
	out.Anew = each(omen.TrainedAnew(hosts), func(n omen.Anew) Anew {
		return Anew{Source: n.Source, Profile: n.Profile, Hosts: n.Hosts, Why: n.Why, Text: n.String()}
	})
	slices.SortFunc(out.Training, func(x, y HostRef) int { return strings.Compare(x.ID, y.ID) })
}

func (a *API) getModels(r *http.Request) (any, error) {
	every, err := boolParam(r.URL.Query().Get("all"), "all", false)
	if err != nil {
		return nil, err
	}
	all, err := a.store.Models(r.Context(), omen.Host{})
	if err != nil {
		return nil, err
	}
	if !every {
		all = slices.DeleteFunc(all, func(m omen.ModelInfo) bool { return !m.Serving })
	}
	return Models{each(all, func(m omen.ModelInfo) Model { return toModel(m, false) })}, nil
}

func (a *API) getHostModels(r *http.Request) (any, error) {
	h, err := a.hostParam(r.PathValue("host"))
	if err != nil {
		return nil, err
	}
	all, err := a.store.Models(r.Context(), h)
	if err != nil {
		return nil, err
	}
	return Models{each(all, func(m omen.ModelInfo) Model { return toModel(m, true) })}, nil
}

func (a *API) healthy(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "Omen is alive.")
}

func (a *API) ready(w http.ResponseWriter, _ *http.Request) {
	if err := a.live.Ready(); err != nil {
		plain(w, http.StatusServiceUnavailable, "Omen is not ready: "+err.Error())
		return
	}
	plain(w, http.StatusOK, "Omen is ready.")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

func (a *API) reload(r *http.Request) (any, error) {
	return Done{Done: true}, a.live.Reload(r.Context())
}
