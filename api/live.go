package api

import (
	"context"
	"time"

	"github.com/omenhq/omen"
)

// Live is how the API sees the running Omen. Package app fills it.
//
// Every function is called from many goroutines at once, must return within a
// second or so (those with a context when it ends, at the latest), and hands
// out values that nobody changes afterwards. A nil function means that this
// Omen has no such thing; the routes that need it answer 501.
type Live struct {
	// Hosts is every host that is known, in no particular order. A host
	// without a model has a zero Score and a zero Model.
	Hosts func() []omen.HostStatus

	// Host is one host of these; false for one that is not known.
	Host func(omen.Host) (omen.HostStatus, bool)

	// Sources is every configured source, in the configuration's order.
	Sources func() []omen.SourceStatus

	// Scores is a host's stored scores within from…to, oldest first. A NaN is
	// a gap. Where nothing is stored (no embedded store) it may be nil: the
	// API then answers from the last minutes that it has seen itself.
	Scores func(ctx context.Context, host omen.Host, from, to time.Time) ([]omen.ScorePoint, error)

	// Features is the history of some of a host's features within from…to, in
	// the order asked for. Expected, Lower and Upper are empty where the
	// expectation was not recorded. May be nil: the web UI then shows what it has
	// seen live.
	Features func(ctx context.Context, host omen.Host, features []string, from, to time.Time) ([]FeatureHistory, error)

	// Predict scores one vector, given by feature name in the features' units,
	// with the model that serves host; a NaN is a gap. It does not touch the
	// host's running state, incidents or history. The API has checked the
	// names against the host's features before.
	// omen.ErrUnavailable: the host has no model yet.
	Predict func(ctx context.Context, host omen.Host, features map[string]float64) (omen.Score, error)

	// Reload reads the configuration again and swaps it in, or returns why the
	// old one stays.
	Reload func() error

	// Ready is nil once all sources were started and models were loaded, else
	// what is being waited for.
	Ready func() error

	// Pages is what people were notified of over the last week on all hosts, against
	// what was promised, and all pages since the start by severity. hosts are
	// those that Hosts gave. May be nil.
	Pages func(hosts []omen.HostStatus) (omen.Pages, map[omen.Severity]uint64)

	// Calendars is every calendar file of the configuration and how reading it
	// went. May be nil.
	Calendars func() []CalendarFile

	// Queues is the fill of the bounded queues between Omen's parts. May be nil.
	Queues func() []Queue
}

// Queue is the fill of one bounded queue.
type Queue struct {
	Name     string
	Length   int
	Capacity int
	Dropped  uint64 // since the start
}
