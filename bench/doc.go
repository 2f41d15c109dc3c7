// Package bench measures how well detectors work on labelled data: it reads
// data sets in the layout of docs/bench.md, runs detectors over them the way
// `omen serve` would (fit on history, score in time order, retrain daily) and
// gives quality tables. Start at [Run]; its answer is a [Result].
//
// It refuses to show labels to a detector, to tune anything per series, and
// to report point-adjusted F1 (random scores reach .80 with it).
package bench
