package series

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"github.com/omenhq/omen"
)

// QueryAPI is Prometheus' query API over the store, so that Grafana and every
// other client of Prometheus can read it: /api/v1/query, query_range, series,
// labels, label/<name>/values, metadata (empty) and status/buildinfo, by GET
// or POST form. Authentication is the caller's.
func (l *Local) QueryAPI() http.Handler {
	h := queryAPI{l, parser.NewParser(parser.Options{})}
	mux := http.NewServeMux()
	for path, f := range map[string]func(*http.Request) (encoder, []string, error){
		"query":       h.query,
		"query_range": h.queryRange,
		"series":      h.series,
		"labels":      h.labels,
		"metadata":    func(*http.Request) (encoder, []string, error) { return rawJSON("{}"), nil, nil },
		"rules":       func(*http.Request) (encoder, []string, error) { return rawJSON(`{"groups":[]}`), nil, nil },
		"alerts":      func(*http.Request) (encoder, []string, error) { return rawJSON(`{"alerts":[]}`), nil, nil },
		"query_exemplars": func(*http.Request) (encoder, []string, error) {
			return rawJSON("[]"), nil, nil
		},
		"status/buildinfo": func(*http.Request) (encoder, []string, error) { return rawJSON(buildInfo), nil, nil },
	} {
		mux.Handle("GET /api/v1/"+path, serve(f))
		mux.Handle("POST /api/v1/"+path, serve(f))
	}
	mux.Handle("GET /api/v1/label/{name}/values", serve(h.labelValues))
	return mux
}

// buildInfo names the Prometheus whose engine answers: Grafana chooses by it
// which functions it offers.
const buildInfo = `{"version":"3.16.0","revision":"omen","branch":"","buildUser":"","buildDate":"","goVersion":""}`

// maxForm bounds a POST's body.
const maxForm = 1 << 20

type queryAPI struct {
	store  *Local
	parser parser.Parser
}

// badRequest is an error of the asker's making.
type badRequest struct{ error }

func badParam(name string, err error) error {
	return badRequest{fmt.Errorf("invalid parameter %q: %w", name, err)}
}

// serve answers in Prometheus' envelope.
func serve(f func(*http.Request) (encoder, []string, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		w.Header().Set("Content-Type", "application/json")
		if err := r.ParseForm(); err != nil {
			writeError(w, badRequest{err})
			return
		}
		data, warnings, err := f(r)
		if err != nil {
			writeError(w, err)
			return
		}
		writeAnswer(w, data, warnings)
	})
}

// query is an instant query.
func (h queryAPI) query(r *http.Request) (encoder, []string, error) {
	at, err := timeParam(r, "time", h.store.opts.now())
	if err != nil {
		return nil, nil, err
	}
	return h.run(r, at, at, 0)
}

// queryRange is a range query.
func (h queryAPI) queryRange(r *http.Request) (encoder, []string, error) {
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
	return h.run(r, start, end, step)
}

// run evaluates; the result is encoded while its memory is valid.
func (h queryAPI) run(r *http.Request, start, end time.Time, step time.Duration) (encoder, []string, error) {
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
	var lookback time.Duration
	if r.FormValue("lookback_delta") != "" {
		var err error
		if lookback, err = durationParam(r, "lookback_delta"); err != nil {
			return nil, nil, err
		}
	}
	text := r.FormValue("query")
	var out rawJSON
	var warnings []string
	run := func(use func(*promql.Result) error) error {
		if step == 0 {
			return h.store.query(ctx, text, start, lookback, use)
		}
		return h.store.queryRange(ctx, text, start, end, step, lookback, use)
	}
	err := run(func(result *promql.Result) error {
		warnings, _ = result.Warnings.AsStrings(text, 10, 0)
		var err error
		out, err = encodeResult(result.Value)
		return err
	})
	return out, warnings, err
}

// series lists label sets.
func (h queryAPI) series(r *http.Request) (encoder, []string, error) {
	if len(r.Form["match[]"]) == 0 {
		return nil, nil, badRequest{errors.New("no match[] parameter provided")}
	}
	var out labelSets
	warnings, err := h.withQuerier(r, func(ctx context.Context, q storage.Querier, matchers [][]*labels.Matcher, limit int) (annotations.Annotations, error) {
		// Labels only, no samples; the querier has the span already.
		hints := &storage.SelectHints{Start: math.MinInt64 / 2, End: math.MaxInt64 / 2, Func: "series"}
		var warnings annotations.Annotations
		for _, m := range matchers {
			set := q.Select(ctx, true, hints, m...)
			for set.Next() {
				out = append(out, set.At().Labels().Copy())
				if limit > 0 && len(out) > limit*len(matchers) {
					break
				}
			}
			warnings.Merge(set.Warnings())
			if err := set.Err(); err != nil {
				return warnings, err
			}
		}
		slices.SortFunc(out, labels.Compare)
		out = slices.CompactFunc(out, labels.Equal)
		if limit > 0 && len(out) > limit {
			out = out[:limit]
			warnings.Add(errLimited)
		}
		return warnings, nil
	})
	return out, warnings, err
}

var errLimited = errors.New("results truncated due to limit")

// labels lists label names.
func (h queryAPI) labels(r *http.Request) (encoder, []string, error) {
	return h.names(r, func(ctx context.Context, q storage.Querier, m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelNames(ctx, &storage.LabelHints{}, m...)
	})
}

// labelValues lists one label's values.
func (h queryAPI) labelValues(r *http.Request) (encoder, []string, error) {
	name := r.PathValue("name")
	if !model.LegacyValidation.IsValidLabelName(name) && !model.UTF8Validation.IsValidLabelName(name) {
		return nil, nil, badRequest{fmt.Errorf("invalid label name: %q", name)}
	}
	return h.names(r, func(ctx context.Context, q storage.Querier, m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelValues(ctx, name, &storage.LabelHints{}, m...)
	})
}

// names merges what the matchers find.
func (h queryAPI) names(r *http.Request, list func(context.Context, storage.Querier, []*labels.Matcher) ([]string, annotations.Annotations, error)) (encoder, []string, error) {
	var out stringList
	warnings, err := h.withQuerier(r, func(ctx context.Context, q storage.Querier, matchers [][]*labels.Matcher, limit int) (annotations.Annotations, error) {
		if len(matchers) == 0 {
			matchers = [][]*labels.Matcher{nil}
		}
		var all annotations.Annotations
		for _, m := range matchers {
			names, warnings, err := list(ctx, q, m)
			all.Merge(warnings)
			if err != nil {
				return all, err
			}
			for _, name := range names {
				out = append(out, strings.Clone(name)) // the querier's memory ends with it
			}
		}
		slices.Sort(out)
		out = slices.Compact(out)
		if limit > 0 && len(out) > limit {
			out = out[:limit]
			all.Add(errLimited)
		}
		return all, nil
	})
	return out, warnings, err
}

// withQuerier opens the storage for the time and the matchers of a request.
func (h queryAPI) withQuerier(r *http.Request, use func(context.Context, storage.Querier, [][]*labels.Matcher, int) (annotations.Annotations, error)) ([]string, error) {
	start, err1 := timeParam(r, "start", time.UnixMilli(math.MinInt64/2))
	end, err2 := timeParam(r, "end", time.UnixMilli(math.MaxInt64/2))
	if err := errors.Join(err1, err2); err != nil {
		return nil, badRequest{err}
	}
	limit := 0
	if text := r.FormValue("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return nil, badParam("limit", errors.New("limit must be a number that is not negative"))
		}
	}
	matchers, err := h.parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, badParam("match[]", err)
	}
	h.store.mu.RLock()
	defer h.store.mu.RUnlock()
	if h.store.broken != nil {
		return nil, h.store.broken
	}
	q, err := h.store.db.Querier(start.UnixMilli(), end.UnixMilli())
	if err != nil {
		return nil, err
	}
	warnings, err := use(r.Context(), q, matchers, limit)
	texts, _ := warnings.AsStrings("", 10, 0)
	return texts, errors.Join(err, q.Close())
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

// statusOf is Prometheus' name and HTTP status of an error.
func statusOf(err error) (string, int) {
	switch {
	case errors.As(err, new(badRequest)), errors.As(err, new(parser.ParseErrors)):
		return "bad_data", http.StatusBadRequest
	case errors.As(err, new(promql.ErrQueryCanceled)):
		return "canceled", 499
	case errors.As(err, new(promql.ErrQueryTimeout)), errors.Is(err, context.DeadlineExceeded):
		return "timeout", http.StatusServiceUnavailable
	case errors.As(err, new(promql.ErrStorage)):
		return "internal", http.StatusInternalServerError
	case errors.Is(err, omen.ErrUnavailable), errors.Is(err, omen.ErrFull), errors.Is(err, omen.ErrCorrupt):
		return "unavailable", http.StatusServiceUnavailable
	default:
		return "execution", http.StatusUnprocessableEntity
	}
}
