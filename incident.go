package omen

import (
	"slices"
	"strconv"
	"time"
)

// IncidentKind says what an incident is about.
type IncidentKind string

// Most incidents are of one host; the same trouble on many hosts at once is
// one fleet incident, and a dead source is one incident of its own.
const (
	HostIncident   IncidentKind = "host"
	FleetIncident  IncidentKind = "fleet"
	SourceIncident IncidentKind = "source"
	OwnIncident    IncidentKind = "omen" // Omen's own trouble

	ForecastIncident IncidentKind = "forecast" // a host's resource that is about to be full, or is
)

// Severity ranks an incident from how far and how long it left the normal.
type Severity string

// Only warning and critical are told to people; info is recorded and shown.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// IncidentState is where an incident stands in its life.
type IncidentState string

// The states of an incident.
const (
	Open         IncidentState = "open"
	Acknowledged IncidentState = "acknowledged"
	Closed       IncidentState = "closed"
)

// Verdict is what an operator says of an incident.
type Verdict string

// The verdicts; the empty one means that nobody has spoken.
const (
	NoVerdict   Verdict = ""
	Real        Verdict = "real"
	NotAProblem Verdict = "not_a_problem"
	Expected    Verdict = "expected_at_this_time"
)

// Incident is one span of abnormal behaviour of one host, or of many at once.
type Incident struct {
	ID           string        `json:"id"` // stable and sortable by time
	Kind         IncidentKind  `json:"kind"`
	Host         Host          `json:"host"`    // for a fleet incident the likely first host; for a source incident only Source is set
	Members      []Host        `json:"members"` // every host of a fleet incident
	State        IncidentState `json:"state"`
	Severity     Severity      `json:"severity"`
	Grade        Grade         `json:"grade"` // the model's grade when it opened
	Since        time.Time     `json:"since"` // the onset: the first anomalous sample
	OpenedAt     time.Time     `json:"opened_at"`
	UpdatedAt    time.Time     `json:"updated_at"`
	ClosedAt     time.Time     `json:"closed_at"`
	Score        float64       `json:"score"` // latest
	Peak         float64       `json:"peak"`
	Level        float64       `json:"level,omitempty"`   // the score above which the host alerted when it opened; below 1: its limit
	Causes       []Cause       `json:"causes"`            // at the latest change, once closed at the peak; the largest first
	AtPeak       *Moment       `json:"at_peak,omitempty"` // what was wrong at the peak; nil: Causes are of it. Never changed, only replaced
	Reason       string        `json:"reason"`            // why it is in its state: one of the Reason constants
	Summary      string        `json:"summary"`
	Suppressed   string        `json:"suppressed"`           // why nobody is notified; empty: people are
	NotifiedAt   time.Time     `json:"notified_at,omitzero"` // when people were first notified of it, by itself or through a fleet that it has left; zero: never, whatever its severity
	AckedBy      string        `json:"acked_by"`
	Assignee     string        `json:"assignee"`
	Verdict      Verdict       `json:"verdict"`
	VerdictBy    string        `json:"verdict_by"`
	Links        []string      `json:"links"`
	ActedBy      string        `json:"acted_by,omitempty"` // who first did something about it, also where that was taken back
	Actions      int           `json:"actions,omitempty"`  // how many actions of playbooks were started to end it
	Model        string        `json:"model"`              // the model that opened it
	Fleet        string        `json:"fleet"`              // the fleet incident that this host's incident is part of; empty: none
	Trouble      string        `json:"trouble,omitempty"`  // of Omen's own incident: the key under which a part of Omen reported it
	Remedy       string        `json:"remedy,omitempty"`   // for people: what a playbook suggests or did about it; empty: nothing
	ChangeNumber int           `json:"change_number"`

	// Forecast is what a forecast incident is about. Of a host's incident it is
	// the forecast that shows the same trouble, as it was then; nil: none does.
	Forecast *Outlook `json:"forecast,omitempty"`

	// Blame is which pod a node's incident comes from, as judged last; nil: the host is no
	// node of Kubernetes, or nobody has looked yet.
	Blame *Blame `json:"blame,omitempty"`

	// NewLevels are the features that have taken a new level since a host's incident
	// opened, and are at it.
	NewLevels []NewLevel `json:"new_levels,omitempty"`
}

// Moment is what was wrong at an instant of an incident.
type Moment struct {
	At     time.Time `json:"at,omitzero"` // zero: not known
	Host   Host      `json:"host"`        // of a fleet's incident the member that was furthest from normal
	Causes []Cause   `json:"causes"`
}

// PeakCauses are the causes at the peak: the last ones are those of the tail, too
// small to matter.
func (i Incident) PeakCauses() []Cause {
	if i.AtPeak != nil && len(i.AtPeak.Causes) > 0 {
		return i.AtPeak.Causes
	}
	return i.Causes
}

// Storm reports whether an incident stands for too many unrelated ones at once:
// of all fleet incidents those alone have no cause in common.
func (i Incident) Storm() bool { return i.Kind == FleetIncident && len(i.Causes) == 0 }

// Clone is a deep copy.
func (i Incident) Clone() Incident {
	i.Members = slices.Clone(i.Members)
	i.Causes = slices.Clone(i.Causes)
	i.Links = slices.Clone(i.Links)
	i.NewLevels = slices.Clone(i.NewLevels)
	if i.Forecast != nil {
		f := *i.Forecast
		f.Features = slices.Clone(f.Features)
		i.Forecast = &f
	}
	if i.Blame != nil {
		b := *i.Blame
		b.Pods = slices.Clone(b.Pods)
		i.Blame = &b
	}
	return i
}

// ChangeKind is a step in an incident's life.
type ChangeKind string

// The steps of an incident's life.
const (
	ChangeOpened       ChangeKind = "opened"
	ChangeEscalated    ChangeKind = "escalated"
	ChangeUpdated      ChangeKind = "updated" // causes, score or members moved
	ChangeAcknowledged ChangeKind = "acknowledged"
	ChangeAssigned     ChangeKind = "assigned"
	ChangeCommented    ChangeKind = "commented"
	ChangeJudged       ChangeKind = "judged" // a verdict was given or taken back
	ChangeSuppressed   ChangeKind = "suppressed"
	ChangeReopened     ChangeKind = "reopened"
	ChangeActed        ChangeKind = "acted"
	ChangeClosed       ChangeKind = "closed"
)

// Change is a recorded step in an incident's life. It carries the incident as
// it was after the step, so that a reader needs nothing else.
type Change struct {
	Seq      int64      `json:"seq"` // the journal's; 0 before it is durable
	Kind     ChangeKind `json:"kind"`
	At       time.Time  `json:"at"`
	Incident Incident   `json:"incident"`
	Reason   string     `json:"reason"`
	By       string     `json:"by"`               // the operator or part of Omen that made it
	Comment  string     `json:"comment"`          // free text of an operator, or how Omen explains the step
	Action   *Action    `json:"action,omitempty"` // of ChangeActed: the action as it was after its step
}

// Key is the change's stable name: the same step has the same key however
// often it is delivered.
func (c Change) Key() string {
	return c.Incident.ID + "." + strconv.Itoa(c.Incident.ChangeNumber)
}

// Delivery is one attempt to tell a receiver of a change.
type Delivery struct {
	Incident string        `json:"incident"`
	Key      string        `json:"key"` // the change's key
	Receiver string        `json:"receiver"`
	At       time.Time     `json:"at"`
	Took     time.Duration `json:"took_ns"`
	Outcome  string        `json:"outcome"` // delivered, retrying, gave_up, skipped
	Detail   string        `json:"detail"`
}
