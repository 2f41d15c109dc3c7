package detect

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// levelKept is a level as it is stored.
type levelKept struct {
	At      time.Time `json:"at"` // of the last score
	Rises   []rise    `json:"rises"`
	Plateau float64   `json:"plateau"`
	Quiet   int       `json:"quiet"`
	Peak    float64   `json:"peak"`
	Counted time.Time `json:"counted"`
	Said    judgement `json:"said"`
	Window  []float32 `json:"window"` // the oldest first
	Taken   time.Time `json:"taken"`
	Alone   bool      `json:"alone,omitempty"`
}

// MarshalJSON implements [json.Marshaler]: the level with all that it goes on from.
func (l *Level) MarshalJSON() ([]byte, error) {
	window := slices.Concat(l.recent[min(l.next, l.n):l.n], l.recent[:min(l.next, l.n)])
	return json.Marshal(levelKept{l.last, l.rises.kept(), l.plateau, l.quiet, l.peak, l.counted, l.judged, window, l.taken, l.alone})
}

// UnmarshalJSON implements [json.Unmarshaler]. What is no level is
// [omen.ErrCorrupt], and leaves l as it was.
func (l *Level) UnmarshalJSON(data []byte) error {
	var k levelKept
	if err := json.Unmarshal(data, &k); err != nil {
		return fmt.Errorf("%w: %w", omen.ErrCorrupt, err)
	}
	unfit := func(v float64) bool { return math.IsNaN(v) || v < 0 || v > levelMost }
	switch {
	case k.At.IsZero() || k.Quiet < 0 || len(k.Window) > settleMost || len(k.Rises) > levelRises:
		return fmt.Errorf("level: its size or times: %w", omen.ErrCorrupt)
	case slices.ContainsFunc(k.Rises, func(r rise) bool { return !(r.Left >= 0 && r.Left <= math.Log(levelMost)) }) || unfit(k.Plateau) || math.IsNaN(k.Peak) || slices.ContainsFunc(k.Window, func(y float32) bool { return unfit(float64(y)) }):
		return fmt.Errorf("level: its numbers: %w", omen.ErrCorrupt)
	}
	*l = Level{last: k.At, plateau: k.Plateau, quiet: k.Quiet, peak: k.Peak, counted: k.Counted, judged: k.Said, taken: k.Taken, alone: k.Alone}
	l.rises.n = copy(l.rises.all[:], k.Rises)
	l.n, l.next = len(k.Window), len(k.Window)
	copy(l.recent[:], k.Window)
	copy(l.sorted[:], k.Window)
	slices.Sort(l.sorted[:l.n])
	return nil
}

// Calm reports whether the level is the limit, and no episode or plateau is on the
// way that may raise it: then nothing is lost with it that [Level.Warm] does not
// find again.
func (l *Level) Calm() bool {
	return l.rises.n == 0 && l.counted.IsZero() && settleAbove*l.plateau <= 1
}

// Since is the instant of the last score; zero: it has judged none.
func (l *Level) Since() time.Time { return l.last }

// Centres are where a stream's residuals are centred by now: what it has taken
// for usual since its model was fitted, in units of the residuals, per active
// feature, and which features are at new levels or drift. Without them a plateau's score
// is higher after a restart than before.
type Centres struct {
	Model    string    `json:"model"`
	Forecast []float64 `json:"forecast"`
	Network  []float64 `json:"network"`
	Season   []float64 `json:"season"`
	// Moved are the features at new levels, whichever model serves.
	Moved []omen.NewLevel `json:"moved,omitempty"`
	// Drifts are the features that drift slowly, whichever model serves.
	Drifts []omen.SlowDrift `json:"drifts,omitempty"`
}

// Centres are a copy of the stream's.
func (s *Stream) Centres() Centres {
	j := s.judge
	return Centres{s.m.id, slices.Clone(j.centreR), slices.Clone(j.centreE), slices.Clone(j.centreU), s.NewLevels(), s.SlowDrifts()}
}

// recall makes centres the judge's, if they are of its model.
func (j *judge) recall(c Centres) {
	odd := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	mine, stored := [...][]float64{j.centreR, j.centreE, j.centreU}, [...][]float64{c.Forecast, c.Network, c.Season}
	for i, part := range stored {
		if c.Model != j.m.id || len(part) != len(mine[i]) || slices.ContainsFunc(part, odd) {
			return
		}
	}
	for i, part := range stored {
		copy(mine[i], part)
	}
}
