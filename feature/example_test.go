package feature_test

import (
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

// A profile of one measured and one derived feature, and what it makes of a
// frame: usually one that a source answered for the schema's Exprs.
func ExampleSchema() {
	schema, err := feature.NewSchema(feature.Profile{Name: "shop", Features: []feature.Feature{
		{Name: "stock", Expr: "max by ($by) (shop_stock_bytes)", Unit: omen.Bytes, Deviation: 10},
		{Name: "stock_rate", Rule: feature.Rule{Kind: feature.Rate, Of: "stock", Over: 30 * time.Second}, Deviation: 1},
	}})
	if err != nil {
		panic(err)
	}
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	f := series.NewFrame([]string{"till-1"}, []string{"stock"}, start, 15*time.Second, 3)
	for i, stock := range []float64{100, 130, 160} {
		f.Set(0, i, 0, stock)
	}
	fmt.Println(schema.Names())
	for _, v := range schema.History(f, "local", 0) {
		fmt.Println(v.At.Format("15:04:05"), v.Host.Name, v.Values)
	}
	// Output:
	// [stock stock_rate]
	// 08:00:00 till-1 [100 NaN]
	// 08:00:15 till-1 [130 NaN]
	// 08:00:30 till-1 [160 2]
}
