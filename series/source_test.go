package series_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/series/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCSVSource(t *testing.T) {
	var text strings.Builder
	fmt.Fprintln(&text, "time,instance,busy,load,swap")
	for i := range sourcetest.Instants {
		for h, host := range []string{"a", "b", "c"} {
			if row := sourcetest.Row(h, i); h != 2 || i < sourcetest.GapFrom || i >= sourcetest.GapTo {
				fmt.Fprintf(&text, "%s,%s,%g,%g,%g\n", sourcetest.Time(i).Format(time.RFC3339), host, row[0], row[1], row[2])
			}
		}
	}
	path := filepath.Join(t.TempDir(), "fixture.csv")
	must.OK(t, os.WriteFile(path, []byte(text.String()), 0o644))
	c := must.Get(series.OpenCSV(path, series.CSVOptions{}))(t)
	sourcetest.RunByName(t, c)
}
