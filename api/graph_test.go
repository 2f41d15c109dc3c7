package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/omenhq/omen"
)

// The route hands the path's incident and the signature to the drawer; what
// that refuses is answered by status, in JSON.
func TestGraphRoute(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		code  int
		media string
	}{
		"drawn": {nil, 200, "image/png"}, "forged": {omen.ErrDenied, 403, ""}, "unknown": {omen.ErrNotFound, 404, ""},
		"empty": {omen.ErrTooFew, 404, ""}, "busy": {omen.ErrUnavailable, 503, ""}, "without charts": {errors.ErrUnsupported, 501, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			New(Options{Runtime: &fixture{refuse: c.err}}).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/omen/incidents/a7/graph.png?sig=s", nil))
			if c.media == "" {
				c.media = mediaProblem
			}
			if w.Code != c.code || w.Header().Get("Content-Type") != c.media || c.err == nil != (w.Body.String() == "a7 s") {
				t.Errorf("%d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
		})
	}
}
