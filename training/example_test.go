package training_test

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/training"
)

// A host's first model, and an hour later the next, validated against it.
func ExampleRun() {
	schema, err := feature.FromColumns("example", []string{"cpu", "load"}, feature.Feature{Scale: 1})
	if err != nil {
		panic(err)
	}
	var all []omen.Vector
	for i := range 600 {
		cpu := .4 + .2*math.Sin(float64(i)/9)
		all = append(all, omen.Vector{
			Host: omen.Host{Source: "file", Profile: "example", Name: "web-1"},
			At:   time.Date(2026, 1, 5, 0, i, 0, 0, time.UTC), Values: []float64{cpu, cpu / 2},
		})
	}
	task := training.Task{Schema: schema, Vectors: all[:300], Options: detect.Options{Step: time.Minute}}
	first, err := training.Run(context.Background(), task)
	if err != nil {
		panic(err)
	}
	fmt.Println(first.Model.Grade(), first.Model.Rows(), first.Why)
	task.Vectors, task.Champion = all, first.Model
	next, err := training.Run(context.Background(), task)
	if err != nil {
		panic(err)
	}
	fmt.Println(next.Model.Grade(), next.Model.Rows(), next.Promoted)
	// Output:
	// learning 300 the first model of this host
	// learning 600 true
}
