package series

import (
	"context"
	"math"
	"time"
)

// FeatureCheck says what a source has of one feature.
type FeatureCheck struct {
	Feature string
	Hosts   []string // that have it, sorted
	Samples int      // over all hosts and instants, without gaps
	Err     error    // why its query failed, or what is not to be trusted; nil if neither
	LeftOut string   // which series name no host; empty if all do
}

// SourceCheck says what a source has.
type SourceCheck struct {
	Hosts    []string
	Features []FeatureCheck // in the query's order
	Window   time.Duration  // what $window became
	Scrape   time.Duration  // as of a [Frame]
	Took     time.Duration
}

// Check reads once and reports, feature by feature, what there is. It fails
// only as [Source.Read] does: when the source as a whole could not be read.
func Check(ctx context.Context, source Source, q Query) (SourceCheck, error) {
	began := time.Now()
	f, err := source.Read(ctx, q)
	if err != nil {
		return SourceCheck{}, err
	}
	c := SourceCheck{Hosts: f.Hosts, Window: f.Window, Scrape: f.Scrape, Took: time.Since(began)}
	for i, name := range f.Features {
		feature := FeatureCheck{Feature: name, Err: f.Failed[name], LeftOut: f.LeftOut[name]}
		for h, host := range f.Hosts {
			n := 0
			for instant := range f.Instants {
				if v := f.At(h, instant, i); !math.IsNaN(v) && !math.IsInf(v, 0) { // either is a gap
					n++
				}
			}
			if n > 0 {
				feature.Hosts = append(feature.Hosts, host)
				feature.Samples += n
			}
		}
		c.Features = append(c.Features, feature)
	}
	return c, nil
}
