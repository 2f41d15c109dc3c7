package incident

import (
	"maps"
	"slices"
	"time"

	omen "github.com/omenhq/omen"
)

// Memory is what the tracker knows beside the incidents themselves, and what
// must outlive a restart: how high and how often an open incident has been,
// and which hosts an operator closed while they were still anomalous.
type Memory struct {
	Grown map[string]Grown `json:"grown"` // by incident
	Held  []Held           `json:"held"`

	Troubles []string `json:"troubles,omitempty"` // keys of Omen's own troubles whose incident an operator closed while they last
	Sources  []string `json:"sources,omitempty"`  // the same of sources that are down…
	Stalls   []string `json:"stalls,omitempty"`   // …or of which Omen scores nobody

	Accepted []Accepted `json:"accepted,omitempty"` // what somebody called no problem

	Falsely map[string][]time.Time `json:"false_forecasts,omitempty"` // when false forecasts ended, by the limit's name

	Over map[string]time.Time `json:"over,omitempty"` // when troubles were resolved whose incident waits whether they come back
}

// Grown is the past of an incident that is open, or may come back.
type Grown struct {
	Returns int             `json:"returns"`
	Quiet   int             `json:"quiet"`    // samples without a loud one, of late
	Calm    time.Time       `json:"calm"`     // the first of them
	Above   []time.Duration `json:"above_ns"` // time above each rung of the ladder
	Lasted  time.Duration   `json:"lasted_ns"`
	State   state           `json:"state"`
	At      time.Time       `json:"at"` // of the last sample
	Step    time.Duration   `json:"step_ns"`
}

// Held is a host that opens no new incident before it was quiet for once.
type Held struct {
	Host  omen.Host `json:"host"`
	At    time.Time `json:"at"` // of its last sample
	Peak  float64   `json:"peak"`
	Model string    `json:"model"`
	State state     `json:"state"` // what its incident was
}

// Accepted is how full a resource may be, as a share of its limit, before people
// are notified of it again.
type Accepted struct {
	Resource omen.Resource `json:"resource"`
	Share    float64       `json:"share"`
	At       time.Time     `json:"at"`
}

// Memory is a copy of what is to be kept over a restart.
func (t *Tracker) Memory() Memory {
	m := Memory{Grown: map[string]Grown{}, Over: map[string]time.Time{}, Falsely: map[string][]time.Time{}}
	for _, k := range t.hosts {
		if k.in != nil {
			m.Grown[k.in.ID] = Grown{k.returns, k.quiet, k.calm, slices.Clone(k.above), k.lasted, k.state.clone(), k.at, k.step}
		}
		if k.past != nil {
			m.Grown[k.past.ID] = Grown{Returns: k.returns, State: k.state.clone()}
		}
		if k.held {
			m.Held = append(m.Held, Held{k.host, k.at, k.heldPeak, k.heldModel, k.state.clone()})
		}
	}
	for _, c := range t.conditions() {
		if c.in != nil {
			m.Grown[c.in.ID] = Grown{Returns: c.returns}
		}
	}
	for key, o := range t.troubles {
		if o.held {
			m.Troubles = append(m.Troubles, key)
		}
		if o.in != nil && !o.over.IsZero() {
			m.Over[key] = o.over
		}
	}
	for _, o := range t.outlooksOf(func(o *outlook) bool { return o.accepted > 0 }) {
		m.Accepted = append(m.Accepted, Accepted{o.id, o.accepted, o.acceptedAt})
	}
	for kind, ends := range t.falsely {
		m.Falsely[kind] = slices.Clone(ends)
	}
	for name, s := range t.sources {
		if s.down.held {
			m.Sources = append(m.Sources, name)
		}
		if s.own.held {
			m.Stalls = append(m.Stalls, name)
		}
	}
	return m
}

// Recall puts in what Memory gave before the restart. It is for after
// [Tracker.Restore] and before the first tick.
func (t *Tracker) Recall(m Memory) {
	for _, k := range t.hosts {
		if k.in == nil {
			if k.past != nil {
				k.returns, k.state = m.Grown[k.past.ID].Returns, m.Grown[k.past.ID].State
			}
			continue
		}
		if g, ok := m.Grown[k.in.ID]; ok {
			k.returns, k.lasted, k.at, k.step = g.Returns, g.Lasted, g.At, g.Step
			k.quiet, k.calm = g.Quiet, g.Calm
			if !g.State.Since.IsZero() { // noted by an earlier version: it begins now
				k.state = g.State
			}
			if len(g.Above) == len(t.h.Ladder) {
				k.above = slices.Clone(g.Above)
			}
		}
	}
	for _, c := range t.conditions() {
		if c.in != nil {
			c.returns = m.Grown[c.in.ID].Returns
		}
	}
	for _, key := range m.Troubles {
		t.trouble(key).held = true
	}
	for key, over := range m.Over {
		if o := t.troubles[key]; o != nil && o.in != nil {
			o.over = over
		}
	}
	for _, a := range m.Accepted {
		o := t.outlook(a.Resource)
		o.accepted, o.acceptedAt = a.Share, a.At
	}
	maps.Copy(t.falsely, m.Falsely)
	for _, name := range m.Sources {
		t.source(name).down.held = true
	}
	for _, name := range m.Stalls {
		t.source(name).own.held = true
	}
	for _, h := range m.Held {
		if k := t.track(h.Host); k.in == nil {
			k.at = h.At
			k.held, k.heldPeak, k.heldModel, k.state = true, h.Peak, h.Model, h.State
		}
	}
}
