package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/bench"
	"github.com/omenhq/omen/bench/baseline"
	"github.com/omenhq/omen/bench/exhaustion"
	"github.com/omenhq/omen/detect"
)

type benchCmd struct {
	Dirs     []string  `arg:"" optional:"" help:"Folders of labelled data; docs/bench.md has their layout." type:"path"`
	Detector []string  `help:"Methods to run; all runs every method." default:"ran" placeholder:"NAME"`
	Series   bool      `help:"A row for every series, not for every data set."`
	Ablate   bool      `help:"Also run Omen's detector without each of its parts in turn."`
	Workers  int       `help:"Series run at once; 0: one for each processor." default:"0" least:"0"`
	JSON     jsonTo    `help:"Print the numbers as one JSON object instead of tables; with --json=FILE write them to the file beside the tables." name:"json"`
	Plot     string    `help:"Write a chart of every series, or with --feedback of its curve, to this folder." placeholder:"DIR" type:"path"`
	Feedback []int     `help:"Measure what an operator's first N verdicts per series are worth, such as 1,3,5." placeholder:"N" least:"1"`
	Budget   []float64 `help:"Run Omen with these budgets of false pages per host and week beside the default of 1." placeholder:"N" above:"0"`
	Fold     []string  `help:"Choose among values of a detector's option by the other data sets and series, such as ridge=3,10,30; given more than once, among all combinations." placeholder:"OPTION=VALUE,…" sep:"none"`
	Weeks    int       `help:"Simulate N weeks of each series' normal load, and count the false pages." placeholder:"N" least:"1"`
	Worlds   int       `help:"Make N seeded copies of each series with a benign change in its test part, and count the false pages." placeholder:"N" least:"1"`
	Hours    int       `help:"Replay N first hours of each recording, as many with a benign change and as many with a fault, and count false pages and faults notified." name:"first-hours" placeholder:"N" least:"1"`
	Forecast bool      `help:"Measure forecasts of what becomes full beside the usual threshold rules, on simulated resources or on the folder of recordings that is given."`
	Seeds    []uint64  `help:"With --forecast: seeds of the simulator, ten resources of each kind for each." default:"11,12,13" placeholder:"N"`
	Compare  string    `help:"Show what changed since this file, written by --json." placeholder:"FILE" type:"existingfile"`
}

// jsonTo is where JSON goes: nowhere, to a file (--json=FILE), or [toOutput]
// (--json alone).
type jsonTo string

const toOutput jsonTo = "-"

// IsBool lets the flag stand without a value.
func (*jsonTo) IsBool() bool { return true }

// Decode implements kong.MapperValue.
func (j *jsonTo) Decode(ctx *kong.DecodeContext) error {
	*j = toOutput
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		if file, ok := ctx.Scan.Pop().Value.(string); ok {
			*j = jsonTo(file)
		}
	}
	return nil
}

// Help is shown below the flags.
func (benchCmd) Help() string {
	text := "Examples:\n\n  omen bench ../shared/bench\n  omen bench data/ --detector=ran,zscore --json=new.json --compare=old.json\n\nMethods:\n\n"
	for _, d := range methods() {
		text += fmt.Sprintf("  %-14s %s\n", d.Name, d.Help)
	}
	return text
}

// methods are Omen's detector and what it is compared with.
func methods() []bench.Method {
	return append(bench.Omen(detect.Options{}), baseline.Methods()...)
}

func (c *benchCmd) Run(e *env) error {
	if c.Forecast {
		return c.forecasts(e)
	}
	if len(c.Dirs) == 0 {
		return omen.WithHint(fmt.Errorf("no folder of labelled data: %w", omen.ErrInvalid), "name one, such as ../shared/bench, or give --forecast")
	}
	if c.Plot != "" && len(c.Feedback) == 0 && (len(c.Fold) > 0 || c.simulates()) {
		return omen.WithHint(fmt.Errorf("--plot: --fold, --weeks, --worlds and --first-hours have no charts: %w", omen.ErrInvalid), "leave it out, or run it without those")
	}
	var settings []bench.Setting
	for _, text := range c.Fold {
		s, err := bench.ParseSetting(text)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(settings, func(o bench.Setting) bool { return strings.EqualFold(o.Name, s.Name) }) {
			return omen.WithHint(fmt.Errorf("--fold: %s is given twice: %w", s.Name, omen.ErrInvalid), "give all of its values at once: "+s.Name+"=3,10,30")
		}
		settings = append(settings, s)
	}
	detectors, err := bench.Named(c.Detector, methods())
	if err != nil {
		return err
	}
	if c.Ablate {
		detectors = append(detectors, bench.Ablations()...)
	}
	detectors = append(detectors, bench.Promising(c.Budget)...)
	old, err := c.before()
	if err != nil {
		return err
	}
	all, err := bench.Load(c.Dirs...)
	if err != nil {
		return err
	}
	if len(c.Feedback) > 0 || len(c.Fold) > 0 || c.simulates() {
		return c.replay(e, all, settings)
	}
	began := time.Now()
	b := newBar(e.errors, fmt.Sprintf("running %d series", len(all)*len(detectors)))
	o := bench.Options{Series: all, Detectors: detectors, Workers: c.Workers, Progress: b.at}
	var plots []string
	var drawing error
	if c.Plot != "" {
		if err := os.MkdirAll(c.Plot, 0o750); err != nil {
			return fmt.Errorf("make folder for charts: %w", err)
		}
		o.Keep = func(detector string, s *bench.Series, r *bench.Scored) {
			path, err := bench.PlotSeries(c.Plot, detector, s, r)
			plots, drawing = append(plots, path), errors.Join(drawing, err)
		}
	}
	r, err := bench.Run(e.ctx, o)
	b.end()
	if err = errors.Join(err, drawing); err != nil {
		return err
	}
	if c.JSON == toOutput {
		return r.WriteJSON(e.out)
	}
	if err := r.WriteTables(e.out, c.Series); err != nil {
		return err
	}
	if r.Faults != nil {
		fmt.Fprintln(e.out)
		if err := r.Faults.Write(e.out); err != nil {
			return err
		}
	}
	fmt.Fprintf(e.out, "\n%d series in %s\n", len(all), time.Since(began).Round(time.Second))
	for _, p := range plots {
		fmt.Fprintln(e.out, "wrote", p)
	}
	if c.JSON != "" {
		if err := writeJSON(string(c.JSON), r); err != nil {
			return err
		}
	}
	if c.Compare != "" {
		return bench.Compare(e.out, old, r)
	}
	return nil
}

// simulates reports whether lives are made from the series.
func (c *benchCmd) simulates() bool { return c.Weeks > 0 || c.Worlds > 0 || c.Hours > 0 }

// forecasts measures forecasts of exhaustion on simulated resources.
func (c *benchCmd) forecasts(e *env) error {
	if len(c.Dirs) > 1 || c.JSON != "" || c.Plot != "" || c.Compare != "" || len(c.Feedback)+len(c.Budget)+len(c.Fold) > 0 || c.simulates() {
		return omen.WithHint(fmt.Errorf("--forecast: it prints tables only, of the simulator or of one folder: %w", omen.ErrInvalid), "give it one folder of recordings, such as bench/exhaustion/recorded, or none, and no other flag but --seeds")
	}
	if len(c.Dirs) == 1 {
		return c.recorded(e)
	}
	sets := []struct {
		what, head string
		kinds      []exhaustion.Kind
	}{
		{"simulating resources", "", exhaustion.Kinds()},
		{"simulating kinds by another author", "\nby another author, whose kinds the method was later chosen on, too\n\n", exhaustion.Apart()},
		{"simulating kinds by a third author", "\nby a third author, whose kinds were first looked at when the method stood\n\n", exhaustion.Fresh()},
		{"simulating kinds by a fourth author", "\nby a fourth author, who knew nothing of the method\n\n", exhaustion.Fourth()},
		{"simulating kinds by a fifth author", "\nby a fifth author, who knew nothing of the method\n\n", exhaustion.Fifth()},
		{"simulating kinds by a sixth author", "\nby a sixth author, who knew nothing of the method\n\n", exhaustion.Sixth()},
		{"simulating all kinds", "\nall kinds together\n\n", slices.Concat(exhaustion.Kinds(), exhaustion.Others())},
	}
	for _, set := range sets {
		fmt.Fprint(e.out, set.head)
		if err := c.simulated(e, set.what, set.kinds); err != nil {
			return err
		}
	}
	return nil
}

// simulated measures forecasts on some kinds of simulated resources.
func (c *benchCmd) simulated(e *env, doing string, kinds []exhaustion.Kind) error {
	b := newBar(e.errors, doing)
	r, err := exhaustion.Run(e.ctx, exhaustion.Options{Seeds: c.Seeds, Kinds: kinds, Progress: b.at})
	b.end()
	if err != nil {
		return err
	}
	return r.WriteTables(e.out)
}

// recorded measures forecasts on recordings of what was used up.
func (c *benchCmd) recorded(e *env) error {
	all, err := exhaustion.LoadRecordings(c.Dirs[0])
	if err != nil {
		return err
	}
	b := newBar(e.errors, "judging "+omen.Plural(len(all), "recording", "recordings"))
	r, err := exhaustion.RunRecorded(e.ctx, all, b.at)
	b.end()
	if err != nil {
		return err
	}
	return r.WriteTables(e.out)
}

// replay measures what is more than one run: an operator, options to choose
// among, simulated weeks.
func (c *benchCmd) replay(e *env, all []*bench.Series, settings []bench.Setting) (err error) {
	var r bench.Result
	if len(settings) > 0 {
		b := newBar(e.errors, "running combinations")
		r.Folds, err = bench.Fold(e.ctx, all, settings, b.at)
		b.end()
		if err != nil {
			return err
		}
	}
	if len(c.Feedback) > 0 {
		b := newBar(e.errors, "replaying with verdicts")
		r.Feedback, err = bench.Feedback(e.ctx, all, detect.Options{}, c.Feedback, b.at)
		b.end()
		if err != nil {
			return err
		}
	}
	if c.Weeks > 0 {
		b := newBar(e.errors, "replaying weeks")
		r.Weeks, err = bench.Weeks(e.ctx, all, detect.Options{}, c.Weeks, b.at)
		b.end()
		if err != nil {
			return err
		}
	}
	if c.Worlds > 0 {
		b := newBar(e.errors, "replaying worlds")
		r.Worlds, err = bench.Worlds(e.ctx, all, detect.Options{}, c.Worlds, b.at)
		b.end()
		if err != nil {
			return err
		}
	}
	if c.Hours > 0 {
		b := newBar(e.errors, "replaying first hours")
		r.Hours, err = bench.FirstHours(e.ctx, all, detect.Options{}, c.Hours, b.at)
		b.end()
		if err != nil {
			return err
		}
	}
	switch c.JSON {
	case toOutput:
		return r.WriteJSON(e.out)
	case "":
	default:
		if err := writeJSON(string(c.JSON), r); err != nil {
			return err
		}
	}
	if r.Folds != nil {
		if err := bench.WriteFold(e.out, r.Folds); err != nil {
			return err
		}
	}
	if r.Feedback != nil {
		if err := bench.WriteFeedback(e.out, r.Feedback); err != nil {
			return err
		}
		if c.Plot != "" {
			path, err := bench.PlotFeedback(c.Plot, r.Feedback)
			if err != nil {
				return err
			}
			fmt.Fprintln(e.out, "wrote", path)
		}
	}
	if r.Worlds != nil {
		if err := bench.WriteWorlds(e.out, r.Worlds); err != nil {
			return err
		}
	}
	if r.Hours != nil {
		if err := bench.WriteFirstHours(e.out, r.Hours); err != nil {
			return err
		}
	}
	if r.Weeks != nil {
		return bench.WriteWeeks(e.out, r.Weeks)
	}
	return nil
}

// before is the result to compare with, read before anything runs.
func (c *benchCmd) before() (bench.Result, error) {
	if c.Compare == "" {
		return bench.Result{}, nil
	}
	f, err := os.Open(c.Compare)
	if err != nil {
		return bench.Result{}, fmt.Errorf("read result to compare with: %w", err)
	}
	defer f.Close()
	r, err := bench.ReadResult(f)
	if err != nil {
		err = omen.WithHint(fmt.Errorf("%s: %w", c.Compare, err), omen.Hint(err))
	}
	return r, err
}

func writeJSON(path string, r bench.Result) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write numbers: %w", err)
	}
	return errors.Join(r.WriteJSON(f), f.Close())
}
