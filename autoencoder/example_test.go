package autoencoder_test

import (
	"context"
	"fmt"
	"math"

	"github.com/omenhq/omen/autoencoder"
)

// Three features follow one another. A masked network learns that, and says
// what the third should be when it is hidden.
func ExampleTrain() {
	const width = 3
	var rows []float32
	for i := range 2000 {
		x := float32(math.Sin(float64(i) / 7))
		rows = append(rows, x, -x, 0.5*x)
	}
	n, _, err := autoencoder.Train(context.Background(), rows, width, autoencoder.Options{Masked: true, Epochs: 40})
	if err != nil {
		fmt.Println(err)
		return
	}
	row, mask := []float32{0.8, -0.8, 0}, []float32{1, 1, 0}
	expected := make([]float32, width)
	n.Reconstruct(expected, row, mask, n.NewScratch(1))
	fmt.Printf("the third feature should be %.1f\n", expected[2])
	// Output: the third feature should be 0.4
}
