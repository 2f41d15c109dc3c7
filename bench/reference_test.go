package bench

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

type expectation struct {
	VUSWindow int     `json:"vus_window"`
	VUSPR     float64 `json:"vus_pr"`
	AUCPR     float64 `json:"auc_pr"`
}

func expected(t *testing.T) map[string]expectation {
	t.Helper()
	data := must.Get(os.ReadFile(filepath.Join("testdata", "reference", "expected.json")))(t)
	var want map[string]expectation
	must.OK(t, json.Unmarshal(data, &want))
	return want
}

// The three score series of the study were measured with TSB-AD's own code.
func TestReferenceScores(t *testing.T) {
	want := expected(t)
	files, err := filepath.Glob(filepath.Join("testdata", "reference", "*.csv.gz"))
	if err != nil || len(files) != 3 {
		t.Fatalf("reference score series: %v, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".csv.gz")
		t.Run(name, func(t *testing.T) {
			scores, labels := readScores(t, file)
			w := want[name]
			if got := vusPR(scores, labels, w.VUSWindow); math.Abs(got-w.VUSPR) > 0.001 {
				t.Errorf("VUS-PR %.5f, want %.4f", got, w.VUSPR)
			}
			if got := aucPR(scores, labels); math.Abs(got-w.AUCPR) > 0.001 {
				t.Errorf("AUC-PR %.5f, want %.4f", got, w.AUCPR)
			}
		})
	}
}

// TSB-AD's rule gave the study its windows; ours is the same rule.
func TestReferenceWindows(t *testing.T) {
	all := must.Get(Load("testdata"))(t)
	want := expected(t)
	for _, s := range all {
		if got := longestBuffer(s); got != want[s.Name].VUSWindow {
			t.Errorf("%s: window %d, want %d", s.Name, got, want[s.Name].VUSWindow)
		}
	}
}

func readScores(t *testing.T, file string) (scores []float64, labels []bool) {
	t.Helper()
	f := must.Get(os.Open(file))(t)
	defer f.Close()
	z := must.Get(gzip.NewReader(f))(t)
	lines := bufio.NewScanner(z)
	lines.Scan() // the header
	for lines.Scan() {
		score, label, _ := strings.Cut(lines.Text(), ",")
		x := must.Get(strconv.ParseFloat(score, 64))(t)
		scores = append(scores, x)
		labels = append(labels, label == "1")
	}
	return scores, labels
}
