package api

import (
	"errors"
	"net/http"

	"github.com/omenhq/omen"
)

const mediaPNG = "image/png"

// graphRoutes is the chart that channels fetch for a message.
func (a *API) graphRoutes() []route {
	return []route{{
		method: "GET", path: base + "/incidents/{id}/graph.png",
		summary: "An incident's score and causes as a chart, for the signed links in messages",
		query:   []param{{"sig", "the signature in a message's link; valid for this incident until it expires"}}, answerMedia: mediaPNG, raw: a.getGraph, public: true,
	}}
}

func (a *API) getGraph(w http.ResponseWriter, r *http.Request) {
	png, err := a.live.Chart(r.Context(), r.PathValue("id"), r.URL.Query().Get("sig"))
	switch {
	case errors.Is(err, omen.ErrDenied):
		answer(w, http.StatusForbidden, Error{Error: err.Error(), Hint: "only links in messages open this chart, and only for a while"})
	case errors.Is(err, omen.ErrTooFew):
		answer(w, http.StatusNotFound, Error{Error: err.Error()})
	case err != nil:
		a.fail(w, r, err)
	default:
		w.Header().Set("Content-Type", mediaPNG)
		w.Header().Set("Cache-Control", "private, max-age=60")
		w.Header().Set("X-Robots-Tag", "noindex")
		_, _ = w.Write(png)
	}
}
