package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/training"
)

type tuneCmd struct {
	Data    dataFlags   `embed:""`
	Storage storageFlag `embed:"" prefix:"storage."`
	Trials  int         `help:"How many settings to try in addition to the built-in one." default:"16" least:"1"`
	Seed    uint64      `help:"Seed of all random numbers, the choice of settings included." default:"0"`
	DryRun  bool        `help:"Only show the table, and store nothing."`
}

// Help is shown below the flags.
func (tuneCmd) Help() string {
	return `Each setting trains on the first four fifths of each host's history and is scored
by how well it predicts every feature from the others in the last fifth. Examples:

  omen tune history.csv.gz
  omen tune --prometheus.url=http://prometheus:9090 --history=2d
  omen tune --prometheus.url=http://127.0.0.1:9909 --step=1s --history=2h --dry-run`
}

// setting is one point of the search, and how it did.
type setting struct {
	app.Tuned
	name  string
	plain float64
	took  time.Duration
}

func (c *tuneCmd) Run(e *env) error {
	all, err := c.Data.read(e.ctx)
	if err != nil {
		return err
	}
	var db *store.DB
	if !c.DryRun { // before minutes of work: may the winner be stored?
		if db, err = app.OpenDatabase(e.ctx, c.Storage.Path, false, e.log); err != nil {
			return inUse(c.Storage.Path, err)
		}
		defer db.Close()
	}
	b := newBar(e.errors, "trying settings")
	tried := settings(c.Trials, c.Seed)
	for i := range tried {
		if err := tried[i].try(e.ctx, all, c.Seed); err != nil {
			b.end()
			return err
		}
		b.at(float64(i+1) / float64(len(tried)))
	}
	b.end()
	slices.SortStableFunc(tried, func(a, b setting) int { return cmp.Compare(a.Validation, b.Validation) })
	w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "layers\tlearning rate\tmask rate\tvalidation\tplain loss\tseconds\t\t")
	for i, s := range tried {
		note := s.name
		if i == 0 {
			note += " <- best"
		}
		fmt.Fprintf(w, "%v\t%g\t%g\t%.4f\t%.4f\t%.1f\t%s\t\n", s.Hidden, s.LearningRate, s.MaskRate, s.Validation, s.plain, s.took.Seconds(), note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if c.DryRun {
		return nil
	}
	best := tried[0].Tuned
	best.At, best.From = time.Now().UTC(), all[0].name
	if len(all) > 1 {
		best.From = omen.Plural(len(all), "host", "hosts")
	}
	if err := app.StoreTuned(e.ctx, db, best); err != nil {
		return fmt.Errorf("store the best setting: %w", err)
	}
	fmt.Fprintf(e.out, "stored in %s: serve trains with it from the next start on\n", c.Storage.Path)
	return nil
}

// settings are the built-in setting and others drawn from a grid, each once.
func settings(n int, seed uint64) []setting {
	builtin := setting{Tuned: app.Tuned{Hidden: []int{32, 8, 32}, LearningRate: 2e-3, MaskRate: .3}, name: "built in"}
	var grid []setting
	for _, hidden := range [][]int{{16, 4, 16}, {32, 8, 32}, {64, 16, 64}, {64, 32, 16, 32, 64}, {48}} {
		for _, rate := range []float64{5e-4, 1e-3, 2e-3, 5e-3} {
			for _, mask := range []float64{.1, .2, .3, .5} {
				grid = append(grid, setting{Tuned: app.Tuned{Hidden: hidden, LearningRate: rate, MaskRate: mask}})
			}
		}
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	rng.Shuffle(len(grid), func(i, j int) { grid[i], grid[j] = grid[j], grid[i] })
	return append([]setting{builtin}, grid[:min(max(n, 0), len(grid))]...)
}

// try measures a setting: the mean over hosts and validation samples of the
// squared error with which each feature is predicted from the others, which
// can be compared between mask rates. One sample counts at most 100 units, so
// that a single incident does not decide.
func (s *setting) try(ctx context.Context, all []history, seed uint64) error {
	begin := time.Now()
	var sum, plain float64
	var count int
	for _, h := range all {
		train, validation := training.Split(h.vectors, .2)
		r, err := training.Run(ctx, training.Task{
			Schema: h.schema, Vectors: train, Validation: validation, Options: s.Apply(detect.Options{Step: h.step, Seed: seed}),
		})
		if err != nil {
			return fmt.Errorf("train %s: %w", h.name, err)
		}
		plain += r.Model.Card().Loss.PlainValidation / float64(len(all))
		stream := r.Model.Stream(train[max(0, len(train)-200):])
		for _, v := range validation {
			score, err := stream.Score(v)
			if err != nil {
				return fmt.Errorf("score %s: %w", h.name, err)
			}
			sum += math.Min(score.ReconstructionError, 100)
			count++
		}
	}
	if count == 0 {
		return fmt.Errorf("validate: %w", omen.ErrTooFew)
	}
	s.Validation, s.plain, s.took = sum/float64(count), plain, time.Since(begin)
	return nil
}
