package api

import (
	"context"
	"errors"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/incident"
)

// Runtime is the running Omen as the API sees it; package app implements it.
//
// Its methods are called from many goroutines at once, return within a second or
// so (those with a context when it ends, at the latest), and hand out values
// that nobody changes afterwards. What an Omen does not have answers
// [errors.ErrUnsupported]: its route is then 501.
type Runtime interface {
	// Hosts is every host that is known, in no particular order, without its
	// features. A host without a model has a zero Score and a zero Model.
	Hosts() []omen.HostStatus

	// Host is one host of these; false for one that is not known.
	Host(omen.Host) (omen.HostStatus, bool)

	// Subject is what a prediction needs to know of one host; false for one that is
	// not known.
	Subject(omen.Host) (Subject, bool)

	// Named is every host of a name and every host with this instance label, in
	// no particular order; all hosts for an empty name.
	Named(name string) []omen.Host

	// Forecasts is what is expected of every resource with a limit that was
	// measured in the last round, in no particular order.
	Forecasts() []omen.Outlook

	// Unread are the limits that cannot be read, now or for their history, by source, profile and name.
	Unread() []omen.UnreadLimit
	// Pending is every resource with a limit that was measured in the last round
	// and is not forecast yet, in no particular order.
	Pending() []omen.Pending

	// Sources is every configured source, in the configuration's order.
	Sources() []omen.SourceStatus

	// Scores is a host's stored scores within from…to, oldest first. A NaN is
	// a gap. Where nothing is stored, the API answers from the last minutes
	// that it has seen itself.
	Scores(ctx context.Context, host omen.Host, from, to time.Time) ([]omen.ScorePoint, error)

	// Highest is the highest stored score of every host that has one in each of so
	// many steps from an instant on, which is a multiple of step. It reads a bounded
	// number of scores at once, the newest first: what it has not come to is before
	// Read, and is read when it is asked again.
	Highest(ctx context.Context, from time.Time, step time.Duration, steps int) (Highest, error)

	// Features is the history of some of a host's features within from…to, in
	// the order asked for, each reduced to about as many points without losing an
	// extreme, with what the model that judged then expected. Host is the API's.
	Features(ctx context.Context, host omen.Host, features []string, from, to time.Time, points int) (Features, error)

	// Spreads is how the features of a host's schema were within from…to on others
	// of its source and profile, at some 60 instants.
	Spreads(ctx context.Context, of omen.Host, others []string, from, to time.Time) (Spreads, error)

	// Judged is what the samples of a host up to an instant, the last of them at or
	// before it, were worth to the models that judged then.
	JudgedAt(ctx context.Context, host omen.Host, at time.Time) (Judged, error)

	// Predict scores one vector, in the order of the host's features and in their
	// units, as the host's next sample; a NaN is a gap. It asks neither source nor
	// store, does not touch the host's running state, incidents or history, and keeps
	// nothing of values.
	// omen.ErrUnavailable: the host has no model yet.
	Predict(host omen.Host, values []float64) (omen.Score, error)

	// Chart draws an incident's score and causes as a PNG. A signature that is
	// not good for this incident is [omen.ErrDenied], nothing to draw
	// [omen.ErrNotFound] or [omen.ErrTooFew], too much at once
	// [omen.ErrUnavailable].
	Chart(ctx context.Context, incident, signature string) ([]byte, error)

	// Reload reads the configuration again and swaps it in, or returns why the
	// old one stays.
	Reload(context.Context) error

	// Ready is nil while Omen does what it is for, else what keeps it from that;
	// docs/health.md has the definition.
	Ready() error

	// Pages is what people were notified of over the last week on all hosts,
	// against what was promised, and all pages since the start by severity.
	// hosts are those that Hosts gave.
	Pages(hosts []omen.HostStatus) (omen.Pages, map[omen.Severity]uint64)

	// Calendars is every calendar file of the configuration and how reading it
	// went.
	Calendars() []CalendarFile

	// Queues is the fill of the bounded queues between Omen's parts.
	Queues() []Queue
}

// absent is a Runtime that knows nothing and is able to do nothing.
type absent struct{}

func (absent) Hosts() []omen.HostStatus                       { return nil }
func (absent) Host(omen.Host) (h omen.HostStatus, known bool) { return h, false }
func (absent) Subject(omen.Host) (s Subject, known bool)      { return s, false }
func (absent) Named(string) []omen.Host                       { return nil }
func (absent) Sources() []omen.SourceStatus                   { return nil }
func (absent) Forecasts() []omen.Outlook                      { return nil }
func (absent) Unread() []omen.UnreadLimit                     { return nil }
func (absent) Pending() []omen.Pending                        { return nil }
func (absent) Reload(context.Context) error                   { return errors.ErrUnsupported }
func (absent) Ready() error                                   { return errors.ErrUnsupported }
func (absent) Calendars() []CalendarFile                      { return nil }
func (absent) Queues() []Queue                                { return nil }

func (absent) Scores(context.Context, omen.Host, time.Time, time.Time) ([]omen.ScorePoint, error) {
	return nil, errors.ErrUnsupported
}

func (absent) Features(context.Context, omen.Host, []string, time.Time, time.Time, int) (f Features, err error) {
	return f, errors.ErrUnsupported
}

func (absent) Spreads(context.Context, omen.Host, []string, time.Time, time.Time) (s Spreads, err error) {
	return s, errors.ErrUnsupported
}

func (absent) Highest(context.Context, time.Time, time.Duration, int) (h Highest, err error) {
	return h, errors.ErrUnsupported
}

func (absent) JudgedAt(context.Context, omen.Host, time.Time) (j Judged, err error) {
	return j, errors.ErrUnsupported
}

func (absent) Predict(omen.Host, []float64) (s omen.Score, err error) {
	return s, errors.ErrUnsupported
}

func (absent) Chart(context.Context, string, string) ([]byte, error) {
	return nil, errors.ErrUnsupported
}

func (absent) Pages([]omen.HostStatus) (p omen.Pages, total map[omen.Severity]uint64) { return p, nil }

// Highest is the highest scores of hosts by time.
type Highest struct {
	Read  time.Time             // scores from here on have been read; the steps before are 0
	Hosts map[omen.Host][]uint8 // [HeatCode] of each step; nobody changes it
}

// Judged is what decides whether an incident of a host opens.
type Judged struct {
	Scores  []omen.Score      // oldest first; those with an empty Model were judged by none that is stored
	Step    time.Duration     // between samples
	Opens   incident.Evidence // what has to be seen
	Lasting time.Duration     // below the page level, people are notified only of what lasts so long
}

// Queue is the fill of one bounded queue.
type Queue struct {
	Name     string
	Length   int
	Capacity int
	Dropped  uint64 // since the start
}
