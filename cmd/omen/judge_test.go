package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

func TestJudge(t *testing.T) {
	var paths []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ By, Verdict string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.By != "ann" || body.Verdict != "not_a_problem" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %+v, %v", r.URL.Path, body, err)
		}
		paths = append(paths, r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "/preview") {
			_, _ = w.Write([]byte(`{"previews":[{"pattern":{"host":{"name":"web-1"},"text":"at any time"},"vanish":[{"id":"i1"},{"id":"i2"}],"lost":[{"id":"i2"}]}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"id":"i1"}`))
	}))
	defer srv.Close()
	var out bytes.Buffer
	e := &env{ctx: t.Context(), out: &out}
	c := judgeCmd{asked: asked{Incident: "i1", By: "ann", at: at{URL: srv.URL}}, Verdict: "not-a-problem", Preview: true}
	must.OK(t, c.Run(e))
	if len(paths) != 1 || !strings.Contains(out.String(), "2 incidents") || strings.Count(out.String(), "CONFIRMED AS REAL") != 1 {
		t.Errorf("preview asked %q and says %s", paths, out.String())
	}
	c.Preview = false
	must.OK(t, c.Run(e))
	if len(paths) != 3 || paths[2] != "/api/v1/omen/incidents/i1/verdict" || !strings.Contains(out.String(), "i1 is judged not-a-problem by ann") {
		t.Errorf("asked %q and says %s", paths, out.String())
	}
}
