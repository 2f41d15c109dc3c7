package bench

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

func TestReadKinds(t *testing.T) {
	const header = "kind,start,end\n"
	for _, c := range []struct{ text, want, says string }{
		{header + "cpu,2,4\n\nleak,9,9\n", "cpu leak", ""},
		{header, " ", ""},
		{"cpu,2,4\n", " ", `faults.csv:1: "cpu,2,4" is not the header`},
		{header + "cpu,2\n", " ", `faults.csv:2: "cpu,2" is not kind,start,end`},
		{header + "cpu,2,4\nleak,nine,9\n", "cpu ", `faults.csv:3: "leak,nine,9": start and end are not row numbers`},
		{header + "cpu,5,7\n", " ", `faults.csv:2: "cpu,5,7" touches no labelled sample`},
	} {
		dir := write(t, map[string]string{"faults.csv": c.text})
		s := &Series{Segments: []Segment{{Start: 2, End: 4}, {Start: 8, End: 10}}}
		err := readKinds(filepath.Join(dir, "faults.csv"), s)
		if got := s.Segments[0].Kind + " " + s.Segments[1].Kind; got != c.want {
			t.Errorf("%q: kinds %q, want %q", c.text, got, c.want)
		}
		if c.says == "" && err != nil || c.says != "" && (!errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: %v, want %q", c.text, err, c.says)
		}
	}
	if err := readKinds(filepath.Join(t.TempDir(), "none.csv"), &Series{}); err != nil {
		t.Errorf("a missing file: %v", err)
	}
}

// A fault that was never noticed counts neither in medians nor as right.
func TestWriteFaults(t *testing.T) {
	never := Number(math.NaN())
	r := FaultReport{FalsePages: 2, NormalHours: 1.5, Faults: []Fault{
		{Series: "web", Kind: "cpu", Lasted: 120, Alert: 4, Page: 9, Cause: "cpu_user", Right: true},
		{Series: "web", Kind: "leak", Lasted: 140, Alert: 8, Page: never, Cause: "forks"},
		{Series: "db", Kind: "fill", Lasted: 130, Alert: never, Page: never},
	}}
	var out strings.Builder
	must.OK(t, r.Write(&out))
	for _, want := range []string{
		"cpu_user     yes", "forks        no", "–            –",
		"3 faults: 2 above the limit, median after 6.0 s, right cause first in 1 (50 %); 1 notified, median after 9.0 s",
		"false pages: 2 in 1.5 h outside of faults",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
