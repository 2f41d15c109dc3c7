package main

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/bench"
	"github.com/omenhq/omen/bench/exhaustion"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/replay"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/tsdb"
)

// past is what replay reads: hosts' samples, and what more can be asked of where
// they came from.
type past struct {
	hosts  []history
	schema *feature.Schema
	source series.Source // of limits; nil: there are features only
	origin tsdb.Origin   // of what rules read: raw series, or features
	window time.Duration
	known  *replay.Known // of labelled series
	close  func() error
}

// openServer reads the history of every host from a server.
func (d *dataFlags) openServer(ctx context.Context) (*past, error) {
	source, schema, err := d.source(ctx)
	if err != nil {
		return nil, err
	}
	span, step := time.Duration(d.History), time.Duration(d.Step)
	remote, err := app.Remote(source, nil)
	if err != nil {
		return nil, err
	}
	end := time.Now().Truncate(step)
	f, err := remote.Read(ctx, series.Query{
		Exprs: schema.Exprs(), By: schema.By(), Step: step,
		Start: end.Add(-span), End: end, Window: time.Duration(source.Window),
	})
	if err != nil {
		return nil, cmp.Or(err, remote.Close())
	}
	return &past{
		hosts: histories(schema, f, source.Name), schema: schema, source: remote, origin: remote,
		window: time.Duration(source.Window), close: remote.Close,
	}, nil
}

// open reads what is to be replayed. With labelled, a folder of labelled series is
// replayed as such: what is for training first, and then the test.
func (d *dataFlags) open(ctx context.Context, labelled bool) (*past, error) {
	var p *past
	var err error
	switch {
	case len(d.Files) == 0:
		p, err = d.openServer(ctx)
	case labelled && has(d.Files, "test.csv*", "", "*", "*/*"):
		p, err = openLabelled(d.Files)
	case has(d.Files, "runs.csv", ""):
		p, err = d.openRecordings(ctx)
	default:
		p, err = d.openFiles(ctx)
	}
	if err != nil {
		return nil, err
	}
	if p.hosts, err = d.named(p.hosts); err != nil {
		return nil, cmp.Or(err, p.close())
	}
	return p, nil
}

// rawSeries are series in memory, with what is known of them together.
type rawSeries struct {
	*tsdb.Scratch
	span omen.Span
	step time.Duration // 0: there are none
}

func newRaw() *rawSeries { return &rawSeries{Scratch: tsdb.NewScratch(nil)} }

// add takes in series.
func (r *rawSeries) add(step time.Duration, curves []series.Curve) {
	r.HoldAll(step, curves)
	r.span, r.step = cover(r.span, curves), max(r.step, step)
}

// openFiles reads files whose columns are features, or raw series.
func (d *dataFlags) openFiles(ctx context.Context) (*past, error) {
	raw := newRaw()
	for _, path := range d.Files {
		found, err := csvFiles(path)
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			c, err := series.OpenCSV(file, series.CSVOptions{Time: d.Time, Ignore: d.Ignore})
			if err != nil {
				return nil, err
			}
			curves, every, err := c.Curves()
			if err != nil {
				return nil, err
			}
			if len(curves) > 0 {
				raw.add(every, curves)
			}
		}
	}
	if raw.step > 0 {
		return d.openRaw(ctx, raw)
	}
	all, err := d.readFiles()
	if err != nil {
		return nil, err
	}
	return overFeatures(raw.Scratch, all, nil), nil
}

// openRaw reads the hosts of series in memory.
func (d *dataFlags) openRaw(ctx context.Context, raw *rawSeries) (*past, error) {
	_, schemas, err := d.Config.schemas(ctx)
	if err == nil {
		err = known(schemas, d.Profile)
	}
	if err != nil {
		return nil, err
	}
	schema, source := schemas[d.Profile], &series.Reader{Evaluator: raw, Concurrency: 1}
	f, err := source.Read(ctx, series.Query{Exprs: schema.Exprs(), By: schema.By(), Step: raw.step, Start: raw.span.From, End: raw.span.To})
	if err != nil {
		return nil, err
	}
	if !measured(f, feature.UptimeColumn) {
		f.Failed[feature.UptimeColumn] = omen.ErrNotFound // hosts are there without it
	}
	return &past{hosts: histories(schema, f, "csv"), schema: schema, source: source, origin: raw, close: raw.Close}, nil
}

// measured reports whether any host has a column.
func measured(f *series.Frame, column string) bool {
	c := slices.Index(f.Features, column)
	for h := range f.Hosts {
		for i := range f.Instants {
			if v := f.At(h, i, max(c, 0)); c >= 0 && v == v {
				return true
			}
		}
	}
	return false
}

// cover is a span that holds all samples of curves, too.
func cover(span omen.Span, curves []series.Curve) omen.Span {
	for _, c := range curves {
		if n := len(c.At); n > 0 {
			if first := time.UnixMilli(c.At[0]).UTC(); span.From.IsZero() || first.Before(span.From) {
				span.From = first
			}
			if last := time.UnixMilli(c.At[n-1]).UTC(); last.After(span.To) {
				span.To = last
			}
		}
	}
	return span
}

// overFeatures is a past of features alone: rules can read these, as series that
// are named like them.
func overFeatures(scratch *tsdb.Scratch, hosts []history, known *replay.Known) *past {
	for _, h := range hosts {
		curves := make([]series.Curve, h.schema.Len())
		for j, name := range h.schema.Names() {
			curves[j].Labels = map[string]string{model.MetricNameLabel: name, model.InstanceLabel: h.name}
		}
		for _, v := range h.vectors {
			for j, x := range v.Values[:len(curves)] {
				if x == x {
					curves[j].At, curves[j].Values = append(curves[j].At, v.At.UnixMilli()), append(curves[j].Values, x)
				}
			}
		}
		scratch.HoldAll(h.step, curves)
	}
	p := &past{hosts: hosts, origin: scratch, known: known, close: scratch.Close}
	if len(hosts) > 0 {
		p.schema = hosts[0].schema
	}
	return p
}

// has reports whether there is such a file in folders, or below them.
func has(folders []string, name string, below ...string) bool {
	for _, folder := range folders {
		for _, b := range below {
			if found, err := filepath.Glob(filepath.Join(folder, b, name)); err == nil && len(found) > 0 {
				return true
			}
		}
	}
	return false
}

// openRecordings reads folders of recorded runs, of which it is known when each was
// used up.
func (d *dataFlags) openRecordings(ctx context.Context) (*past, error) {
	raw, known := newRaw(), &replay.Known{}
	for _, dir := range d.Files {
		runs, err := exhaustion.LoadRecordings(dir)
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			raw.add(r.Step(), r.Curves())
			if !r.Full.IsZero() {
				known.Faults = append(known.Faults, replay.Fault{Host: r.Name, Kind: r.Kind, From: r.Begin, To: r.Full})
			}
			known.Slack = max(known.Slack, r.Step())
		}
	}
	p, err := d.openRaw(ctx, raw)
	if err == nil {
		p.known = known
	}
	return p, err
}

// openLabelled reads labelled series; what is for training is learned from and
// not scored.
func openLabelled(dirs []string) (*past, error) {
	all, err := bench.Load(dirs...)
	if err != nil {
		return nil, err
	}
	var hosts []history
	known := &replay.Known{}
	for _, s := range all {
		schema, err := bench.SchemaOf(s)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, history{name: s.Name, schema: schema, vectors: append(s.Train, s.Test...), step: s.Step, trained: len(s.Train)})
		for _, g := range s.Segments {
			known.Faults = append(known.Faults, replay.Fault{Host: s.Name, Kind: g.Kind, From: s.Test[g.Start].At, To: s.Test[g.End].At})
		}
		known.Slack = max(known.Slack, bench.LateBy*s.Step)
	}
	return overFeatures(tsdb.NewScratch(nil), hosts, known), nil
}
