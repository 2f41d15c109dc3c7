package incident

import (
	"time"

	omen "github.com/omenhq/omen"
)

// track is what the tracker remembers of one host.
type track struct {
	host  omen.Host
	at    time.Time     // of the last sample
	step  time.Duration // between samples, as measured
	loud  bool          // the last sample was above the limit
	model string        // that judged it
	level float64       // above which it would have been loud

	run     run            // anomalous samples so far, before or during an incident
	quiet   int            // samples without a loud one, while an incident is open
	calm    time.Time      // the first of them
	plateau bool           // they are above the model's limit, and only the host's level has risen
	in      *omen.Incident // the open incident
	past    *omen.Incident // the last one that closed; it may come back

	returns int             // how often the open incident came back
	above   []time.Duration // time spent above each rung of the ladder
	lasted  time.Duration   // time spent above the limit, with causes that matter
	checked time.Time       // when the rules were last asked
	rules   int             // which version of the rules that was
	updated time.Time       // when its causes were last journalled
	shown   float64         // the score that was journalled with them
	lifted  time.Time       // when what kept the open incident quiet for a time was found over…
	after   int             // …or its fleet's was, and samples since that are worth waking somebody for
	state   state           // what the open incident is at present, or the last one was
	other   run             // samples in a row that another cause leads, while an incident is open
	beside  string          // what people were notified of before another cause led
	taken   time.Time       // when another model began to judge the host, while an incident is open

	// While a tick is under way: people are to be notified of its incident, alone or
	// together with others, by a change of this kind.
	notify       omen.ChangeKind
	notifyReason string

	held      bool // no new incident until the host is quiet, has a new model, another trouble…
	heldPeak  float64
	heldModel string // …or gets twice as bad
}

// run is a row of anomalous samples, not broken by a quiet one or a gap.
type run struct {
	onset    time.Time
	enough   time.Time // when the evidence first sufficed
	hot      int       // samples that were above the limit before smoothing too
	material int       // of those, samples that are worth waking somebody for
	severe   int       // of those, samples at the model's page level or above
	violent  int       // the last so many samples in a row with a violent cause…
	since    time.Time // …from then on
	peak     float64
	peakAt   time.Time
	atPeak   []omen.Cause // never shared
	causes   []omen.Cause // at the highest sample that is worth waking somebody for, or at the peak where none is; never shared
	height   float64      // of that sample
	matters  bool         // it is worth waking somebody for
	grade    omen.Grade
	model    string
}

// hiccup is how long samples may be missing at the fastest steps: a host under
// stress is late, and that is no reason to forget what was seen.
const hiccup = 10 * time.Second

// advance measures the time since the last sample. ok is false for a sample that
// is not newer; gap is true where samples are missing in between, so that what
// was seen before is no evidence any more. counted is the time that the sample
// stands for: none after a gap.
//
// A sample that is older by more than clock means that Omen's own clock was
// set back: it is taken, as after a gap, or the host would be blind until then.
func (k *track) advance(at time.Time, clock time.Duration) (counted time.Duration, gap, ok bool) {
	if k.at.IsZero() {
		k.at = at
		return 0, false, true
	}
	d := at.Sub(k.at)
	switch {
	case d <= -clock:
		k.at = at
		return 0, true, true
	case d <= 0:
		return 0, false, false
	}
	k.at = at
	gap = k.step > 0 && d > max(4*k.step, hiccup)
	if counted = min(d, 2*k.step); gap {
		counted = 0
	}
	// Down at once and up by doubling: one missing sample hardly counts, and a
	// slower step is learned within a few.
	if k.step == 0 || d < 2*k.step {
		k.step = d
	} else {
		k.step *= 2
	}
	return counted, gap, true
}

// add puts a loud sample into the run. A run begins with a sample that is above
// the limit before smoothing too: what is only the tail of something that is
// over has no onset. page is the score from which people are notified at once,
// times what makes a cause violent.
func (r *run) add(s *omen.Score, limit, page, times float64) {
	hot := s.Unsmoothed > limit
	if r.onset.IsZero() {
		if !hot {
			return
		}
		r.stop()
		r.onset = s.At
	}
	matters := hot && material(s)
	if hot {
		r.hot++
	}
	if matters {
		r.material++
		if s.Value >= page {
			r.severe++
		}
	}
	if violent(s, times) {
		if r.violent == 0 {
			r.since = s.At
		}
		r.violent++
	} else {
		r.violent = 0
	}
	if s.Value > r.peak || len(r.atPeak) == 0 {
		r.peak, r.peakAt = max(r.peak, s.Value), s.At
		r.atPeak = append(r.atPeak[:0], s.Causes...)
	}
	higher := matters == r.matters && s.Value > r.height
	if higher || matters && !r.matters || len(r.causes) == 0 {
		r.height, r.matters = s.Value, matters
		r.causes = append(r.causes[:0], s.Causes...)
	}
	r.grade, r.model = s.Grade, s.Model
}

// moment is the run's peak, of its host.
func (r *run) moment(h omen.Host) *omen.Moment {
	return &omen.Moment{At: r.peakAt.UTC(), Host: h, Causes: keep(r.atPeak)}
}

// stop ends the run and keeps its memory.
func (r *run) stop() { *r = run{atPeak: r.atPeak[:0], causes: r.causes[:0]} }

// climb adds a sample's time to the ladder and reports whether the top is
// reached. A sample stands as high as the lower of its smoothed and unsmoothed
// score: the tail of something violent is no height.
func (k *track) climb(ladder []rung, s *omen.Score, d time.Duration) bool {
	value := min(s.Value, s.Unsmoothed)
	if len(k.above) != len(ladder) {
		k.above = make([]time.Duration, len(ladder))
	}
	for i, r := range ladder {
		if value >= r.score {
			k.above[i] += d
		}
	}
	return k.topped(ladder)
}

// topped reports whether the ladder's top is reached.
func (k *track) topped(ladder []rung) bool {
	for i, above := range k.above {
		if above >= ladder[i].total {
			return true
		}
	}
	return false
}

// need is how many samples of some evidence the host's step asks for.
func (k *track) need(e Evidence) int { return e.at(k.step).Samples }

func (k *track) forgetHeight() {
	clear(k.above)
	k.lasted = 0
}

// closing is the evidence that closes the open incident: each return doubles
// the time, so that what flaps becomes one incident.
func (k *track) closing(h Hysteresis) Evidence { return closing(h, k.returns) }

func closing(h Hysteresis, returns int) Evidence {
	e := h.Close
	for range min(returns, 10) {
		e.For = min(2*e.For, max(h.CloseMost, h.Close.For))
	}
	return e
}

// hold keeps the host from opening a new incident for what just ended by
// somebody's word and not by itself.
func (k *track) hold(in *omen.Incident) {
	k.held, k.heldPeak, k.heldModel = true, max(in.Peak, k.run.peak), k.model
	k.other.stop()
}

// release lets the host open incidents again once there is a reason to.
func (k *track) release(s *omen.Score) {
	if s.Value <= 1 || s.Value > 2*k.heldPeak || s.Model != k.heldModel {
		k.held = false
	}
}
