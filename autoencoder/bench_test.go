package autoencoder

import (
	"context"
	"testing"
)

// The host of the speed bar: a week of minutes, forty features.
const (
	benchRows  = 10080
	benchWidth = 40
)

func BenchmarkTrain(b *testing.B) {
	rows := lowRank(benchRows, benchWidth, 6, 0.2, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Train(context.Background(), rows, benchWidth, Options{Masked: true}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*12*benchRows/b.Elapsed().Seconds(), "rows/s")
}
