// Package torch compares training in package autoencoder with PyTorch
// (compare.py) in one run:
//
//	go test -count=1 -v ./bench/torch
package torch

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/omenhq/omen/autoencoder"
)

// The host of the bar: a week of minutes, forty features, twelve epochs.
const rows, width, epochs = 10080, 40, 12

// python is the interpreter that can import torch, or "".
func python() string {
	for _, p := range []string{os.Getenv("OMEN_TORCH_PYTHON"), "python3", "/usr/bin/python3"} {
		if p != "" && exec.Command(p, "-c", "import torch").Run() == nil {
			return p
		}
	}
	return ""
}

// lowRank are features of variance about 1 that mix six hidden factors, with
// noise of deviation 0.2, as compare.py makes them.
func lowRank() []float32 {
	rng := rand.New(rand.NewPCG(1, 1))
	const rank = 6
	mix := make([]float64, rank*width)
	for i := range mix {
		mix[i] = rng.NormFloat64() / math.Sqrt(rank)
	}
	x := make([]float32, 0, rows*width)
	for range rows {
		var z [rank]float64
		for k := range z {
			z[k] = rng.NormFloat64()
		}
		for j := range width {
			v := 0.2 * rng.NormFloat64()
			for k := range z {
				v += z[k] * mix[k*width+j]
			}
			x = append(x, float32(v))
		}
	}
	return x
}

// TestTrainingAgainstTorch trains the same network on the same amount of like
// data with both, one thread each, and prints the ratio of their times (the
// best of several runs each). With AVX2 it fails if the autoencoder is less than ten
// times as fast, which is the project's bar, or learns clearly worse: a fast
// training that does not learn proves nothing.
func TestTrainingAgainstTorch(t *testing.T) {
	if testing.Short() {
		t.Skip("takes about ten seconds of one core")
	}
	py := python()
	if py == "" {
		t.Skip("no python3 that imports torch: install Debian's python3-torch, or set OMEN_TORCH_PYTHON, to compare with PyTorch")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	data := lowRank()
	best, loss := time.Duration(math.MaxInt64), 0.0
	for range 10 {
		start := time.Now()
		_, r, err := autoencoder.Train(context.Background(), data, width, autoencoder.Options{Masked: true, Epochs: epochs, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		best, loss = min(best, time.Since(start)), r.Epochs[r.Best].Train
	}
	cmd := exec.Command(py, "compare.py", strconv.Itoa(rows), strconv.Itoa(width), strconv.Itoa(epochs))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("run compare.py: %v", err)
	}
	var torch struct {
		Torch         string
		Seconds, Loss float64
	}
	if err := json.Unmarshal(out, &torch); err != nil {
		t.Fatalf("read compare.py's answer %q: %v", out, err)
	}
	ratio := torch.Seconds / best.Seconds()
	t.Logf("%d rows x %d features, %d epochs, batch 128, one thread: torch %s %.3f s (loss %.3f), autoencoder %.4f s (loss %.3f): %.1f times as fast",
		rows, width, epochs, torch.Torch, torch.Seconds, torch.Loss, best.Seconds(), loss, ratio)
	if ratio < 10 && cpu.X86.HasAVX2 {
		t.Errorf("%.1f times as fast as torch, want 10", ratio)
	}
	if loss > 1.5*torch.Loss+0.01 {
		t.Errorf("loss %.4f, torch reaches %.4f", loss, torch.Loss)
	}
}
