package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/bench"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/promrules"
	"github.com/omenhq/omen/replay"
)

type replayCmd struct {
	Data         dataFlags `embed:""`
	Skip         duration  `help:"How much of the history only trains the first model, before scoring begins." default:"0s" placeholder:"DURATION"`
	PagesPerWeek float64   `help:"False pages per host and week that you accept." default:"1" placeholder:"N" above:"0"`
	Against      []string  `help:"Compare with the alerting rules of this Prometheus rule file, evaluated over the same time; may be given several times. builtin:node ships with Omen." placeholder:"RULES.yml"`
	Evaluation   duration  `help:"How often rules are evaluated whose group names no interval." default:"1m" placeholder:"DURATION" name:"evaluation-interval" above:"0"`
	JSON         bool      `help:"Print one JSON object instead of tables." name:"json"`
	Plot         string    `help:"Write a chart of each host to this folder." placeholder:"DIR" type:"path"`
}

// Help is shown below the flags.
func (replayCmd) Help() string {
	return `Nothing is stored and nobody is notified. Examples:

  omen replay --prometheus.url=http://prometheus:9090 --history=7d --skip=1d --plot=plots
  omen replay --prometheus.url=http://prometheus:9090 --against=rules.yml --against=builtin:node
  omen replay history.csv.gz`
}

func (c *replayCmd) Run(e *env) error {
	var rules *promrules.Rules
	var err error
	if len(c.Against) > 0 {
		if rules, err = promrules.Load(c.Against...); err != nil {
			return err
		}
		for _, what := range rules.Unread() {
			fmt.Fprintln(e.errors, what)
		}
	}
	if c.Plot != "" {
		if err := os.MkdirAll(c.Plot, 0o750); err != nil {
			return fmt.Errorf("make folder for charts: %w", err)
		}
	}
	p, err := c.Data.open(e.ctx, rules != nil)
	if err != nil {
		return err
	}
	report, err := c.replay(e, p, time.Duration(c.Skip))
	if err == nil && rules != nil {
		report.Against, err = c.compare(e, p, rules, report, time.Duration(c.Evaluation))
	}
	if closed := p.close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := c.print(e, p, report); err != nil {
		return err
	}
	return c.plot(e, p, report)
}

// replay replays every host, with forecasts where there is what they rest on.
func (c *replayCmd) replay(e *env, p *past, skip time.Duration) (*replay.Report, error) {
	report := &replay.Report{}
	begins := make([]int, len(p.hosts))
	about := replay.Foreseeable{Source: p.source, Schema: p.schema, Window: p.window}
	for i, h := range p.hosts {
		n, _ := slices.BinarySearchFunc(h.vectors, h.vectors[0].At.Add(skip), func(v omen.Vector, t time.Time) int { return v.At.Compare(t) })
		begins[i] = max(n, h.trained)
		if begins[i] == len(h.vectors) {
			continue
		}
		about.Hosts = append(about.Hosts, h.vectors[0].Host)
		if from := h.vectors[begins[i]].At; about.Span.From.IsZero() || from.Before(about.Span.From) {
			about.Span.From = from
		}
		if to := h.vectors[len(h.vectors)-1].At; to.After(about.Span.To) {
			about.Span.To = to
		}
		about.Step = max(about.Step, h.step)
	}
	report.Span = about.Span
	foreseen := &replay.Foresight{}
	if p.source != nil && len(about.Hosts) > 0 && len(p.schema.Limits()) > 0 {
		b := newBar(e.errors, "forecasting")
		var err error
		foreseen, err = replay.Foresee(e.ctx, about, func(p replay.Progress) {
			b.waits("forecasting", p.Waiting)
			b.at(p.Done)
			if p.GivenUp != "" {
				b.say(e.errors, fmt.Sprintf("not forecast any further: %s: %s", p.GivenUp, p.Why))
			}
		})
		b.end()
		if err != nil {
			return nil, err
		}
	}
	report.Foreseen(foreseen)
	b := newBar(e.errors, "replaying")
	defer b.end()
	for i, h := range p.hosts {
		t, err := replay.Run(e.ctx, h.vectors[:begins[i]], h.vectors[begins[i]:], replay.Options{
			Schema: h.schema, Detect: detect.Options{Step: h.step, PagesPerWeek: c.PagesPerWeek},
			Outlooks: foreseen.Rounds[h.name], RoundEvery: foreseen.Every, Labels: foreseen.Labels,
			Progress: func(done float64) { b.at((float64(i) + done) / float64(len(p.hosts))) },
		})
		if err != nil {
			return nil, err
		}
		report.Timelines = append(report.Timelines, t)
	}
	return report, nil
}

// compare evaluates the rules over the time that was replayed.
func (c *replayCmd) compare(e *env, p *past, rules *promrules.Rules, report *replay.Report, every time.Duration) (*replay.Comparison, error) {
	b := newBar(e.errors, "evaluating rules")
	out, err := rules.Run(e.ctx, p.origin, promrules.Span{From: report.Span.From, To: report.Span.To, Every: every}, b.at)
	b.end()
	if err != nil {
		return nil, err
	}
	return replay.Compare(report.Timelines, out, rules.Names(), p.schema, p.known), nil
}

func (c *replayCmd) print(e *env, p *past, report *replay.Report) error {
	if c.JSON {
		return printJSON(e, report)
	}
	if err := report.Write(e.out); err != nil {
		return err
	}
	if p.source == nil && len(c.Against) > 0 {
		fmt.Fprintln(e.out, "these files hold features, not what node_exporter measures: nothing is forecast, and rules can only read the features, as builtin:features does")
	}
	return nil
}

func (c *replayCmd) plot(e *env, p *past, report *replay.Report) error {
	for i, t := range report.Timelines {
		if c.Plot == "" || len(t.Samples) == 0 {
			continue
		}
		path, err := bench.PlotTimeline(c.Plot, t, p.hosts[i].schema.Names())
		if err != nil {
			return err
		}
		to := e.out
		if c.JSON {
			to = e.errors
		}
		fmt.Fprintln(to, "wrote", path)
	}
	return nil
}
