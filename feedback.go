package omen

import (
	"time"
)

// Pattern is what Omen remembers of an operator's verdict: which incidents are
// like the judged one, and what to do with them. A rejected pattern stops
// paging, a confirmed one lowers the limit for its like.
type Pattern struct {
	ID       string      `json:"id"`
	Verdict  Verdict     `json:"verdict"`
	Incident string      `json:"incident"` // the judged incident
	Host     Host        `json:"host"`     // of the judged incident; the pattern holds there
	Role     string      `json:"role"`     // not empty: it holds on every host of this role
	Causes   []CauseSign `json:"causes"`   // the features to blame, and their direction
	MaxPeak  float64     `json:"max_peak"` // rejected: incidents that reach further are told all the same
	Zone     string      `json:"zone"`     // time zone of FromTime, ToTime and Days; empty: UTC
	FromTime int         `json:"from_minute"`
	ToTime   int         `json:"to_minute"` // minutes after midnight; both 0: at any time; From > To: over midnight
	Days     []int       `json:"days"`      // 0 is Sunday; empty: every day
	Limit    float64     `json:"limit"`     // confirmed: the score that counts as anomalous for its like, below 1
	By       string      `json:"by"`
	Created  time.Time   `json:"created"`
	Reverted string      `json:"reverted"` // who took it back; empty: in force
	// RevertedAt is when it was taken back.
	RevertedAt time.Time `json:"reverted_at"`
}

// InForce reports whether the pattern has not been taken back.
func (p Pattern) InForce() bool { return p.Reverted == "" }

// CauseSign is a feature and the direction in which it left its expectation.
type CauseSign struct {
	Feature string `json:"feature"`
	Up      bool   `json:"up"`
}

// Audit is one row of who did what. Rows are never changed.
type Audit struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Action  string    `json:"action"`  // such as "silence.create", "pattern.revert"
	Subject string    `json:"subject"` // the ID of what was acted on
	Detail  string    `json:"detail"`
}

// Span is a stretch of time, such as one that a host's model must not learn
// from, and why.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Why  string    `json:"why,omitzero"` // such as "incident 2026…", "silence …"
	// Confirmed says that an operator called it real trouble.
	Confirmed bool `json:"confirmed,omitzero"`
}

// Contains reports whether an instant is within the span, both ends included.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.From) && !t.After(s.To) }
