package tsdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// Read implements [series.Source].
func (db *DB) Read(ctx context.Context, q series.Query) (*series.Frame, error) {
	if err := db.state(); err != nil {
		return nil, err
	}
	return db.reader.Read(ctx, q)
}

// state is why there is no database now, nil if there is.
func (db *DB) state() error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.broken
}

// Evaluate implements [series.Evaluator] with the embedded engine.
func (db *DB) Evaluate(ctx context.Context, promQL string, r series.Range, a *series.Answer) error {
	err := db.query(ctx, db.engine, promQL, r, func(result *promql.Result) error {
		warnings, _ := result.Warnings.AsStrings(promQL, 3, 0)
		a.Note(warnings)
		return addResult(a, result)
	})
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(promql.ErrTooManySamples)):
		return fmt.Errorf("%w: %w", series.ErrTooMuch, err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isDamage(err):
		db.suspect(err)
		return damaged(err)
	case errors.Is(err, omen.ErrUnavailable), errors.Is(err, omen.ErrFull), errors.Is(err, omen.ErrCorrupt): // the store itself cannot be used now
		return err
	default:
		return fmt.Errorf("%w: %w", err, omen.ErrInvalid)
	}
}

// Query evaluates an expression that somebody else asks, and gives the result to
// use, which must not keep it: its memory is valid until use returns. Errors are
// the engine's, or say why the store cannot be used now. It takes [GuestTime] at
// most, and less memory than Omen's own reading may.
func (db *DB) Query(ctx context.Context, promQL string, r series.Range, use func(*promql.Result) error) error {
	return db.query(ctx, db.guests, promQL, r, use)
}

func (db *DB) query(ctx context.Context, engine *promql.Engine, promQL string, r series.Range, use func(*promql.Result) error) error {
	db.mu.RLock() // so that the database is not replaced meanwhile
	defer db.mu.RUnlock()
	if db.broken != nil {
		return db.broken
	}
	opts := promql.NewPrometheusQueryOpts(false, r.Lookback, nil)
	var q promql.Query
	var err error
	if r.Step == 0 {
		q, err = engine.NewInstantQuery(ctx, db.prom, opts, promQL, r.Start)
	} else {
		q, err = engine.NewRangeQuery(ctx, db.prom, opts, promQL, r.Start, r.End, r.Step)
	}
	if err != nil {
		return err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return result.Err
	}
	return use(result)
}

// View gives what is stored between two instants to use, which must not keep
// it: its memory is valid until use returns.
func (db *DB) View(from, to time.Time, use func(storage.Querier) error) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.broken != nil {
		return db.broken
	}
	q, err := db.prom.Querier(from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return err
	}
	return errors.Join(use(q), q.Close())
}

// addResult adds an engine's result to an answer.
func addResult(a *series.Answer, result *promql.Result) error {
	switch v := result.Value.(type) {
	case promql.Matrix:
		for _, s := range v {
			if len(s.Histograms) > 0 {
				return series.ErrHistogram
			}
			host := a.Series(s.Metric.Map())
			for _, p := range s.Floats {
				host.Put(p.T, p.F)
			}
		}
	case promql.Vector:
		// Sorted, so that the choice between several series of one host is
		// the same as in a range.
		slices.SortFunc(v, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
		for _, s := range v {
			if s.H != nil {
				return series.ErrHistogram
			}
			a.Series(s.Metric.Map()).Put(s.T, s.F)
		}
	default:
		return series.NotSeries(v.Type())
	}
	return nil
}
