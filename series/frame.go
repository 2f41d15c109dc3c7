// Package series is numbers by time: it reads what hosts measured, wherever
// that is kept, as a [Frame] of hosts x instants x features.
//
// The key type is [Source]. Three sources answer the same [Query]: [Remote] (any
// Prometheus-compatible HTTP API), [CSV] (a file), and package tsdb's embedded
// store. Whatever evaluates PromQL is an [Evaluator] and becomes a Source by a
// [Reader]. Package sourcetest is the suite that all of them pass.
//
// It refuses to interpret: it knows no feature by name, fills no gap, and does
// not guess a value. A feature whose query fails is named in [Frame.Failed]; a
// source that does not answer at all is an error.
package series

import (
	"context"
	"math"
	"slices"
	"time"
)

// Source answers queries. It is safe for concurrent use.
//
// Read fails as a whole only if nothing could be read: the error then wraps
// [omen.ErrUnavailable], [omen.ErrDenied] or [omen.ErrInvalid] and carries a
// hint. If some features could be read, the others are in [Frame.Failed].
type Source interface {
	Read(ctx context.Context, q Query) (*Frame, error)
}

// Sample is one number of one series at one time.
type Sample struct {
	Name   string            // the metric's name
	Labels map[string]string // empty values count as missing
	At     time.Time
	Value  float64
}

// Frame is what a source answered: hosts x instants x features.
//
// Instant i is at Start + i*Step. Hosts are sorted by name, Features are in
// the order of the query's expressions. A value that is missing is NaN;
// infinities are kept as the source gave them.
type Frame struct {
	Hosts    []string              // the identifying labels' values, joined by "/"
	Labels   []map[string]string   // per host, the labels that have one value in all of its series that carry them, at most 32; never nil
	Split    []map[string][]string // per host, of a strict query: the labels that every series carries with different values, sorted, at most 4 of them; nil where there are none, and altogether of a source without series
	Partly   []map[string][]string // per host, of a strict query: the labels that some series of one expression carry and others of it do not, with their values, sorted, at most 4 of them; nil where there are none, and altogether of a source without series
	Varying  []string              // of a strict query: the labels that only some series of each host carry, sorted
	Features []string
	Start    time.Time
	Step     time.Duration
	Instants int
	Window   time.Duration            // what $window became; 0 if no expression used it
	Sure     bool                     // Window was given, or measured from many samples; else the next answer may have another
	Scrape   time.Duration            // how far apart the samples of most targets are, where it was measured for Window and is beyond doubt; else 0
	Failed   map[string]error         // feature -> why its query failed; what it has is partial, other features are usable
	LeftOut  map[string]string        // feature -> which series were left out, since they lack the identifying labels that others have
	Late     map[string]time.Duration // host -> how late its samples come, where that is later than the source is read: what is read of it is missing, or old; nil: of none

	values []float64 // host-major, then instant, then feature
}

// NewFrame is a frame of gaps. Hosts must be sorted and distinct.
func NewFrame(hosts, features []string, start time.Time, step time.Duration, instants int) *Frame {
	f := &Frame{
		Hosts: hosts, Features: features, Start: start, Step: step, Instants: instants,
		Labels: make([]map[string]string, len(hosts)),
		Failed: map[string]error{}, LeftOut: map[string]string{},
		values: make([]float64, len(hosts)*instants*len(features)),
	}
	for i := range f.Labels {
		f.Labels[i] = map[string]string{}
	}
	for i := range f.values {
		f.values[i] = math.NaN()
	}
	return f
}

// Row is one host's features at one instant, len(Features) long. It aliases
// the frame's memory: writing to it changes the frame.
func (f *Frame) Row(host, instant int) []float64 {
	n := len(f.Features)
	at := (host*f.Instants + instant) * n
	return f.values[at : at+n : at+n]
}

// At is one value.
func (f *Frame) At(host, instant, feature int) float64 {
	return f.values[(host*f.Instants+instant)*len(f.Features)+feature]
}

// Set changes one value.
func (f *Frame) Set(host, instant, feature int, v float64) {
	f.values[(host*f.Instants+instant)*len(f.Features)+feature] = v
}

// Time is when an instant was.
func (f *Frame) Time(instant int) time.Time {
	return f.Start.Add(time.Duration(instant) * f.Step)
}

// Host is a host's index by name, or -1.
func (f *Frame) Host(name string) int {
	if i, ok := slices.BinarySearch(f.Hosts, name); ok {
		return i
	}
	return -1
}
