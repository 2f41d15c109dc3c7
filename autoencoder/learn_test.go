package autoencoder

import (
	"math"
	"testing"
)

// TestLearnsLowRank: ten features driven by two factors with noise of
// deviation 0.1. The best plain reconstruction through a bottleneck of two or
// more leaves at most the noise, mean square 0.01; the rows' own mean square
// is about 1. Small tanh networks with a finite budget get within three
// times the noise, 0.03, which nothing that ignores the structure does.
func TestLearnsLowRank(t *testing.T) {
	const width = 10
	rows := lowRank(4000, width, 2, 0.1, 3)
	n, r := mustTrain(t, rows, width, Options{Seed: 1, Holdout: 0.25, Epochs: 30})
	fresh := lowRank(4000, width, 2, 0.1, 3)[3000*width:]
	mse := meanSquaredError(n, fresh)
	t.Logf("train %.4f validation %.4f, mean squared error %.4f", r.Epochs[r.Best].Train, r.Epochs[r.Best].Validation, mse)
	if mse > 0.03 {
		t.Errorf("mean squared error %v, want below 0.03", mse)
	}
	if d := math.Abs(mse - r.Epochs[r.Best].Validation); d > 0.05*mse+1e-4 {
		t.Errorf("reported validation loss %v, mean squared error %v", r.Epochs[r.Best].Validation, mse)
	}
}

// TestImputesBetterThanMean: a hidden feature that is a mix of two factors
// which nine others show too can be told from them; the mean (0) cannot.
func TestImputesBetterThanMean(t *testing.T) {
	const width = 10
	rows := lowRank(4000, width, 2, 0.1, 3)
	n, r := mustTrain(t, rows[:3000*width], width, Options{Masked: true, Seed: 1, Epochs: 30})
	test := rows[3000*width:]
	s, dst, mask := n.NewScratch(64), make([]float32, len(test)), make([]float32, len(test))
	var own, mean float64
	for j := range width {
		for i := range mask {
			mask[i] = 1
			if i%width == j {
				mask[i] = 0
			}
		}
		n.Reconstruct(dst, test, mask, s)
		for i := j; i < len(test); i += width {
			own += math.Pow(float64(dst[i]-test[i]), 2)
			mean += math.Pow(float64(test[i]), 2)
		}
	}
	t.Logf("imputation error %.4f of the mean's; train loss %.4f", own/mean, r.Epochs[r.Best].Train)
	if own > mean/4 {
		t.Errorf("imputation leaves %.3f of the variance, want under a quarter", own/mean)
	}
}
