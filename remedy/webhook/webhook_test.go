package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	promconfig "github.com/prometheus/common/config"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/internal/sign"
	"github.com/omenhq/omen/remedy"
)

// other is the other side: a server that keeps what it was asked, and answers by
// turns; the last answer stays.
type other struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]http.HandlerFunc // by path
	got     []request
}

type request struct {
	Path, Query, Body string
	Header            http.Header
}

func newOther(t *testing.T, answers map[string][]http.HandlerFunc) *other {
	t.Helper()
	o := &other{answers: answers}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		o.mu.Lock()
		o.got = append(o.got, request{r.URL.Path, r.URL.RawQuery, string(body), r.Header})
		turns := o.answers[r.URL.Path]
		if len(turns) > 1 {
			o.answers[r.URL.Path] = turns[1:]
		}
		o.mu.Unlock()
		if len(turns) == 0 {
			http.NotFound(w, r)
			return
		}
		turns[0](w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

// asked is what it was asked so far.
func (o *other) asked() []request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.got)
}

func (o *other) posts(path string) (n int) {
	for _, r := range o.asked() {
		if r.Path == path {
			n++
		}
	}
	return n
}

func says(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

// lost takes the request and closes the connection without an answer.
func lost(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

var action = omen.Action{
	ID: "a0123456789ab", Incident: "i1", Playbook: "restart", Attempt: 2, Group: "shop",
	Host: omen.Host{Source: "prod", Profile: "node", Name: `web "1"/a`}, Why: "memory rises",
	At: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC),
}

func hook(t *testing.T, set Settings) *Hook {
	t.Helper()
	return must.Get(New(set))(t)
}

func TestRequestIsSignedAndFilled(t *testing.T) {
	o := newOther(t, map[string][]http.HandlerFunc{`/launch/web "1"/a`: {says(201, `{"job": 17, "id": 17}`)}})
	file := filepath.Join(t.TempDir(), "secret")
	must.OK(t, os.WriteFile(file, []byte("whsec_aHVzaA==\n"), 0o600))
	h := hook(t, Settings{
		URL: o.URL + "/launch/{host}?by={playbook}", SecretFile: file, Receipt: "/job",
		Body: map[string]any{"extra_vars": map[string]any{"host": "{host}", "n": 3, "list": []any{"{id}", true}}},
	})
	receipt, err := h.Do(t.Context(), action)
	if err != nil || receipt != "17" {
		t.Fatalf("receipt %q, %v", receipt, err)
	}
	got := o.asked()[0]
	if want := `{"extra_vars":{"host":"web \"1\"/a","list":["a0123456789ab",true],"n":3}}`; got.Body != want {
		t.Errorf("body %s, want %s", got.Body, want)
	}
	if got.Query != "by=restart" || got.Header.Get("Webhook-Id") != action.ID {
		t.Errorf("query %q, headers %v", got.Query, got.Header)
	}
	var at int64
	must.Get(fmt.Sscan(got.Header.Get("Webhook-Timestamp"), &at))(t)
	want := sign.Header([]byte("hush"), action.ID, time.Unix(at, 0), []byte(got.Body)).Get("Webhook-Signature")
	if got.Header.Get("Webhook-Signature") != want {
		t.Errorf("signature %q, want %q", got.Header.Get("Webhook-Signature"), want)
	}
	if got.Header.Get("Idempotency-Key") != "" {
		t.Error("Go's client may send it twice by itself")
	}
}

func TestOwnBody(t *testing.T) {
	o := newOther(t, map[string][]http.HandlerFunc{"/": {says(200, "")}})
	must.Get(hook(t, Settings{URL: o.URL + "/"}).Do(t.Context(), action))(t)
	want := `{"id":"a0123456789ab","incident":"i1","playbook":"restart","attempt":2,` +
		`"host":{"source":"prod","profile":"node","name":"web \"1\"/a"},"group":"shop","why":"memory rises",` +
		`"at":"2026-11-29T12:00:00Z","mode":""}`
	if o.asked()[0].Body != want {
		t.Errorf("sent %s, want %s", o.asked()[0].Body, want)
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
		also   error
	}{
		{"accepted", says(202, ""), nil, nil},
		{"wrong request", says(400, "no such template"), remedy.ErrRefused, nil},
		{"no credentials", says(401, ""), remedy.ErrRefused, omen.ErrDenied},
		{"too many", says(429, ""), remedy.ErrRefused, nil},
		{"conflict", says(409, ""), remedy.ErrChanged, nil},
		{"broken", says(500, ""), remedy.ErrUnknown, nil},
		{"gateway", says(504, ""), remedy.ErrUnknown, nil},
		{"lost", lost, remedy.ErrUnknown, nil},
		{"redirect", http.RedirectHandler("/other", http.StatusTemporaryRedirect).ServeHTTP, remedy.ErrRefused, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOther(t, map[string][]http.HandlerFunc{"/": {c.answer}, "/other": {says(200, "")}})
			_, err := hook(t, Settings{URL: o.URL + "/"}).Do(t.Context(), action)
			if !errors.Is(err, c.want) || c.also != nil && !errors.Is(err, c.also) || c.want == nil && err != nil {
				t.Errorf("%v, want %v", err, c.want)
			}
			if n := len(o.asked()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	o := newOther(t, nil)
	o.Close()
	_, err := hook(t, Settings{URL: o.URL + "/"}).Do(t.Context(), action)
	if !errors.Is(err, remedy.ErrRefused) || !errors.Is(err, omen.ErrUnavailable) {
		t.Errorf("a request that never left: %v", err)
	}
}

// What never left this machine did nothing, whatever kept it: nobody has to look
// whether it happened.
func TestWhatNeverLeftIsRefused(t *testing.T) {
	o := newOther(t, nil)
	empty := filepath.Join(t.TempDir(), "empty")
	must.OK(t, os.WriteFile(empty, []byte("\n"), 0o600))
	missing := &promconfig.Authorization{Type: "Bearer", CredentialsFile: filepath.Join(t.TempDir(), "missing")}
	full := must.Get(net.Listen("tcp", "127.0.0.1:0"))(t) // nobody takes its connections: a TLS handshake waits
	t.Cleanup(func() { must.OK(t, full.Close()) })
	for name, set := range map[string]Settings{
		"no credentials":      {URL: o.URL + "/", HTTP: promconfig.HTTPClientConfig{Authorization: missing}},
		"no TLS there":        {URL: strings.Replace(o.URL, "http:", "https:", 1) + "/"},
		"no answer to TLS":    {URL: "https://" + full.Addr().String() + "/", Timeout: 50 * time.Millisecond},
		"an empty secret":     {URL: o.URL + "/", SecretFile: empty},
		"a secret not there":  {URL: o.URL + "/", SecretFile: empty + "x"},
		"a name that is none": {URL: "http://omen.invalid/"},
	} {
		if _, err := hook(t, set).Do(t.Context(), action); !errors.Is(err, remedy.ErrRefused) || errors.Is(err, remedy.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(o.asked()); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// What the other side calls a job is kept with every step, shown, and asked for: one
// that does not fit is none. What it says is shown in part, without our secrets and
// what would steer a terminal.
func TestWhatTheOtherSideSaysIsBounded(t *testing.T) {
	for name, job := range map[string]string{"long": strings.Repeat("x", 1<<19), "control": "1\u001b[31m", "line": "1\n2", "path": ".."} {
		o := newOther(t, map[string][]http.HandlerFunc{"/": {says(200, fmt.Sprintf(`{"job": %q}`, job))}})
		receipt, err := hook(t, Settings{URL: o.URL + "/", Receipt: "/job"}).Do(t.Context(), action)
		if receipt != "" || !errors.Is(err, remedy.ErrUnknown) || len(err.Error()) > 1000 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
			t.Errorf("%s: %d bytes, %.300v", name, len(receipt), err)
		}
	}
	o := newOther(t, map[string][]http.HandlerFunc{
		"/": {says(200, `{"job": "17"}`)}, "/jobs/17/": {says(200, `{"result": {"status": "hunter22 `+strings.Repeat("z", 5000)+`"}}`)},
	})
	st := status(o)
	st.Timeout = 50 * time.Millisecond
	set := Settings{URL: o.URL + "/", Receipt: "/job", Status: st, Body: map[string]any{"token": "hunter22"}}
	if _, err := hook(t, set).Do(t.Context(), action); !errors.Is(err, remedy.ErrUnknown) || len(err.Error()) > 1000 || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("%.300v", err)
	}
	o = newOther(t, map[string][]http.HandlerFunc{"/": {says(200, `{"error": "no such template"}`)}})
	if _, err := hook(t, Settings{URL: o.URL + "/", Receipt: "/job"}).Do(t.Context(), action); err == nil || !strings.Contains(err.Error(), "no such template") {
		t.Errorf("taken, and an error in the answer: %v", err)
	}
}

func TestSettingsThatCannotBeMeant(t *testing.T) {
	for name, set := range map[string]Settings{
		"no number of JSON": {URL: "http://x/", Body: map[string]any{"n": math.NaN()}},
		"a date":            {URL: "http://x/", Body: map[string]any{"at": time.Now()}},
		"done and failed":   {URL: "http://x/", Status: &Status{URL: "http://x/", Pointer: "/s", Done: []string{"over"}, Failed: []string{"error", "over"}}},
	} {
		if _, err := New(set); !errors.Is(err, omen.ErrInvalid) || strings.Contains(err.Error(), "time.Time") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTimeoutIsUnknown(t *testing.T) {
	release := make(chan struct{})
	o := newOther(t, map[string][]http.HandlerFunc{"/": {func(http.ResponseWriter, *http.Request) { <-release }}})
	t.Cleanup(func() { close(release) })
	_, err := hook(t, Settings{URL: o.URL + "/", Timeout: 50 * time.Millisecond}).Do(t.Context(), action)
	if !errors.Is(err, remedy.ErrUnknown) || o.posts("/") != 1 {
		t.Errorf("%v after %d requests", err, o.posts("/"))
	}
}

// What is in doubt is sent again under the same ID only if the other side does an
// ID once.
func TestIdempotentIsRepeated(t *testing.T) {
	o := newOther(t, map[string][]http.HandlerFunc{"/": {lost, says(200, `{"job": "j"}`)}})
	receipt, err := hook(t, Settings{URL: o.URL + "/", Idempotent: true, Receipt: "/job"}).Do(t.Context(), action)
	if err != nil || receipt != "j" || o.posts("/") < 2 {
		t.Fatalf("%q, %v after %d requests", receipt, err, o.posts("/"))
	}
	for _, r := range o.asked() {
		if r.Header.Get("Webhook-Id") != action.ID || r.Header.Get("Idempotency-Key") != `"`+action.ID+`"` {
			t.Errorf("another ID: %v", r.Header)
		}
	}
}

func status(o *other) *Status {
	return &Status{URL: o.URL + "/jobs/{receipt}/", Pointer: "/result/status", Done: []string{"successful"},
		Failed: []string{"failed", "error"}, Every: time.Millisecond, Timeout: 5 * time.Second}
}

func TestStatusIsPolled(t *testing.T) {
	for end, want := range map[string]error{"successful": nil, "error": remedy.ErrRefused} {
		o := newOther(t, map[string][]http.HandlerFunc{
			"/": {says(201, `{"job": 17}`)},
			"/jobs/17/": {
				says(200, `{"result": {"status": "pending"}}`), says(502, ""), lost,
				says(200, `{"result": {"status": "`+end+`"}}`),
			},
		})
		h := hook(t, Settings{URL: o.URL + "/", Receipt: "/job", Status: status(o)})
		receipt, err := h.Do(t.Context(), action)
		if receipt != "17" || !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %q, %v", end, receipt, err)
		}
		if o.posts("/") != 1 {
			t.Errorf("%d launches", o.posts("/"))
		}
	}
}

// Omen ends, or loses patience, while the job runs: the outcome is unknown, with
// the receipt by which it is settled later.
func TestAnUnfinishedJobIsSettledByItsReceipt(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	o := newOther(t, map[string][]http.HandlerFunc{
		"/": {says(201, `{"job": 17}`)},
		"/jobs/17/": {func(w http.ResponseWriter, r *http.Request) {
			says(200, `{"result": {"status": "running"}}`)(w, r)
			stop()
		}, says(200, `{"result": {"status": "running"}}`), says(200, `{"result": {"status": "successful"}}`)},
	})
	h := hook(t, Settings{URL: o.URL + "/", Receipt: "/job", Status: status(o)})
	receipt, err := h.Do(ctx, action)
	if receipt != "17" || !errors.Is(err, remedy.ErrUnknown) {
		t.Fatalf("%q, %v", receipt, err)
	}
	a := action
	if got := must.Get(h.Happened(t.Context(), a))(t); got != remedy.CannotTell {
		t.Errorf("without a receipt: %v", got)
	}
	a.Receipt = receipt
	for _, want := range []remedy.Answer{remedy.CannotTell, remedy.Yes} {
		if got := must.Get(h.Happened(t.Context(), a))(t); got != want {
			t.Errorf("happened: %v, want %v", got, want)
		}
	}
	if o.posts("/") != 1 {
		t.Errorf("%d launches", o.posts("/"))
	}
}

// To somebody whose certificate does not hold nothing was sent.
func TestAStrangerIsSentNothing(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	if _, err := hook(t, Settings{URL: s.URL + "/"}).Do(t.Context(), action); !errors.Is(err, remedy.ErrRefused) {
		t.Errorf("%v, want that it was refused", err)
	}
}

func TestUndo(t *testing.T) {
	o := newOther(t, map[string][]http.HandlerFunc{"/undo/17": {says(200, "")}})
	a := action
	a.Receipt = "17"
	if hook(t, Settings{URL: o.URL + "/"}).Undoes() || !hook(t, Settings{URL: o.URL + "/", UndoURL: o.URL + "/undo"}).Undoes() {
		t.Error("it does not know whether it has an undo_url")
	}
	if err := hook(t, Settings{URL: o.URL + "/"}).Undo(t.Context(), a); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without undo_url: %v", err)
	}
	must.OK(t, hook(t, Settings{URL: o.URL + "/", UndoURL: o.URL + "/undo/{receipt}"}).Undo(t.Context(), a))
	if o.posts("/undo/17") != 1 {
		t.Errorf("asked %v", o.asked())
	}
}

func TestDryRunSendsNothingAndShowsNoSecret(t *testing.T) {
	o := newOther(t, nil)
	address := strings.Replace(o.URL, "http://", "http://user:hunter2@", 1) + "/x?token=hunter2"
	text := must.Get(hook(t, Settings{URL: address, Secret: "hunter2"}).DryRun(t.Context(), action))(t)
	if strings.Contains(text, "hunter2") || !strings.Contains(text, "/x (signed)") || !strings.Contains(text, action.ID) {
		t.Errorf("says %q", text)
	}
	if len(o.asked()) != 0 {
		t.Errorf("sent %v", o.asked())
	}
}

// No secret of the settings is in what goes into the ledger: neither in the target nor
// in an error, whatever the other side repeats.
func TestTheLedgerHasNoSecret(t *testing.T) {
	for address, want := range map[string]string{
		"https://user:hunter2@awx/launch/{host}?token=hunter2": "https://awx/launch/{host}",
		"https://hunter2@awx/x#hunter2":                        "https://awx/x",
		"https://awx?token=hunter2":                            "https://awx",
		"https://user:hun/ter2@awx/x":                          hidden,
		"https://user:hun?ter2@awx/x":                          hidden,
		"user:hunter2@awx/x":                                   hidden,
	} {
		if got := shown(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	o := newOther(t, map[string][]http.HandlerFunc{"/": {
		says(403, "the token hunter2-a is wrong"), says(500, "the key hunter2-b is wrong"), says(200, "job hunter2-c"), says(403, "the header hunter2-b-rest is wrong"),
	}})
	header := promconfig.Header{Secrets: []promconfig.Secret{"hunter2-b-rest"}}
	h := hook(t, Settings{
		URL: o.URL + "/?token=hunter2-a&wait=true", Body: map[string]any{"api_key": "hunter2-b", "host": "{host}"}, Secret: "hunter2-c", Receipt: "/job",
		HTTP: promconfig.HTTPClientConfig{HTTPHeaders: &promconfig.Headers{Headers: map[string]promconfig.Header{"X-Key": header}}},
	})
	for range 4 {
		if _, err := h.Do(t.Context(), action); err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "-rest") {
			t.Errorf("%v", err)
		}
	}
	if text := must.Get(h.DryRun(t.Context(), action))(t); strings.Contains(text, "hunter2") || !strings.Contains(text, `"api_key":"<secret>"`) || !strings.Contains(text, "web") {
		t.Errorf("says %s", text)
	}
	if sent := o.asked()[0].Body; !strings.Contains(sent, "hunter2-b") {
		t.Errorf("sent %s", sent)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	good := "https://awx/launch"
	for want, set := range map[string]Settings{
		"url: want an address":              {URL: "awx"},
		`method: "post it" is none of POST`: {URL: good, Method: "post it"},
		`method: "GET" is none of POST`:     {URL: good, Method: http.MethodGet},
		"{hots} is no field":                {URL: good + "/{hots}"},
		"body: {hots} is no field":          {URL: good, Body: map[string]any{"a": []any{"{hots}"}}},
		"is no JSON pointer such as /job":   {URL: good, Receipt: "job"},
		"say where it is in the answer":     {URL: good, Status: &Status{URL: good + "/{receipt}", Pointer: "/s", Done: []string{"d"}, Failed: []string{"f"}}},
		"done and failed have to say":       {URL: good, Status: &Status{URL: good, Pointer: "/s"}},
		"status.pointer":                    {URL: good, Status: &Status{URL: good}},
		"undo_url: want an address":         {URL: good, UndoURL: "x"},
		"both given":                        {URL: good, Secret: "a", SecretFile: "b"},
		"not base64":                        {URL: good, Secret: "whsec_%%"},
		"http_config":                       {URL: good, HTTP: promconfig.HTTPClientConfig{TLSConfig: promconfig.TLSConfig{CAFile: "/does/not/exist"}}},
	} {
		if _, err := New(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestPointers(t *testing.T) {
	document := []byte(`{"a/b": {"c~d": [10, {"e": 12345678901234567890}]}, "s": "x", "t": true, "n": null, "o": {}, "": "empty"}`)
	for pointer, want := range map[string]string{
		"/a~1b/c~0d/0": "10", "/a~1b/c~0d/1/e": "12345678901234567890", "/s": "x", "/t": "true", "/": "empty",
		"/n": "", "/o": "", "/none": "", "/s/x": "", "/a~1b/c~0d/7": "", "/a~1b/c~0d/x": "",
	} {
		got, found := at(document, pointer)
		if got != want || found != (want != "") {
			t.Errorf("%s: %q, %v", pointer, got, found)
		}
	}
	if _, found := at([]byte("<html>"), "/s"); found {
		t.Error("found something in HTML")
	}
}
