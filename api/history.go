package api

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

	"github.com/omenhq/omen"
)

// maxSpan bounds how much history one request reads.
const maxSpan = 40 * 24 * time.Hour

func (a *API) getScore(r *http.Request) (any, error) {
	h, err := a.hostParam(r.PathValue("host"))
	if err != nil {
		return nil, err
	}
	from, to, points, err := rangeParams(r)
	if err != nil {
		return nil, err
	}
	history, err := a.scores(r.Context(), h, from, to)
	if err != nil {
		return nil, err
	}
	out := ScoreHistory{Host: h.ID(), Limit: 1}
	history, step := thin(history, from, to, points)
	if step == 0 {
		step = a.spacing(h, history)
	}
	out.Step = Number(step.Seconds())
	out.Times = each(history, func(p omen.ScorePoint) Seconds { return Unix(p.At) })
	out.Scores = each(history, func(p omen.ScorePoint) Number { return Number(p.Value) })
	out.Level = each(history, func(p omen.ScorePoint) Number {
		if math.IsNaN(p.Value) {
			return Number(math.NaN())
		}
		return Number(max(1, p.Level))
	})
	return out, nil
}

// scores is what is stored of a host's scores, or else what was seen lately.
func (a *API) scores(ctx context.Context, h omen.Host, from, to time.Time) ([]omen.ScorePoint, error) {
	stored, err := a.live.Scores(ctx, h, from, to)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) || len(stored) > 0 {
		return stored, err
	}
	var out []omen.ScorePoint
	for _, p := range a.recent.of(h) {
		if !p.At.Before(from) && !p.At.After(to) {
			out = append(out, p)
		}
	}
	return out, nil
}

// spacing is how far apart a history's points are: the least distance of any
// two, or the source's step where there are not two.
func (a *API) spacing(h omen.Host, points []omen.ScorePoint) time.Duration {
	least := apart(points)
	for _, s := range a.live.Sources() {
		if least == 0 && s.Name == h.Source {
			least = time.Duration(s.StepSeconds * float64(time.Second))
		}
	}
	return least
}

// apart is the least distance of any two points; 0 where there are not two.
func apart(points []omen.ScorePoint) time.Duration {
	least := time.Duration(0)
	for i := 1; i < len(points); i++ {
		if d := points[i].At.Sub(points[i-1].At); d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// thin reduces a history to about n points, each the highest of its step, so
// that no peak is lost, with the highest level. A step without any finite score is
// left out. The step is 0 where the history is as it was.
func thin(history []omen.ScorePoint, from, to time.Time, n int) ([]omen.ScorePoint, time.Duration) {
	if len(history) <= n {
		return history, 0
	}
	step := max(to.Sub(from)/time.Duration(n), time.Millisecond)
	var out []omen.ScorePoint
	bucket := int64(-1)
	for _, p := range history {
		b := int64(p.At.Sub(from) / step)
		if b != bucket {
			bucket, out = b, append(out, p)
			continue
		}
		last := &out[len(out)-1]
		if math.IsNaN(last.Value) || p.Value > last.Value {
			last.Value = p.Value
		}
		last.Level = max(last.Level, p.Level)
	}
	return out, step
}

func (a *API) getFeatures(r *http.Request) (any, error) {
	h, err := a.find(r.PathValue("host"))
	if err != nil {
		return nil, err
	}
	from, to, points, err := rangeParams(r)
	if err != nil {
		return nil, err
	}
	names := r.URL.Query()["feature"]
	if slices.Equal(names, []string{"*"}) {
		names = each(h.Features, func(f omen.FeatureValue) string { return f.Name })
	} else if len(names) == 0 || len(names) > 16 {
		return nil, fmt.Errorf("feature: %d given, want 1 to 16, or * for all: %w", len(names), omen.ErrInvalid)
	}
	asked := strings.Join(names, ", ")
	names = slices.DeleteFunc(names, func(n string) bool {
		return !slices.ContainsFunc(h.Features, func(f omen.FeatureValue) bool { return f.Name == n })
	})
	if len(names) == 0 {
		return nil, fmt.Errorf("features %s: host %s has none of these names: %w", asked, h.Host, omen.ErrNotFound)
	}
	got, err := a.live.Features(r.Context(), h.Host, names, from, to, points)
	if err != nil {
		return nil, err
	}
	got.Host = h.Host.ID()
	return got, nil
}

// rangeParams reads from, to and points.
func rangeParams(r *http.Request) (from, to time.Time, points int, err error) {
	if points, err = intParam(r.URL.Query().Get("points"), "points", 1000, 1, 11000); err != nil {
		return from, to, 0, err
	}
	from, to, err = spanOf(r)
	return from, to, points, err
}

// spanOf reads from and to (RFC 3339 or seconds since 1970; the last hour if
// neither is given).
func spanOf(r *http.Request) (from, to time.Time, err error) {
	q := r.URL.Query()
	if to, err = timeParam(q.Get("to"), "to", time.Now()); err != nil {
		return from, to, err
	}
	if from, err = timeParam(q.Get("from"), "from", to.Add(-time.Hour)); err != nil {
		return from, to, err
	}
	return from, to, spanFits(from, to)
}

// spanFits reports a span that is none, or longer than one request may read.
func spanFits(from, to time.Time) error {
	switch {
	case !from.Before(to):
		return backwards(from, to)
	case to.Sub(from) > maxSpan:
		return fmt.Errorf("from…to is %s, want at most %s: %w", omen.Soon(to.Sub(from)), omen.Soon(maxSpan), omen.ErrInvalid)
	}
	return nil
}

func backwards(from, to time.Time) error {
	return fmt.Errorf("from %s is not before to %s: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), omen.ErrInvalid)
}

func timeParam(text, name string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(s) < 1e11 {
		return time.UnixMilli(int64(s * 1000)).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, omen.WithHint(fmt.Errorf("%s=%s is no time: %w", name, text, omen.ErrInvalid),
			"write 2026-01-31T12:00:00Z, or seconds since 1970")
	}
	return t, nil
}

func boolParam(text, name string, otherwise bool) (bool, error) {
	switch text {
	case "":
		return otherwise, nil
	case "true", "false":
		return text == "true", nil
	}
	return false, fmt.Errorf("%s=%s: want true or false: %w", name, text, omen.ErrInvalid)
}

func intParam(text, name string, otherwise, least, most int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s=%s: want a number from %d to %d: %w", name, text, least, most, omen.ErrInvalid)
	}
	return n, nil
}
