package detect_test

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
)

// A model of a host whose load follows its cpu scores a sample like the ones it
// learned from, and one in which the load does not.
func ExampleFit() {
	schema, err := feature.FromColumns("example", []string{"cpu", "load"}, feature.Feature{Scale: 1})
	if err != nil {
		panic(err)
	}
	sample := func(i int) omen.Vector {
		cpu := .4 + .2*math.Sin(float64(i)/9)
		return omen.Vector{
			Host: omen.Host{Source: "file", Profile: "example", Name: "web-1"},
			At:   time.Date(2026, 1, 5, 0, i, 0, 0, time.UTC), Values: []float64{cpu, cpu / 2},
		}
	}
	var past []omen.Vector
	for i := range 600 {
		past = append(past, sample(i))
	}
	model, err := detect.Fit(context.Background(), schema, past, nil, detect.Options{Step: time.Minute})
	if err != nil {
		panic(err)
	}
	usual, odd := sample(600), sample(601)
	odd.Values[1] = 3
	stream := model.Stream(past[300:])
	for _, v := range []omen.Vector{usual, odd} {
		score, err := stream.Score(v)
		if err != nil {
			panic(err)
		}
		if score.Anomalous() {
			fmt.Println("anomalous:", score.Causes[0].Feature)
			continue
		}
		fmt.Println("usual")
	}
	// Output:
	// usual
	// anomalous: load
}
