package promapi

import (
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
	// Labels only, no samples; the querier has the span already.
	hints := &storage.SelectHints{Start: math.MinInt64 / 2, End: math.MaxInt64 / 2, Func: "series"}
	found, warnings, err := find(h, r, labels.Compare, func(q storage.Querier, limit int, m []*labels.Matcher) (some []labels.Labels, _ annotations.Annotations, _ error) {
		set := q.Select(r.Context(), true, hints, m...)
		for (limit == 0 || len(some) <= limit) && set.Next() {
			some = append(some, set.At().Labels().Copy())
		}
		return some, set.Warnings(), set.Err()
	})
	return labelSets(found), warnings, err
}

// labels lists label names.
func (h api) labels(r *http.Request) (encoder, []string, error) {
	found, warnings, err := find(h, r, strings.Compare, func(q storage.Querier, _ int, m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		names, warnings, err := q.LabelNames(r.Context(), &storage.LabelHints{}, m...)
		return cloned(names), warnings, err
	})
	return stringList(found), warnings, err
}

// labelValues lists one label's values.
func (h api) labelValues(r *http.Request) (encoder, []string, error) {
	name := r.PathValue("name")
	if !model.LegacyValidation.IsValidLabelName(name) && !model.UTF8Validation.IsValidLabelName(name) {
		return nil, nil, badRequest{fmt.Errorf("invalid label name: %q", name)}
	}
	found, warnings, err := find(h, r, strings.Compare, func(q storage.Querier, _ int, m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		values, warnings, err := q.LabelValues(r.Context(), name, &storage.LabelHints{}, m...)
		return cloned(values), warnings, err
	})
	return stringList(found), warnings, err
}

// cloned outlives the querier's memory.
func cloned(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = strings.Clone(text)
	}
	return out
}

// maxSelectors bounds the selectors of one request.
const maxSelectors = 100

// find merges what a request's matchers find in its time, sorted, each once and
// no more than its limit.
func find[T any](h api, r *http.Request, compare func(a, b T) int,
	list func(q storage.Querier, limit int, m []*labels.Matcher) ([]T, annotations.Annotations, error),
) (all []T, texts []string, err error) {
	start, err1 := timeParam(r, "start", time.UnixMilli(math.MinInt64/2))
	end, err2 := timeParam(r, "end", time.UnixMilli(math.MaxInt64/2))
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, badRequest{err}
	}
	limit := 0
	if text := r.FormValue("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return nil, nil, badParam("limit", errors.New("limit must be a number that is not negative"))
		}
	}
	if n := len(r.Form["match[]"]); n > maxSelectors {
		return nil, nil, badParam("match[]", fmt.Errorf("it is given %d times, at most %d are taken", n, maxSelectors))
	}
	matchers, err := h.parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, nil, badParam("match[]", err)
	}
	if len(matchers) == 0 {
		matchers = [][]*labels.Matcher{nil}
	}
	err = h.db.View(start, end, func(q storage.Querier) error {
		var warnings annotations.Annotations
		for _, m := range matchers {
			if err := r.Context().Err(); err != nil {
				return err
			}
			some, more, err := list(q, limit, m)
			if err != nil {
				return err
			}
			all = append(all, some...)
			warnings.Merge(more)
		}
		slices.SortFunc(all, compare)
		all = slices.CompactFunc(all, func(a, b T) bool { return compare(a, b) == 0 })
		if limit > 0 && len(all) > limit {
			all = all[:limit]
			warnings.Add(errors.New("results truncated due to limit"))
		}
		texts, _ = warnings.AsStrings("", 10, 0)
		return nil
	})
	return all, texts, err
}
