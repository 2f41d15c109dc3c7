// Package onnxtest runs exported networks in onnxruntime, for the tests that
// hold them against our own arithmetic. [Run] is all of it; it skips the test
// where Node or onnxruntime is not installed.
package onnxtest

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// Run gives the outputs by name, one row of width after another. x may hold NaN;
// dir is autoencoder/testdata/onnx from where the test runs.
func Run(t *testing.T, dir string, model []byte, x []float64, mask []float32, width int) map[string][]float64 {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the ONNX export is not compared with onnxruntime")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "onnxruntime-web")); err != nil {
		t.Skip("onnxruntime is not installed: `make onnx` (npm ci in autoencoder/testdata/onnx) installs it")
	}
	values := make([]*float64, len(x)) // JSON has no NaN
	for i := range x {
		if !math.IsNaN(x[i]) {
			values[i] = &x[i]
		}
	}
	job := must.Get(json.Marshal(map[string]any{"model": model, "rows": len(x) / width, "width": width, "x": values, "mask": mask}))(t)
	cmd := exec.CommandContext(t.Context(), node, "run.mjs")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(job), &stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("onnxruntime: %v: %s", err, stderr.String())
	}
	var out map[string][]float64
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("onnxruntime answered %.200q: %v", answer, err)
	}
	return out
}
