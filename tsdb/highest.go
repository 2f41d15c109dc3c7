package tsdb

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	prom "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/omenhq/omen"
)

// Highest gives, for each series of a metric, the highest number of each of n
// steps to visit, which must not keep what it is given: step i is from from+i·step
// up to, and without, the next. A step without a number is NaN; a series without
// any is left out. It returns how many numbers it read, which is what it costs.
func (db *DB) Highest(ctx context.Context, metric string, from time.Time, step time.Duration, n int, visit func(labels map[string]string, highest []float64)) (read int, err error) {
	begin, width := from.UnixMilli(), step.Milliseconds()
	highest := make([]float64, n)
	named, err := prom.NewMatcher(prom.MatchEqual, model.MetricNameLabel, metric)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", metric, err)
	}
	end := begin + int64(n)*width - 1
	err = db.View(from, time.UnixMilli(end), func(q storage.Querier) error {
		var it chunkenc.Iterator
		set := q.Select(ctx, false, &storage.SelectHints{Start: begin, End: end}, named)
		for set.Next() && ctx.Err() == nil {
			for i := range highest {
				highest[i] = math.NaN()
			}
			one := set.At()
			it = one.Iterator(it)
			before := read
			for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
				if kind != chunkenc.ValFloat {
					continue
				}
				at, v := it.At()
				if i := (at - begin) / width; at >= begin && at <= end && !math.IsNaN(v) {
					read++
					if !(v <= highest[i]) {
						highest[i] = v
					}
				}
			}
			if err := it.Err(); err != nil {
				return err
			}
			if read > before {
				visit(one.Labels().Map(), highest)
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return set.Err()
	})
	if err != nil && isDamage(err) {
		db.suspect(err)
		err = damaged(err)
	}
	return read, err
}

// damaged is the error of a read that found damage.
func damaged(err error) error {
	return omen.WithHint(fmt.Errorf("%w: %w", err, omen.ErrCorrupt), "damaged blocks are moved aside; if this stays, look into the folder damaged and the log")
}
