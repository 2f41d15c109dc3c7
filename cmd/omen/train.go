package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/training"
)

type trainCmd struct {
	Data       dataFlags `embed:""`
	Validation float64   `help:"Share of the history, its last part, that is kept out of training and validates the model." default:"0.2" placeholder:"SHARE"`
	Seed       uint64    `help:"Seed of all random numbers: the same data and seed give the same model." default:"0"`
	Output     string    `help:"Save the model here; with several hosts, a folder." placeholder:"FILE" type:"path"`
}

// Help is shown below the flags.
func (trainCmd) Help() string {
	return `serve trains by itself; this command shows what a model learns. Examples:

  omen train history.csv.gz
  omen train --prometheus.url=http://prometheus:9090 --host=web-1:9100 --history=2d
  omen train folder/ --output=models/`
}

func (c *trainCmd) Run(e *env) error {
	if !(c.Validation >= 0 && c.Validation < 1) {
		return omen.WithHint(fmt.Errorf("--validation=%v: %w", c.Validation, omen.ErrInvalid), "give a share such as 0.2")
	}
	all, err := c.Data.read(e.ctx)
	if err != nil {
		return err
	}
	for i, h := range all {
		train, validation := training.Split(h.vectors, c.Validation)
		b := newBar(e.errors, "training "+h.name)
		begin := time.Now()
		r, err := training.Run(e.ctx, training.Task{Schema: h.schema, Vectors: train, Validation: validation, Options: detect.Options{
			Step: h.step, Seed: c.Seed, SelfTest: true,
			Progress: func(done, total int) { b.at(float64(done) / float64(total)) },
		}})
		b.end()
		if err != nil {
			return fmt.Errorf("train %s: %w", h.name, err)
		}
		if i > 0 {
			fmt.Fprintln(e.out)
		}
		report(e.out, h, r.Model.Card(), len(train), len(validation), time.Since(begin))
		if err := c.save(e.out, h.name, r.Model, len(all) > 1); err != nil {
			return err
		}
	}
	return nil
}

func (c *trainCmd) save(w io.Writer, name string, m *detect.Model, several bool) error {
	if c.Output == "" {
		return nil
	}
	path := c.Output
	if several {
		if err := os.MkdirAll(path, 0o750); err != nil {
			return fmt.Errorf("save model: %w", err)
		}
		path = filepath.Join(path, strings.NewReplacer("/", "_", ":", "_").Replace(name)+".omen")
	}
	blob, err := m.MarshalBinary()
	if err == nil {
		err = os.WriteFile(path, blob, 0o600)
	}
	if err != nil {
		return fmt.Errorf("save model of %s: %w", name, err)
	}
	fmt.Fprintf(w, "saved to %s (%d kB)\n", path, len(blob)/1000)
	return nil
}

// What the original system reached on its own data after tuning, by its report:
// plain mean squared error of features scaled to [0, 1].
const original = "the system that Omen replaces reached, tuned, on its own data: 0.0042 to 0.0532 in training, 0.0453 to 0.0732 in validation"

// report writes a model card for people.
func report(w io.Writer, h history, c detect.Card, train, validation int, took time.Duration) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	learned := ""
	if took > 0 {
		learned = ", trained in " + took.Round(10*time.Millisecond).String()
	}
	p("%s: a model of grade %s%s", h.name, c.Grade, learned)
	p("  samples       %d from %s to %s UTC, every %s: %d to train, %d to validate; %d left out", c.Rows, stamp(c.From), stamp(c.To), c.Step, train, validation, c.LeftOut)
	p("  features      %d in use, %d not", len(c.Active), len(c.Inactive))
	for _, f := range c.Inactive {
		p("                not %s: %s", f.Feature, f.Why)
	}
	p("  reconstruction loss (mean squared error, features scaled to [0, 1] by their range in training)")
	p("                training %.4f, validation %.4f", c.Loss.PlainTrain, c.Loss.PlainValidation)
	p("                %s", original)
	p("  masked loss   training %.4f, validation %.4f, best epoch %d of %d", c.Loss.MaskedTrain, c.Loss.MaskedValidation, c.Loss.Best+1, len(c.Loss.Epochs))
	l := c.Limit
	p("  limit         %.4g by %s (%.2g false pages a week accepted)", l.Chosen, l.Rule, l.PagesPerWeek)
	p("  for comparison  mean + 3 deviations %.4g, 95 %% %.4g, 99 %% %.4g, 99.5 %% %.4g", l.MeanPlus3SD, l.P95, l.P99, l.P995)
	n := c.Normality
	verdict := "not normally distributed, so mean + 3 deviations would be wrong"
	if n.Normal {
		verdict = "may be normally distributed"
	}
	p("  errors are    %s: skewness %.2f, excess kurtosis %.2f, Jarque-Bera p = %.2g, Anderson-Darling p = %.2g", verdict, n.Skewness, n.Kurtosis, n.JarqueBeraP, n.AndersonP)
	for _, t := range c.SelfTest {
		p("  self-test     %-10s found %s", t.Kind, shares(t.Recall, t.Sizes))
		if len(t.Marked) > 0 {
			p("                %-10s marked on the timeline: %s", "", shares(t.Marked, t.Sizes))
		}
	}
}

// shares are the self-test's, of faults of some sizes.
func shares(of, sizes []float64) string {
	var all []string
	for i, share := range of {
		text := fmt.Sprintf("%.0f %%", 100*share)
		if i < len(sizes) {
			text += fmt.Sprintf(" of size %g", sizes[i])
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
