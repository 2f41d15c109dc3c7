package series_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/config"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

// instant is a query of the fixture.
var instant = series.Query{Exprs: sourcetest.Exprs(), Start: sourcetest.Start, End: sourcetest.Start}

// says answers every request with one body.
func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the test's client is gone
	}
}

// packed answers with gzip, if that is asked for.
func packed(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			http.Error(w, "not asked for gzip", http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, body) // the test's client is gone
		_ = z.Close()                  // and here
	}
}

// A source that gives nothing at all: the error's kind, what it says, and what
// its hint says.
func TestRemoteBadAnswers(t *testing.T) {
	const js = "application/json"
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		kind    error
		want    string
		hint    string
	}{
		"unauthorized":     {says(401, "text/plain", "who are you?\n"), omen.ErrDenied, "who are you?", "basic_auth"},
		"forbidden":        {says(403, js, `{"status":"error"}`), omen.ErrDenied, "403", "credentials are known"},
		"a web page":       {says(200, "text/html; charset=utf-8", "<html>"), omen.ErrUnavailable, "web page", "/api/v1"},
		"not there":        {says(404, "text/plain", "404 page not found"), omen.ErrUnavailable, "404", "/api/v1"},
		"a page not there": {says(404, "text/html", "<html>"), omen.ErrUnavailable, "404", "/api/v1"},
		"cut short":        {says(200, js, `{"status":"success","data":{"resultType":"vector","result":[{"met`), omen.ErrUnavailable, "cannot be read", "cut the answer short"},
		"not JSON":         {says(200, js, `hello`), omen.ErrUnavailable, "cannot be read", "cut the answer short"},
		"no result":        {says(200, js, `{}`), omen.ErrUnavailable, "cannot be read", "cut the answer short"},
		"server error":     {says(500, "text/plain", "out of memory"), omen.ErrUnavailable, "out of memory", "log"},
		"starting":         {says(503, js, `{"status":"error","errorType":"unavailable","error":"Service Unavailable"}`), omen.ErrUnavailable, "Unavailable", "log"},
		"bad gateway":      {says(502, "text/html", "<html>"), omen.ErrUnavailable, "502", "server behind it"},
		"no server":        {says(503, "text/html", "<html>"), omen.ErrUnavailable, "503", "server behind it"},
		"asked too often":  {says(429, "text/html", "<html>"), omen.ErrUnavailable, "429", "how often"},
		"refuses query":    {says(400, js, `{"status":"error","errorType":"bad_data","error":"parse error"}`), omen.ErrInvalid, "parse error", ""},
		"scalar":           {says(200, js, `{"status":"success","data":{"resultType":"scalar","result":[1772438400,"1"]}}`), omen.ErrInvalid, "scalar", ""},
		"histogram": {says(200, js, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"histogram":[1772438400,{"count":"1","sum":"1"}]}]}}`),
			omen.ErrInvalid, "histogram", ""},
		"too large": {says(200, js, `{"status":"success","data":{"x":"`+strings.Repeat("x", 5000)+`"}}`), omen.ErrInvalid, "too many samples", "aggregate"},
		"bomb":      {packed(`{"status":"success","data":{"x":"` + strings.Repeat("x", 5000) + `"}}`), omen.ErrInvalid, "too many samples", "aggregate"},
		"packed badly": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			says(200, js, "{}")(w, r)
		}, omen.ErrUnavailable, "cannot be read", "cut the answer short"},
		"endless forward": {http.RedirectHandler("/", http.StatusTemporaryRedirect).ServeHTTP, omen.ErrUnavailable, "redirects", "address"},
		"moved":           {http.RedirectHandler("/prom/api/v1/query?x=1", http.StatusMovedPermanently).ServeHTTP, omen.ErrUnavailable, "301", "/prom"},
		"found":           {http.RedirectHandler("https://h.example/api/v1/query", http.StatusFound).ServeHTTP, omen.ErrUnavailable, "302", "use the address that it forwards to: https://h.example"},
		"login":           {http.RedirectHandler("/login?next=/api/v1/query", http.StatusFound).ServeHTTP, omen.ErrUnavailable, "302", "/login, which is no query API"},
	} {
		t.Run(name, func(t *testing.T) {
			r := sourcetest.Serve(t, tt.handler, series.RemoteOptions{MaxBytes: 4000})
			_, err := r.Read(t.Context(), instant)
			if !errors.Is(err, tt.kind) {
				t.Fatalf("err %v, want one that wraps %q", err, tt.kind)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(omen.Hint(err), tt.hint) {
				t.Errorf("err %q with hint %q, want %q and %q", err, omen.Hint(err), tt.want, tt.hint)
			}
			if !strings.Contains(err.Error(), r.Address()) {
				t.Errorf("err %q does not name the source", err)
			}
		})
	}
}

func TestRemoteUnreachable(t *testing.T) {
	plain, unknown := httptest.NewServer(says(200, "text/plain", "")), httptest.NewUnstartedServer(says(200, "text/plain", ""))
	defer plain.Close()
	unknown.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) // it complains of what is tested here
	unknown.StartTLS()
	defer unknown.Close()
	noToken := &config.HTTPClientConfig{Authorization: &config.Authorization{Type: "Bearer", CredentialsFile: t.TempDir() + "/token"}}
	for name, tt := range map[string]struct {
		url, hint string
		http      *config.HTTPClientConfig
	}{
		"nobody listens":    {url: "http://127.0.0.1:1", hint: "nothing listens"},
		"unknown host":      {url: "http://no-such-host.invalid:9090", hint: "host name is unknown"},
		"TLS without":       {url: strings.Replace(plain.URL, "http:", "https:", 1), hint: "http://"},
		"with TLS only":     {url: strings.Replace(unknown.URL, "https:", "http:", 1), hint: "write https://"},
		"unknown authority": {url: unknown.URL, hint: "ca_file"},
		"no token":          {url: plain.URL, hint: "http_config: see that it is there", http: noToken},
	} {
		t.Run(name, func(t *testing.T) {
			r := sourcetest.Serve(t, nil, series.RemoteOptions{URL: tt.url, HTTP: tt.http})
			_, err := r.Read(t.Context(), instant)
			if !errors.Is(err, omen.ErrUnavailable) || !strings.Contains(omen.Hint(err), tt.hint) {
				t.Errorf("err %v with hint %q, want ErrUnavailable and %q", err, omen.Hint(err), tt.hint)
			}
		})
	}
}

// A source that hangs costs a few time-outs, not one for each feature.
func TestRemoteHangs(t *testing.T) {
	// A server of its own for each part: a question whose asker has given up
	// may reach it late.
	hanging := func() (*series.Remote, *atomic.Int32) {
		asked := new(atomic.Int32)
		return sourcetest.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			asked.Add(1)
			_, _ = io.Copy(io.Discard, req.Body) // so that the server notices the client going
			<-req.Context().Done()
		}), series.RemoteOptions{Timeout: 50 * time.Millisecond}), asked
	}
	r, asked := hanging()
	var exprs []series.Expr
	for i := range 100 {
		exprs = append(exprs, series.Expr{Feature: fmt.Sprint("f", i), PromQL: "vector(1)"})
	}
	_, err := r.Read(t.Context(), series.Query{Exprs: exprs, Start: sourcetest.Start, End: sourcetest.Start, Window: time.Minute})
	if !errors.Is(err, omen.ErrUnavailable) || !strings.Contains(err.Error(), "no answer in time") || !strings.Contains(omen.Hint(err), "overloaded") {
		t.Errorf("err %v with hint %q, want a time-out", err, omen.Hint(err))
	}
	// Four at once; by the time the fourth has failed, others may have begun.
	if n := asked.Load(); n > 8 {
		t.Errorf("asked %d times, want no more than eight", n)
	}
	// With an interval to measure first, that one question is enough.
	r, asked = hanging()
	_, err = r.Read(t.Context(), instant)
	if n := asked.Load(); n > 1 || !errors.Is(err, omen.ErrUnavailable) || omen.Hint(err) == "" { // none: it was on its way
		t.Errorf("asked %d times, want no more than once; err %v", n, err)
	}
}

// An answer that begins in time and does not end in time is one that a smaller
// question may have: each of them is asked in smaller pieces.
func TestRemoteHangsWithinAnAnswer(t *testing.T) {
	r := sourcetest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_ = req.ParseForm() // reads the body, so that the server notices the client going
		says(200, "application/json", `{"status":"success","data":{"resultType":"matrix","result":[`)(w, req)
		_ = http.NewResponseController(w).Flush() // the client may be gone
		<-req.Context().Done()
	}), series.RemoteOptions{Timeout: 100 * time.Millisecond, Concurrency: 1})
	for range 10 {
		_, err := r.Read(t.Context(), series.Query{Exprs: instant.Exprs[:1], Start: sourcetest.Start, End: sourcetest.Start.Add(time.Hour), Step: time.Minute, Window: time.Minute})
		if !errors.Is(err, series.ErrTooMuch) || !errors.Is(err, omen.ErrUnavailable) || !strings.Contains(err.Error(), "no answer in time") {
			t.Fatalf("err %v, want a time-out", err)
		}
	}
}

// fake answers like Prometheus, from a function of the query, and counts.
func fake(answer func(query string, form url.Values) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		says(200, "application/json", answer(r.FormValue("query"), r.Form))(w, r)
	}
}

func vector(samples string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + samples + `]}}`
}

// Servers and proxies that answer in ways of their own are read as any other.
func TestRemoteOddAnswers(t *testing.T) {
	at := sourcetest.Start
	body := vector(fmt.Sprintf(`{"metric":{"instance":"a"},"value":[%d,"7"]}`, at.Unix()))
	good := says(200, "application/json", body)
	notPOST := func(refuse http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				refuse(w, r)
			} else {
				good(w, r)
			}
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"gzip":              packed(body),
		"POST not allowed":  notPOST(says(405, "text/html", "<html>")),
		"POST forbidden":    notPOST(says(403, "text/html", "<html>")),
		"POST not there":    notPOST(says(404, "text/plain", "404 page not found")),
		"POST has a body":   notPOST(says(411, "text/html", "<html>")),
		"POST of a form":    notPOST(says(415, "application/json", `{"message":"unsupported media type"}`)),
		"information apart": says(200, "application/json", strings.Replace(body, `"data"`, `"infos":["PromQL info: metric might not be a counter"],"data"`, 1)),
		"not partial":       says(200, "application/json", strings.Replace(body, `"data"`, `"isPartial":false,"data"`, 1)),
		"moved, same method": func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/api/") {
				http.Redirect(w, r, "/new"+r.URL.Path, http.StatusPermanentRedirect)
			} else {
				fake(func(query string, _ url.Values) string { return strings.Repeat(body, strings.Count(query, "x")) })(w, r)
			}
		},
		"information": says(200, "application/json", strings.Replace(body, `"data"`,
			`"warnings":["PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"x\" (1:6)"],"data"`, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			r := sourcetest.Serve(t, handler, series.RemoteOptions{})
			f, err := r.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: at, End: at, Window: time.Minute})
			if err != nil {
				t.Fatalf("%v, hint %q", err, omen.Hint(err))
			}
			if len(f.Failed) > 0 || len(f.Hosts) != 1 || f.At(0, 0, 0) != 7 {
				t.Errorf("hosts %v, failed %v, want 7 of one", f.Hosts, f.Failed)
			}
		})
	}
}

// One feature may fail in any way; the others stay usable.
func TestRemoteHalfAnswers(t *testing.T) {
	at := sourcetest.Start
	good := fmt.Sprintf(`{"metric":{"instance":"a"},"value":[%d,"7"]}`, at.Unix())
	for name, tt := range map[string]struct{ answer, want string }{
		"error":       {`{"status":"error","errorType":"execution","error":"many-to-many"}`, "many-to-many"},
		"cut short":   {`{"status":"success","data":{"resultType":"vec`, "cannot be read"},
		"flagged":     {strings.Replace(vector(good), `"data"`, `"isPartial":true,"data"`, 1), "isPartial"},
		"warning":     {strings.Replace(vector(good), `"data"`, `"warnings":["store 2 is down"],"data"`, 1), "store 2 is down"},
		"no label":    {vector(fmt.Sprintf(`{"metric":{},"value":[%d,"7"]}`, at.Unix())), "without the label instance"},
		"other times": {vector(fmt.Sprintf(`{"metric":{"instance":"a"},"value":[%d,"7"]}`, at.Unix()+3600)), "not asked for"},
		"two series": {vector(good + fmt.Sprintf(`,{"metric":{"instance":"a","device":"sda"},"value":[%d,"8"]}`, at.Unix())),
			"several series that disagree, such as a"},
		"too large": {vector(strings.Repeat(" ", 5000)), "too many samples"},
	} {
		t.Run(name, func(t *testing.T) {
			r := sourcetest.Serve(t, fake(func(query string, _ url.Values) string {
				if query == "bad" {
					return tt.answer
				}
				return vector(good)
			}), series.RemoteOptions{MaxBytes: 4000})
			f := must.Get(r.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "bad", PromQL: "bad"}, {Feature: "good", PromQL: "good"}}, Start: at, End: at}))(t)
			if f.Failed["good"] != nil || f.At(f.Host("a"), 0, 1) != 7 {
				t.Errorf("the good feature: %v, %v", f.Failed["good"], f.Row(0, 0))
			}
			if f.Failed["bad"] == nil || !strings.Contains(f.Failed["bad"].Error(), tt.want) {
				t.Errorf("the bad feature: %v, want %q", f.Failed["bad"], tt.want)
			}
		})
	}
}

// Answers are bounded together: four that fit one by one do not at once, and
// those of the other features stay usable.
func TestRemoteAnswersShareABudget(t *testing.T) {
	at := sourcetest.Start
	good := vector(fmt.Sprintf(`{"metric":{"instance":"a"},"value":[%d,"7"]}`, at.Unix()))
	var large sync.WaitGroup
	large.Add(3)
	blank := strings.Repeat(" ", 40<<20)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.FormValue("query") == "good" {
			large.Wait() // while the others are held
			_, _ = io.WriteString(w, good)
			return
		}
		_, _ = io.WriteString(w, blank) // far more than sockets hold: most of it is read when this returns
		_ = http.NewResponseController(w).Flush()
		large.Done()
		large.Wait()
		_, _ = io.WriteString(w, good)
	})
	q := series.Query{Start: at, End: at, Window: time.Minute}
	for _, name := range []string{"large1", "large2", "large3", "good"} {
		q.Exprs = append(q.Exprs, series.Expr{Feature: name, PromQL: name})
	}
	f := must.Get(sourcetest.Serve(t, answer, series.RemoteOptions{MaxBytes: 64 << 20}).Read(t.Context(), q))(t)
	failed := 0
	for _, name := range []string{"large1", "large2", "large3"} {
		if f.Failed[name] != nil {
			failed++
			if !errors.Is(f.Failed[name], series.ErrTooMuch) || !strings.Contains(f.Failed[name].Error(), "at the same time") {
				t.Errorf("%s: %v, want ErrTooMuch", name, f.Failed[name])
			}
		}
	}
	if failed == 0 {
		t.Error("three answers of 40 MiB at once fit into 64 MiB")
	}
	if f.Failed["good"] != nil || f.At(f.Host("a"), 0, 3) != 7 {
		t.Errorf("the small answer: %v, %v", f.Failed["good"], f.Row(0, 0))
	}
}

// History is asked for in pieces that Prometheus takes, of all series
// together no more than maxSamples, and smaller ones where that is too much.
func TestRemotePieces(t *testing.T) {
	const step = 15 * time.Second
	end := sourcetest.Start.Add(7 * 24 * time.Hour)
	var longest, asked, refused int
	one := make(chan struct{}, 1) // bound 1: serializes the handler's counting
	r := sourcetest.Serve(t, fake(func(_ string, form url.Values) string {
		one <- struct{}{}
		defer func() { <-one }()
		from, _ := strconv.ParseFloat(form.Get("start"), 64) // the client under test writes them
		to, _ := strconv.ParseFloat(form.Get("end"), 64)
		points := int((to-from)/step.Seconds()) + 1
		if points > 3000 {
			refused++
			return `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}`
		}
		asked++
		longest = max(longest, points)
		var values []string
		for i := range points {
			values = append(values, fmt.Sprintf(`[%.0f,"%.0f"]`, from+float64(i)*15, (from+float64(i)*15-float64(sourcetest.Start.Unix()))/15))
		}
		return `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"instance":"a"},"values":[` + strings.Join(values, ",") + `]}]}}`
	}), series.RemoteOptions{Concurrency: 1})
	f := must.Get(r.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: sourcetest.Start, End: end, Step: step, Window: time.Minute}))(t)
	if want := 7*24*60*4 + 1; f.Instants != want {
		t.Fatalf("%d instants, want %d", f.Instants, want)
	}
	for i := range f.Instants {
		if f.At(0, i, 0) != float64(i) {
			t.Fatalf("instant %d is %g", i, f.At(0, i, 0))
		}
	}
	if refused == 0 || longest > 3000 {
		t.Errorf("%d pieces of up to %d instants, %d refused: want the refused ones made smaller", asked, longest, refused)
	}
}

// What was read before a piece failed is kept and said.
func TestRemoteBreaksOff(t *testing.T) {
	var pieces atomic.Int32
	r := sourcetest.Serve(t, fake(func(query string, form url.Values) string {
		if pieces.Add(1) > 1 {
			return `{"status":"error","errorType":"timeout","error":"query timed out"}`
		}
		return `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"instance":"a"},"values":[[` + form.Get("start") + `,"5"]]}]}}`
	}), series.RemoteOptions{})
	f := must.Get(r.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: sourcetest.Start, End: sourcetest.Start.Add(24 * time.Hour), Step: 15 * time.Second, Window: time.Minute}))(t)
	if f.At(0, 0, 0) != 5 || f.Failed["x"] == nil || !strings.Contains(f.Failed["x"].Error(), "answered only until 2026-03-02T16:20:00Z") {
		t.Errorf("first value %g, failed %v; want 5 and until when (2000 instants of 15 s)", f.At(0, 0, 0), f.Failed["x"])
	}
}

func TestRemoteSendsCredentials(t *testing.T) {
	var seen http.Header
	settings := config.DefaultHTTPClientConfig
	settings.Authorization = &config.Authorization{Credentials: "s3cret"}
	settings.HTTPHeaders = &config.Headers{Headers: map[string]config.Header{"X-Scope-Orgid": {Values: []string{"shop"}}}}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		says(401, "text/plain", "no")(w, r)
	})
	q := series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: sourcetest.Start, End: sourcetest.Start, Window: time.Minute}
	r := sourcetest.Serve(t, handler, series.RemoteOptions{HTTP: &settings})
	if _, err := r.Read(t.Context(), q); !errors.Is(err, omen.ErrDenied) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("err %v", err)
	}
	if seen.Get("Authorization") != "Bearer s3cret" || seen.Get("X-Scope-OrgID") != "shop" {
		t.Errorf("headers %v", seen)
	}

	server := httptest.NewServer(handler)
	defer server.Close()
	r = sourcetest.Serve(t, nil, series.RemoteOptions{URL: strings.Replace(server.URL, "http://", "http://omen:hunter2@", 1) + "/graph?g0.expr=up"})
	_, err := r.Read(t.Context(), q)
	if strings.Contains(fmt.Sprint(err, omen.Hint(err), r.Address()), "hunter2") {
		t.Errorf("the password is shown: %v at %s", err, r.Address())
	}
	if user, password, _ := (&http.Request{Header: seen}).BasicAuth(); user != "omen" || password != "hunter2" {
		t.Errorf("sent %s:%s", user, password)
	}
	if r.Address() != server.URL {
		t.Errorf("address %s, want %s", r.Address(), server.URL)
	}
}

func TestNewRemoteRefuses(t *testing.T) {
	for name, o := range map[string]series.RemoteOptions{
		"nothing":          {},
		"no scheme":        {URL: "prometheus:9090"},
		"other scheme":     {URL: "ftp://prometheus:9090"},
		"no host":          {URL: "http://"},
		"not a URL":        {URL: "http://user:hunter2@[::1"},
		"missing CA":       {URL: "https://h", HTTP: &config.HTTPClientConfig{TLSConfig: config.TLSConfig{CAFile: "/no/such/file"}}},
		"two credentials":  {URL: "http://h", HTTP: &config.HTTPClientConfig{BasicAuth: &config.BasicAuth{Username: "u"}, BearerToken: "t"}},
		"password printed": {URL: "gopher://user:hunter2@h"},
	} {
		if _, err := series.NewRemote(o); !errors.Is(err, omen.ErrInvalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: err %v, want one that wraps ErrInvalid and shows no password", name, err)
		}
	}
}

func TestRemoteCloseLetsConnectionsGo(t *testing.T) {
	closed := make(chan struct{}, 10) // bound: one for each connection
	server := httptest.NewUnstartedServer(fake(func(string, url.Values) string { return vector("") }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	r := sourcetest.Serve(t, nil, series.RemoteOptions{URL: server.URL})
	must.Get(r.Read(t.Context(), series.Query{Exprs: []series.Expr{{Feature: "x", PromQL: "x"}}, Start: sourcetest.Start, End: sourcetest.Start, Window: time.Minute}))(t)
	must.OK(t, r.Close())
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the connection stays open")
	}
}
