package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/bench"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/replay"
)

type replayCmd struct {
	Data         dataFlags `embed:""`
	Skip         string    `help:"How much of the history only trains the first model, before scoring begins." default:"0s" placeholder:"DURATION"`
	PagesPerWeek float64   `help:"False pages per host and week that you accept." default:"1" placeholder:"N"`
	Plot         string    `help:"Write a chart of each host to this folder." placeholder:"DIR" type:"path"`
}

// Help is shown below the flags.
func (replayCmd) Help() string {
	return `Nothing is stored and nobody is notified. Examples:

  omen replay --prometheus.url=http://prometheus:9090 --history=7d --skip=1d --plot=plots
  omen replay history.csv.gz`
}

func (c *replayCmd) Run(e *env) error {
	skip, err := model.ParseDuration(c.Skip)
	if err != nil {
		return omen.WithHint(fmt.Errorf("--skip: %w", err), "write it like 1d or 12h")
	}
	all, err := c.Data.read(e.ctx)
	if err != nil {
		return err
	}
	if c.Plot != "" {
		if err := os.MkdirAll(c.Plot, 0o750); err != nil {
			return fmt.Errorf("make folder for charts: %w", err)
		}
	}
	var replayed []*replay.Timeline
	b := newBar(e.errors, "replaying")
	for i, h := range all {
		skipped := h.vectors[0].At.Add(time.Duration(skip))
		n, _ := slices.BinarySearchFunc(h.vectors, skipped, func(v omen.Vector, t time.Time) int { return v.At.Compare(t) })
		t, err := replay.Run(e.ctx, h.vectors[:n], h.vectors[n:], replay.Options{
			Schema: h.schema, Detect: detect.Options{Step: h.step, PagesPerWeek: c.PagesPerWeek},
			Progress: func(done float64) { b.at((float64(i) + done) / float64(len(all))) },
		})
		if err != nil {
			b.end()
			return err
		}
		replayed = append(replayed, t)
	}
	b.end()
	if err := replay.Write(e.out, replayed); err != nil {
		return err
	}
	for i, t := range replayed {
		if c.Plot == "" || len(t.Samples) == 0 {
			continue
		}
		path, err := bench.PlotTimeline(c.Plot, t, all[i].schema.Names())
		if err != nil {
			return err
		}
		fmt.Fprintln(e.out, "wrote", path)
	}
	return nil
}
