// Package promapi is Prometheus' query API over the embedded store, so that
// Grafana and every other client of Prometheus can read it.
//
// [Handler] is all of it. It writes nothing, scrapes nothing, and leaves
// authentication to the server around it.
package promapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// Handler serves /api/v1/query, query_range, series, labels,
// label/<name>/values, metadata, rules, alerts and query_exemplars (all four
// empty) and status/buildinfo, by GET or POST form. Answers and errors have
// Prometheus' own form; a store that cannot be used now answers 503.
//
// What one query may cost is bounded, and how many run at once: a few wait for
// their turn, more get 503. A query ends when its client has gone.
func Handler(db *tsdb.DB) http.Handler {
	h := api{db, parser.NewParser(parser.Options{})}
	turns := newSlots()
	mux := http.NewServeMux()
	for path, f := range map[string]answerer{
		"query":       h.query,
		"query_range": h.queryRange,
		"series":      h.series,
		"labels":      h.labels,
	} {
		mux.Handle("GET /api/v1/"+path, serve(turns.each(f)))
		mux.Handle("POST /api/v1/"+path, serve(turns.each(f)))
	}
	for path, data := range map[string]rawJSON{
		"metadata":         "{}",
		"rules":            `{"groups":[]}`,
		"alerts":           `{"alerts":[]}`,
		"query_exemplars":  "[]",
		"status/buildinfo": buildInfo,
	} {
		mux.Handle("GET /api/v1/"+path, serve(constant(data)))
		mux.Handle("POST /api/v1/"+path, serve(constant(data)))
	}
	mux.Handle("GET /api/v1/label/{name}/values", serve(turns.each(h.labelValues)))
	return mux
}

// buildInfo names the Prometheus whose engine answers: Grafana chooses by it
// which functions it offers.
const buildInfo = `{"version":"3.16.0","revision":"omen","branch":"","buildUser":"","buildDate":"","goVersion":""}`

// maxForm bounds a POST's body.
const maxForm = 1 << 20

type api struct {
	db     *tsdb.DB
	parser parser.Parser
}

// answerer answers a request whose form is parsed.
type answerer func(*http.Request) (encoder, []string, error)

// constant answers the same to all.
func constant(data rawJSON) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { writeAnswer(w, data, nil) }
}

// badRequest is an error of the asker's making.
type badRequest struct{ error }

func badParam(name string, err error) error {
	return badRequest{fmt.Errorf("invalid parameter %q: %w", name, err)}
}

// serve answers in Prometheus' envelope.
func serve(f func(http.ResponseWriter, *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		w.Header().Set("Content-Type", "application/json")
		if err := r.ParseForm(); err != nil {
			if !errors.As(err, new(*http.MaxBytesError)) {
				err = badRequest{err}
			}
			writeError(w, err)
			return
		}
		f(w, r)
	})
}

// query is an instant query.
func (h api) query(r *http.Request) (encoder, []string, error) {
	at, err := timeParam(r, "time", time.Now())
	if err != nil {
		return nil, nil, err
	}
	return h.run(r, series.Range{Start: at, End: at})
}

// queryRange is a range query.
func (h api) queryRange(r *http.Request) (encoder, []string, error) {
	start, err1 := timeParam(r, "start", time.Time{})
	end, err2 := timeParam(r, "end", time.Time{})
	step, err3 := durationParam(r, "step")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, nil, badRequest{err}
	}
	switch {
	case end.Before(start):
		return nil, nil, badParam("end", errors.New("end timestamp must not be before start time"))
	case step <= 0:
		return nil, nil, badParam("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	case end.Sub(start)/step > 11000:
		return nil, nil, badRequest{errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")}
	}
	return h.run(r, series.Range{Start: start, End: end, Step: step})
}

// run evaluates; the result is encoded while its memory is valid.
func (h api) run(r *http.Request, span series.Range) (encoder, []string, error) {
	ctx := r.Context()
	if r.FormValue("timeout") != "" {
		timeout, err := durationParam(r, "timeout")
		if err != nil {
			return nil, nil, err
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	if r.FormValue("lookback_delta") != "" {
		var err error
		if span.Lookback, err = durationParam(r, "lookback_delta"); err != nil {
			return nil, nil, err
		}
	}
	text := r.FormValue("query")
	if err := affordable(h.parser, text, span); err != nil {
		return nil, nil, err
	}
	var out rawJSON
	var warnings []string
	err := h.db.Query(ctx, text, span, func(result *promql.Result) error {
		warnings, _ = result.Warnings.AsStrings(text, 10, 0)
		var err error
		out, err = encodeResult(result.Value)
		return err
	})
	return out, warnings, err
}

// timeParam reads seconds since 1970 or RFC 3339.
func timeParam(r *http.Request, name string, missing time.Time) (time.Time, error) {
	text := r.FormValue(name)
	if text == "" {
		if missing.IsZero() {
			return missing, badParam(name, errors.New("it is missing"))
		}
		return missing, nil
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(v) < 9e15 {
		return time.UnixMilli(int64(math.Round(v * 1000))).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, badParam(name, fmt.Errorf("cannot parse %q to a valid timestamp", text))
	}
	return t, nil
}

// durationParam reads seconds or Prometheus' form of durations.
func durationParam(r *http.Request, name string) (time.Duration, error) {
	text := r.FormValue(name)
	if v, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(v) < 9e9 {
		return time.Duration(v * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, badParam(name, fmt.Errorf("cannot parse %q to a valid duration", text))
	}
	return time.Duration(d), nil
}
