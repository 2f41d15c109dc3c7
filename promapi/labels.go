package promapi

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
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// series lists label sets.
func (h api) series(r *http.Request) (encoder, []string, error) {
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
func (h api) labels(r *http.Request) (encoder, []string, error) {
	return h.names(r, func(ctx context.Context, q storage.Querier, m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelNames(ctx, &storage.LabelHints{}, m...)
	})
}

// labelValues lists one label's values.
func (h api) labelValues(r *http.Request) (encoder, []string, error) {
	name := r.PathValue("name")
	if !model.LegacyValidation.IsValidLabelName(name) && !model.UTF8Validation.IsValidLabelName(name) {
		return nil, nil, badRequest{fmt.Errorf("invalid label name: %q", name)}
	}
	return h.names(r, func(ctx context.Context, q storage.Querier, m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelValues(ctx, name, &storage.LabelHints{}, m...)
	})
}

// names merges what the matchers find.
func (h api) names(r *http.Request, list func(context.Context, storage.Querier, []*labels.Matcher) ([]string, annotations.Annotations, error)) (encoder, []string, error) {
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
func (h api) withQuerier(r *http.Request, use func(context.Context, storage.Querier, [][]*labels.Matcher, int) (annotations.Annotations, error)) ([]string, error) {
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
	var texts []string
	err = h.db.View(start, end, func(q storage.Querier) error {
		warnings, err := use(r.Context(), q, matchers, limit)
		texts, _ = warnings.AsStrings("", 10, 0)
		return err
	})
	return texts, err
}
