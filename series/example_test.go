package series_test

import (
	"fmt"

	"github.com/omenhq/omen/series"
)

// A file of two hosts, read whole. Numbers that are missing are NaN.
func ExampleOpenCSV() {
	file, err := series.OpenCSV("testdata/two-hosts.csv", series.CSVOptions{})
	if err != nil {
		panic(err)
	}
	f, err := file.Frame()
	if err != nil {
		panic(err)
	}
	for h, host := range f.Hosts {
		for i := range f.Instants {
			fmt.Println(f.Time(i).Format("15:04:05"), host, f.Features, f.Row(h, i))
		}
	}
	// Output:
	// 08:00:00 db-1 [cpu memory] [0.2 0.5]
	// 08:00:15 db-1 [cpu memory] [0.3 NaN]
	// 08:00:00 web-1 [cpu memory] [0.7 0.3]
	// 08:00:15 web-1 [cpu memory] [0.8 0.3]
}
