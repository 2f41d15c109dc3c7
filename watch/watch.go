// Package watch runs the standing jobs, each for all hosts of one source
// and profile at a time: it scores every step; it trains: it reads history, fits
// models, validates them, and promotes the good ones, more rarely the older a host
// is; and once a minute it forecasts when what has a limit is full. The key type
// is [Watch].
//
// It decides nothing about incidents: what it finds goes to the incident manager
// as an [omen.Tick] and as [omen.Outlooks]. It never judges a host without a model of its schema, and
// never turns a source that does not answer into trouble of its hosts.
package watch

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/event"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/series"
	"github.com/omenhq/omen/store"
	"github.com/omenhq/omen/training"
)

// Sink takes what a watch finds. Its methods are called from several goroutines.
type Sink interface {
	// Offer hands a round of scores, or that the source did not answer, to those
	// who make incidents of them. It does not wait.
	Offer(context.Context, omen.Tick) error
	// Note keeps an event that was seen in the metrics: a boot and, with
	// Options.Targets, restarts and deploys on hosts' machines.
	Note(context.Context, mute.Event) error
	// Foresee hands a round of forecasts to the same. It does not wait.
	Foresee(context.Context, omen.Outlooks) error
	// Record keeps scores for their history.
	Record(context.Context, []omen.Score) error
}

// Options of a [Watch]. Source, Name, Schema, Step, Store and Sink are
// required.
type Options struct {
	Source  series.Source
	Name    string // the source's name
	Address string // for people
	Schema  *feature.Schema
	Step    time.Duration // between two scores
	Window  time.Duration // what $window becomes; 0: the source chooses
	History time.Duration // how far back to learn; 0: 7 days
	Retrain time.Duration // between two trainings of a grown host; 0: a day
	Detect  detect.Options
	Store   *store.DB // models, and what operators and incidents say of the time to learn from
	Sink    Sink
	Zone    *time.Location // of the times of day at which incidents recur; nil: UTC
	// MaxHosts bounds the hosts of the watch, each some 80 kB; those beyond are
	// not watched, and the source is partial. 0: 10,000.
	MaxHosts   int
	Labels     map[string]string // of all hosts, where their series have none of the name
	LabelsFrom []LabelsFrom
	KeepGone   time.Duration // how long models of hosts that are gone are kept; 0: 30 days
	Targets    bool          // ask for restarts and deploys too: one watch of a source is enough
	// Slots bounds the trainings that run at once, over all watches: a send
	// takes one. nil: one for each processor but one.
	Slots chan struct{}

	Log      *slog.Logger          // nil: silent
	Registry prometheus.Registerer // nil: nowhere
}

// Watch scores the hosts and trains the models of one source under one profile.
type Watch struct {
	o             Options
	log           *slog.Logger
	metrics       *metrics
	schedule      training.Schedule
	wake          chan struct{} // bound 1, owner trainLoop; full: it is about to look anyway
	found         chan struct{} // the same, owner lookLoop, which looks up new hosts
	news          chan struct{} // the same, owner eventLoop, which stores events
	levelsChanged chan struct{} // the same, owner levelLoop, which stores the levels of hosts

	mu        sync.Mutex // guards what follows; the score loop and the training loop write, snapshots read
	hosts     map[string]*host
	loaded    bool            // the hosts that were there before the start are taken up
	left      int             // hosts of the last instant for which there was no room
	levels    map[string]kept // of before the start, of hosts that are not known yet
	status    omen.SourceStatus
	window    time.Duration // what $window became, once the source was sure of it
	scrape    time.Duration // how far apart samples are, as was seen at the start; 0: it is not known
	ranged    ranged        // the same for models
	rangeRead bool          // ranged is that of the process before this one, or a later one
	rangeErr  error         // why it is not known yet
	upSince   time.Time     // the first instant since the source last did not answer
	droppedAt time.Time     // when the models of hosts that are gone were last looked for
	last      time.Time     // the last instant that was scored
	known     time.Time     // the clock was set back: up to here hosts were heard before
	judged    time.Time     // the clock was set: nobody is judged before
	spoke     time.Time     // the last instant at which any host sent something, or the first round
	anyHeard  bool          // spoke is not the first round
	batch     batch         // empty between ticks
	labels    labels
	limits    limits // has a lock of its own

	pulse      Pulse
	changed    bool // which hosts are there, since that was stored
	unoffered  bool // the manager did not take the last round
	unforeseen bool // the manager did not take the last forecasts
	unrecorded bool // the last round's scores were not kept
	unkept     bool // the levels of hosts could not be stored
	keptLevels int  // how many levels the store has
	failing    int  // hosts whose training keeps failing, as last logged

	shifts   []*shift  // windows that shift the expectation, by ID
	shiftsAt time.Time // when they were read; the score loop's alone

	gapsAt time.Time // when features without values were looked for
	gapped int       // hosts that have some

	events *event.Detector
	moves  []mute.Event // features at new levels or drifting, and events that could not be stored: eventLoop does
}

// trained is a model, what the store says of it, and up to when the host's
// last training learned.
type trained struct {
	model *detect.Model
	info  omen.ModelInfo
	tried time.Time
}

// host is what the watch knows of one host.
type host struct {
	id       omen.Host
	known    bool              // its history and stored model were looked up
	stored   bool              // a model of before the start waits to be taken up
	labels   map[string]string // replaced, never changed: others have read it
	identity map[string]string // the labels that identify it
	refused  string            // why it is neither judged nor learned: its series are of several hosts
	first    time.Time         // its first sample, as far as history reaches
	seen     time.Time         // its last sample
	values   []float64         // of the last sample, in schema order
	model    *detect.Model
	info     omen.ModelInfo
	stream   *detect.Stream
	copies   *sync.Pool     // of stream, which predictions are scored with; nil before the first
	level    detect.Level   // of its scores, whichever model makes them
	centres  detect.Centres // of before the start
	// The stream's features at new levels, of so many of its turns. Replaced, never
	// changed: scores share it.
	newLevels []omen.NewLevel
	drifts    []omen.SlowDrift // as newLevels
	turns     int
	score     omen.Score // of the last sample; shares its tick's memory, as values do, until apart
	apart     bool       // for it is silent
	drift     drift      // since the model serves
	selfTest  []omen.SelfTest
	training  omen.TrainingStatus
	due       time.Time // when the next training may start
	tried     time.Time // up to when the last training learned, promoted or not
	asked     time.Time // the instant of the last request to retrain it

	gaps    gaps
	uptime  event.Uptime
	awaited time.Time // before the restart it was there: silent since then, at the latest
}

// spread is the part of a stage or an interval by which hosts are trained late,
// so that they do not train at once.
const spread = 0.05

// New is a watch that does nothing until [Watch.Run].
func New(o Options) *Watch {
	if o.History <= 0 {
		o.History = 7 * 24 * time.Hour
	}
	if o.Retrain <= 0 {
		o.Retrain = 24 * time.Hour
	}
	if o.MaxHosts <= 0 {
		o.MaxHosts = 10_000
	}
	if o.KeepGone <= 0 {
		o.KeepGone = 30 * 24 * time.Hour
	}
	if o.Slots == nil {
		o.Slots = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Detect.Step = o.Step
	return &Watch{
		o: o, log: o.Log.With("source", o.Name), metrics: newMetrics(), schedule: training.Schedule{Step: o.Step, Retrain: o.Retrain, Spread: spread},
		wake: make(chan struct{}, 1), found: make(chan struct{}, 1), news: make(chan struct{}, 1), levelsChanged: make(chan struct{}, 1),
		hosts: map[string]*host{}, window: o.Window, events: event.New(o.Name, o.Schema),
		pulse:  Pulse{Read: time.Now(), Scored: time.Now()},
		limits: limits{queries: o.Schema.LimitQueries(), of: map[omen.Resource]*resource{}, alone: doubts{}, histories: doubts{}, news: make(chan struct{}, 1), read: make(chan struct{}, 1)},
		status: omen.SourceStatus{Name: o.Name, Address: o.Address, State: omen.SourceStarting, StepSeconds: o.Step.Seconds()},
	}
}

// Run scores and trains until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	if w.o.Registry != nil {
		if err := w.metrics.register(w.o.Registry); err != nil {
			return err
		}
		defer w.metrics.unregister(w.o.Registry)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.scoreLoop(ctx) })
	g.Go(func() error { return w.lookLoop(ctx) })
	g.Go(func() error { return w.trainLoop(ctx) })
	g.Go(func() error { return w.labelLoop(ctx) })
	g.Go(func() error { return w.eventLoop(ctx) })
	g.Go(func() error { return w.levelLoop(ctx) })
	g.Go(func() error { return w.limitLoop(ctx) })
	g.Go(func() error { return w.recallLoop(ctx) })
	return g.Wait()
}
