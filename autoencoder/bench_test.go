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

// benchReconstruct reconstructs vectors as the detector does: each four
// times, with another group of features hidden.
func benchReconstruct(b *testing.B, vectors int) {
	rows := lowRank(1000, benchWidth, 6, 0.2, 1)
	n, _ := mustTrain(b, rows, benchWidth, Options{Masked: true, Epochs: 1})
	var x, mask []float32
	for v := range vectors {
		for g := range 4 {
			x = append(x, rows[v%1000*benchWidth:][:benchWidth]...)
			for j := range benchWidth {
				if j%4 == g {
					mask = append(mask, 0)
				} else {
					mask = append(mask, 1)
				}
			}
		}
	}
	dst, s := make([]float32, len(x)), n.NewScratch(min(4*vectors, 128))
	b.ReportAllocs()
	for b.Loop() {
		n.Reconstruct(dst, x, mask, s)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*vectors), "µs/vector")
}

func BenchmarkReconstructBatch(b *testing.B) { benchReconstruct(b, 256) }
func BenchmarkReconstructOne(b *testing.B)   { benchReconstruct(b, 1) }

func BenchmarkUnmarshal(b *testing.B) {
	n, _ := mustTrain(b, lowRank(200, benchWidth, 6, 0.2, 1), benchWidth, Options{Masked: true, Epochs: 1})
	data := encoded(b, n)
	b.ReportAllocs()
	b.ReportMetric(float64(len(data)), "bytes")
	for b.Loop() {
		if _, err := Unmarshal(data); err != nil {
			b.Fatal(err)
		}
	}
}
