package api

import (
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/accept"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 1 << 20

// errMedia is for a body that is not JSON.
var errMedia = errors.New("unsupported media type")

// errTooLarge and errTooSlow are for a body of more than maxBody, or one that
// took more than bodyWithin.
var (
	errTooLarge = errors.New("it is too large")
	errTooSlow  = errors.New("it took too long")
)

// Error is what every error looks like: a problem after RFC 9457. Who makes one
// gives the error and the hint; the rest is filled in as it is answered.
type Error struct {
	Error string `json:"error"`
	Hint  string `json:"hint" doc:"how to resolve it; may be empty"`

	Title  string `json:"title" doc:"the status, in words"`
	Status int    `json:"status" doc:"of HTTP"`
	Detail string `json:"detail" doc:"the same as error, for programs that read RFC 9457"`
}

// statusOf is the HTTP status that an error's kind asks for.
func statusOf(err error) int {
	for _, k := range []struct {
		kind   error
		status int
	}{
		{omen.ErrNotFound, http.StatusNotFound},
		{omen.ErrInvalid, http.StatusBadRequest},
		{errForbidden, http.StatusForbidden},
		{errMedia, http.StatusUnsupportedMediaType},
		{errTooLarge, http.StatusRequestEntityTooLarge},
		{errTooSlow, http.StatusRequestTimeout},
		{omen.ErrConflict, http.StatusConflict},
		{omen.ErrTooFew, http.StatusConflict},
		{errors.ErrUnsupported, http.StatusNotImplemented},
		{omen.ErrUnavailable, http.StatusServiceUnavailable},
		{omen.ErrLocked, http.StatusServiceUnavailable},
		{context.DeadlineExceeded, http.StatusGatewayTimeout},
		{omen.ErrDenied, http.StatusBadGateway},
		{omen.ErrFull, http.StatusInsufficientStorage},
	} {
		if errors.Is(err, k.kind) {
			return k.status
		}
	}
	return http.StatusInternalServerError
}

// fail answers with an error. What is our own fault is logged.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // nobody listens any more
	}
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		a.log.Error("request failed", "path", r.URL.Path, "err", err)
	}
	answer(w, status, Error{Error: err.Error(), Hint: omen.Hint(err)})
}

// Refuse answers with an error, for the server around the API.
func Refuse(w http.ResponseWriter, status int, problem, hint string) {
	answer(w, status, Error{Error: problem, Hint: hint})
}

// answer writes v as JSON that nobody caches.
func answer(w http.ResponseWriter, status int, v any) {
	var body []byte
	var err error
	media := "application/json; charset=utf-8"
	if e, failed := v.(Error); failed {
		e.Title, e.Status, e.Detail = http.StatusText(status), status, e.Error
		v, media = e, mediaProblem
	}
	if own, ok := v.(writesItself); ok {
		memory := answers.Get().(*[]byte)
		defer answers.Put(memory)
		body = own.appendTo((*memory)[:0])
		*memory = body
	} else if body, err = json.Marshal(v); err != nil {
		a := Error{Error: "encode the answer", Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError, Detail: "encode the answer"}
		status, media = a.Status, mediaProblem
		body, _ = json.Marshal(a) // strings and a number
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1)) // else a client of HTTP/1.0 loses its connection by a long answer
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// leastPacked is from how many bytes on an answer is compressed: below it fits
// into one packet as it is.
const leastPacked = 1400

// answerPacked is [answer], as gzip where the client takes that and it is worth
// it. The fastest level: lists of hosts and scores shrink to a fifth by it.
func answerPacked(w http.ResponseWriter, r *http.Request, status int, v any) {
	w.Header().Add("Vary", "Accept-Encoding")
	if accept.Encoding(r, "gzip") != "" {
		w = &packed{ResponseWriter: w}
	}
	answer(w, status, v)
}

// packed compresses the one Write of an answer.
type packed struct {
	http.ResponseWriter
	status int
}

func (p *packed) WriteHeader(status int) { p.status = status }

func (p *packed) Write(b []byte) (int, error) {
	if len(b) < leastPacked {
		p.ResponseWriter.WriteHeader(p.status)
		return p.ResponseWriter.Write(b)
	}
	p.Header().Set("Content-Encoding", "gzip")
	p.Header().Del("Content-Length")
	p.ResponseWriter.WriteHeader(p.status)
	z, err := gzip.NewWriterLevel(p.ResponseWriter, gzip.BestSpeed)
	if err != nil {
		return 0, err // a level that does not exist
	}
	n, err := z.Write(b)
	return n, errors.Join(err, z.Close())
}

// refusal is the response of a handler that answers an unknown path or method
// with text or HTML: it says the same as an [Error].
type refusal struct {
	http.ResponseWriter
	request *http.Request
	said    bool
}

func (f *refusal) WriteHeader(status int) {
	media, _, _ := mime.ParseMediaType(f.Header().Get("Content-Type"))
	if media == "application/json" || media == mediaProblem || status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		f.ResponseWriter.WriteHeader(status)
		return
	}
	f.said = true
	if status == http.StatusMethodNotAllowed {
		wrongMethod(f.ResponseWriter, f.request)
		return
	}
	answer(f.ResponseWriter, status, Error{
		Error: f.request.Method + " " + f.request.URL.Path + ": no such route",
		Hint:  "/api/v1/omen/openapi.json lists all routes",
	})
}

// notAllowed answers the methods that a path does not take.
func notAllowed(takes []string) http.Handler {
	if slices.Contains(takes, http.MethodGet) {
		takes = append(takes, http.MethodHead)
	}
	slices.Sort(takes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(takes, ", "))
		wrongMethod(w, r)
	})
}

// wrongMethod answers 405; Allow says what the path takes.
func wrongMethod(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusMethodNotAllowed, Error{
		Error: r.Method + " " + r.URL.Path + ": no such method",
		Hint:  "it takes " + w.Header().Get("Allow"),
	})
}

func (f *refusal) Write(b []byte) (int, error) {
	if f.said {
		return len(b), nil
	}
	return f.ResponseWriter.Write(b)
}

// broken is the end of a body: an error, or none.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, cmp.Or(b.err, io.EOF) }

// decode reads a JSON body into v. An unknown key is an error, so that a typo
// is not taken for a wish to leave something out.
func decode(r *http.Request, v any) error {
	if err := isJSON(r); err != nil {
		return err
	}
	return decodeJSON(r.Body, v) // bounded by protected
}

const mediaJSON = "application/json"

// isJSON refuses a body that does not say that it is JSON.
func isJSON(r *http.Request) error {
	header := r.Header.Get("Content-Type")
	if header == mediaJSON {
		return nil
	}
	if media, _, _ := mime.ParseMediaType(header); media != mediaJSON {
		return omen.WithHint(fmt.Errorf("read the body: content type %q: %w", media, errMedia),
			"send JSON with the header Content-Type: "+mediaJSON)
	}
	return nil
}

func decodeJSON(body io.Reader, v any) error {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more after its end")
		}
	}
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return bodyError(errTooLarge)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return bodyError(errTooSlow)
	}
	var wrong *json.UnmarshalTypeError
	hint := ""
	switch {
	case !errors.As(err, &wrong):
	case wrong.Type == reflect.TypeFor[Instant]():
		err = fmt.Errorf("%s: %s is no time", wrong.Field, wrong.Value)
		hint = "the form is RFC 3339: 2026-01-31T18:00:00Z or 2026-01-31T19:00:00+01:00"
	case wrong.Type == reflect.TypeFor[Number]():
		err = fmt.Errorf("%s: %s is no number", wrong.Field, wrong.Value)
	default:
		err = fmt.Errorf("%s: a %s where %s is wanted", wrong.Field, wrong.Value, wanted(wrong.Type))
	}
	if err != nil {
		return omen.WithHint(fmt.Errorf("read the body: %s: %w", strings.TrimPrefix(err.Error(), "json: "), omen.ErrInvalid), hint)
	}
	return nil
}

// wanted is what JSON a Go type is read from, for people.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Pointer, reflect.Interface:
		return "an object"
	}
	return "a number"
}
