package promapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/promapi"
	"github.com/omenhq/omen/series/sourcetest"
)

// The answers are those that Prometheus' documentation of its HTTP API shows.
func TestHandler(t *testing.T) {
	api := promapi.Handler(sourcetest.Store(t))
	at, from, to := sourcetest.Time(100).Unix(), sourcetest.Time(10).Unix(), sourcetest.Time(11).Unix()
	span := fmt.Sprintf("&start=%d&end=%d", sourcetest.Time(0).Unix(), sourcetest.Time(200).Unix())
	for name, tt := range map[string]struct {
		path   string
		form   string
		status int
		want   string
	}{
		"vector": {"query", fmt.Sprintf(`query=node_load1{instance="a"}&time=%d`, at), 200,
			fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"node_load1","instance":"a","job":"node"},"value":[%d,"100.25"]}]}}`, at)},
		"time as text": {"query", `query=vector(2)&time=2026-03-02T08:00:00Z`, 200,
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1772438400,"2"]}]}}`},
		"scalar": {"query", fmt.Sprintf("query=1/0&time=%d.5", at), 200,
			fmt.Sprintf(`{"status":"success","data":{"resultType":"scalar","result":[%d.500,"+Inf"]}}`, at)},
		"string": {"query", fmt.Sprintf(`query="hi"&time=%d`, at), 200,
			fmt.Sprintf(`{"status":"success","data":{"resultType":"string","result":[%d,"hi"]}}`, at)},
		"raw samples": {"query", fmt.Sprintf(`query=node_load1{instance="a"}[15s]&time=%d`, at), 200,
			fmt.Sprintf(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"node_load1","instance":"a","job":"node"},"values":[[%d,"100.25"]]}]}}`, at)},
		"nothing": {"query", fmt.Sprintf("query=nonsense&time=%d", at), 200, `{"status":"success","data":{"resultType":"vector","result":[]}}`},
		"range": {"query_range", fmt.Sprintf(`query=sum(node_load1)&start=%d&end=%d&step=15s`, from, to), 200,
			fmt.Sprintf(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[%d,"3030.75"],[%d,"3033.75"]]}]}}`, from, to)},
		"warning": {"query", fmt.Sprintf(`query=sum(quantile(2,node_load1{instance="a"}))&time=%d`, at), 200,
			fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%d,"+Inf"]}]},"warnings":["PromQL warning: quantile value should be between 0 and 1, got 2 (1:14)"]}`, at)},
		"series": {"series", `match[]=node_swap_bytes&match[]=node_load1{instance="b"}` + span, 200,
			`{"status":"success","data":[{"__name__":"node_load1","instance":"b","job":"node"},{"__name__":"node_swap_bytes","instance":"a","job":"node"}]}`},
		"labels":         {"labels", `match[]=node_disk_io` + span, 200, `{"status":"success","data":["__name__","device","instance","job"]}`},
		"values":         {"label/instance/values", span[1:], 200, `{"status":"success","data":["a","b","c"]}`},
		"first value":    {"label/instance/values", "limit=1", 200, `{"status":"success","data":["a"],"warnings":["results truncated due to limit"]}`},
		"values of none": {"label/nothing/values", "", 200, `{"status":"success","data":[]}`},
		"metadata":       {"metadata", "", 200, `{"status":"success","data":{}}`},
		"parse error": {"query", "query=sum(", 400,
			`{"status":"error","errorType":"bad_data","error":"1:5: parse error: unclosed left parenthesis"}`},
		"many to many": {"query", fmt.Sprintf("query=node_load1*on(job)node_load1&time=%d", at), 422, ``},
		"bad time":     {"query", "query=1&time=soon", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": cannot parse \"soon\" to a valid timestamp"}`},
		"no start":     {"query_range", "query=1&end=1&step=1", 400, ``},
		"backwards":    {"query_range", "query=1&start=2&end=1&step=1", 400, ``},
		"no step":      {"query_range", "query=1&start=1&end=2&step=0", 400, ``},
		"too fine":     {"query_range", "query=1&start=0&end=11001&step=1", 400, ``},
		"no matcher":   {"series", "", 400, ``},
		"bad matcher":  {"series", "match[]={", 400, ``},
		"bad limit":    {"labels", "limit=-1", 400, ``},
		"unknown path": {"targets", "", 404, ``},
	} {
		t.Run(name, func(t *testing.T) {
			form := must.Get(url.ParseQuery(escape(tt.form)))(t)
			get := httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/"+tt.path+"?"+form.Encode(), nil)
			requests := []*http.Request{get}
			if !strings.Contains(tt.path, "label/") {
				post := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/"+tt.path, strings.NewReader(form.Encode()))
				post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				requests = append(requests, post)
			}
			for _, r := range requests {
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				if w.Code != tt.status {
					t.Fatalf("%s: status %d, want %d: %s", r.Method, w.Code, tt.status, w.Body)
				}
				if tt.want != "" {
					if diff := cmp.Diff(tt.want, w.Body.String()); diff != "" {
						t.Errorf("%s (-want +got):\n%s", r.Method, diff)
					}
				}
				if tt.status != 404 && !json.Valid(w.Body.Bytes()) {
					t.Errorf("%s: not JSON: %s", r.Method, w.Body)
				}
			}
		})
	}
}

// escape writes a form as the tests' authors do not.
func escape(form string) string {
	return strings.NewReplacer(" ", "%20", "+", "%2B", `"`, "%22", "{", "%7B", "}", "%7D").Replace(form)
}

func TestClosedStore(t *testing.T) {
	db := sourcetest.Store(t)
	must.OK(t, db.Close())
	for _, path := range []string{"query?query=up", "labels"} {
		w := httptest.NewRecorder()
		promapi.Handler(db).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/"+path, nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d, want 503: %s", path, w.Code, w.Body)
		}
	}
}
