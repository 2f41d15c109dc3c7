// Package series is numbers by time: it reads what hosts measured, wherever
// that is kept, as a [Frame] of hosts x instants x features.
//
// The key type is [Source]. Three sources answer the same [Query]: [Local] (an
// embedded Prometheus TSDB with Prometheus' own engine), [Remote] (any
// Prometheus-compatible HTTP API) and [CSV] (a file).
//
// It refuses to interpret: it knows no feature by name, fills no gap, and does
// not guess a value. A feature whose query fails is named in [Frame.Failed]; a
// source that does not answer at all is an error.
package series
