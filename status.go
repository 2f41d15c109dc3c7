package omen

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// SourceState says how a source answers.
type SourceState string

// A partial source answers, but not for every feature.
const (
	SourceStarting SourceState = "starting"
	SourceUp       SourceState = "up"
	SourcePartial  SourceState = "partial"
	SourceDown     SourceState = "down"
)

// SourceStatus is the live state of one source.
type SourceStatus struct {
	Name           string            `json:"name"`
	Address        string            `json:"address"` // its URL without credentials, or "this machine"
	State          SourceState       `json:"state"`
	Since          time.Time         `json:"since"`
	Err            string            `json:"err"`
	FailedFeatures map[string]string `json:"failed_features"` // feature -> why its query failed
	LeftOut        map[string]string `json:"left_out"`        // feature -> which series name no host
	Refused        map[string]string `json:"refused"`         // hosts that are not judged, at most 20 -> why: their series are of several hosts
	RefusedHosts   int               `json:"refused_hosts"`   // how many they are
	Late           map[string]string `json:"late"`            // hosts whose samples come later than the source is read, at most 20 -> how late
	LateHosts      int               `json:"late_hosts"`      // how many they are
	SilentHosts    int               `json:"silent_hosts"`    // how many hosts send nothing, where they are most of a profile's; else 0
	Blind          map[string]string `json:"blind"`           // profile -> why nothing of its hosts is seen, where the source has other profiles
	Note           string            `json:"note"`            // what would better be configured otherwise; empty: nothing
	Hosts          int               `json:"hosts"`
	LastRead       time.Time         `json:"last_read"`
	ReadSeconds    float64           `json:"read_seconds"`
	StepSeconds    float64           `json:"step_seconds"`
}

// HostState says where a host stands.
type HostState string

// A host is learning until its first model is ready.
const (
	HostLearning  HostState = "learning"
	HostNormal    HostState = "normal"
	HostAnomalous HostState = "anomalous"
	HostSilent    HostState = "silent"
)

// FeatureValue is one feature of a host as last seen.
type FeatureValue struct {
	Name     string  `json:"name"`
	Unit     Unit    `json:"unit"`
	Help     string  `json:"help"`
	Actual   float64 `json:"actual"`   // NaN where missing
	Expected float64 `json:"expected"` // NaN before the first model
	Lower    float64 `json:"lower"`
	Upper    float64 `json:"upper"`
	Share    float64 `json:"share"`
}

// HostStatus is the live state of one host.
type HostStatus struct {
	Host     Host              `json:"host"`
	Labels   map[string]string `json:"labels"`
	State    HostState         `json:"state"`
	Score    Score             `json:"score"` // the latest; its zero value before the first model
	Features []FeatureValue    `json:"features"`
	LastSeen time.Time         `json:"last_seen"`
	Model    ModelInfo         `json:"model"` // what serves; its zero value before the first model
	Training TrainingStatus    `json:"training"`
	First    time.Time         `json:"first"`     // its first sample, as far as history reaches
	Stale    bool              `json:"stale"`     // the model is older than two intervals between trainings
	Drift    Drift             `json:"drift"`     // since the model serves
	SelfTest []SelfTest        `json:"self_test"` // of the model that serves
	Pages    Pages             `json:"pages"`     // of the last week
	// NewLevels are the features whose level has moved, and those that came back
	// within the last day.
	NewLevels []NewLevel `json:"new_levels"`
	// SlowDrifts are the features that drift slowly, and those that no longer do for
	// less than a day.
	SlowDrifts []SlowDrift `json:"slow_drifts"`
	// Gaps are the features that have had no value for a while although the host sends
	// others: those that its model uses, and those of a counter without a rate.
	Gaps []Gap `json:"gaps"`
}

// Drift says how far a host has left what its model learned.
type Drift struct {
	Samples  int      `json:"samples"`  // scored by this model, a day's at most; 0: nothing is known yet
	Busy     float64  `json:"busy"`     // share of them above half of the limit
	Expected float64  `json:"expected"` // the same in training
	Shifted  []string `json:"shifted"`  // features whose usual error has moved by more than two deviations
	Drifting bool     `json:"drifting"` // it is so far that the model judges another host than it learned
}

// SelfTest is what a model finds of synthetic faults of one kind, injected into
// its host's own history.
type SelfTest struct {
	Kind     string        `json:"kind"`
	Recall   float64       `json:"recall"`   // share found, over all sizes
	Delay    time.Duration `json:"delay_ns"` // median from start to first alert; 0 where none was found
	Smallest float64       `json:"smallest"` // smallest size, in standard deviations, of which half are found; 0: none, or the kind has no size
}

// Pages are incidents that people were notified of, against those that the
// operator accepts.
type Pages struct {
	Promised float64 `json:"promised"` // false ones accepted per host and week
	Opened   int     `json:"opened"`   // notified of within Days, true or false
	Hosts    int     `json:"hosts"`
	Days     float64 `json:"days"` // a week at most
}

// PerWeek is how many pages there were per host and week; NaN while less than a
// day is known.
func (p Pages) PerWeek() float64 {
	if p.Days < 1 || p.Hosts == 0 {
		return math.NaN()
	}
	return float64(p.Opened) / (float64(p.Hosts) * p.Days / 7)
}

// FailingTrainings is how many trainings in a row must give no model for a host
// to count as one whose training keeps failing.
const FailingTrainings = 3

// TrainingStatus says what is being learned of a host, and when.
type TrainingStatus struct {
	Running   bool      `json:"running"`
	Progress  float64   `json:"progress"`   // 0…1 of the running training
	Samples   int       `json:"samples"`    // collected so far
	NextDue   time.Time `json:"next_due"`   // when the next model (or the first) is expected
	NextGrade Grade     `json:"next_grade"` // the grade it will have
	Err       string    `json:"err"`        // why the last training gave no model
	Failures  int       `json:"failures"`   // trainings in a row that gave none
	Anew      string    `json:"anew"`       // why the model that there was does not serve, so that the host is trained from scratch; empty: it is not
}

// Anew is hosts of a profile that had models, and are trained from scratch.
type Anew struct {
	Source, Profile string
	Hosts           int
	Why             string // the models that there were do not serve
}

// TrainedAnew are the hosts that are trained from scratch, by reason, most hosts first.
func TrainedAnew(hosts []HostStatus) (all []Anew) {
	n := map[Anew]int{}
	for _, h := range hosts {
		if h.Training.Anew != "" {
			n[Anew{Source: h.Host.Source, Profile: h.Host.Profile, Why: h.Training.Anew}]++
		}
	}
	for of, hosts := range n {
		of.Hosts = hosts
		all = append(all, of)
	}
	slices.SortFunc(all, func(a, b Anew) int {
		return cmp.Or(b.Hosts-a.Hosts, strings.Compare(a.Source, b.Source), strings.Compare(a.Profile, b.Profile), strings.Compare(a.Why, b.Why))
	})
	return all
}

// String is it in words: "42 hosts of profile node are trained anew: its features
// changed (+cpu_busiest)".
func (a Anew) String() string {
	return fmt.Sprintf("%s of profile %s %s trained anew: %s", Plural(a.Hosts, "host", "hosts"), a.Profile, map[bool]string{true: "is", false: "are"}[a.Hosts == 1], a.Why)
}
