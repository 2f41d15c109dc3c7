package detect

import (
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

const (
	// levelStep is what an episode adds to the logarithm of the level: a third.
	levelStep = 0.3
	// levelForgets is after how many samples an episode is forgotten at a budget
	// of one page a week: the long-run rate of episodes that the level settles
	// at. Half a day at steps of five minutes.
	levelForgets = 144
	// levelFinest is the finest step that counts as one: samples of a second are
	// no more independent than those of a minute.
	levelFinest = time.Minute
	// levelRises is how many rises are kept apart: weak episodes raise the level to
	// four times the limit at most, which five of them do.
	levelRises = 8
	// levelStrong is the score, in limits, from which an episode is no evidence
	// that the limit is too low: false episodes peak at 1.2 to 1.7 in the median,
	// true ones at ten and more, so that a day of real trouble blinds nobody.
	levelStrong = 3
	// levelQuiet is how many samples at or below the level end an episode, as
	// they end an incident.
	levelQuiet = 10

	// aloneAbove is the score, in limits, from which a sample is an alert by itself, at
	// steps of levelFinest and more, where an incident opens by one. A lower one is an
	// alert if the next is above the level, too: half of all false episodes are a sample
	// between the two.
	aloneAbove = 1.5

	// settleOver is the window in which a plateau becomes the host's level.
	settleOver = time.Hour
	// settleAbove is how far above a plateau still alerts, and how far from its
	// median half of the window's values may lie: unlike troubles one after the
	// other are no plateau.
	settleAbove = 1.5
	// settleMost is how many values of the window are kept.
	settleMost = 60
	// settleFewest is how many samples a window needs to show a plateau: at steps
	// of more than ten minutes the level does not follow one.
	settleFewest = 6
	// levelMost bounds the values of the window, so that every level is finite.
	levelMost = 1e30
)

// Level is where a host's scores begin to alert, in units of its model's limit:
// 1 where the limit holds what it promises, and above it after weak episodes
// that come more often than the page budget allows, while the score stays on a
// plateau, and for a first weak sample at slow steps. It belongs to the host and not to a model, and goes on when another
// model serves. It changes no score: what ranks, grades and explains scores
// stays in units of the limit.
//
// The control of the rate by fixed steps is kin to adaptive conformal inference
// (Gibbs and Candès, NeurIPS 2021), on episodes instead of samples. The zero
// Level is ready to use; it holds no pointers, and a copy is another one.
type Level struct {
	last    time.Time
	rises   rises     // what episodes add to the logarithm of the level
	plateau float64   // the score's height where it has settled; 0: nowhere
	quiet   int       // samples at or below the level in the open episode
	peak    float64   // of the open episode
	counted time.Time // when the open episode began; zero: none is open
	judged  judgement // of the open episode
	alone   bool      // the last sample was above the level, and too weak to be an alert by itself

	// The window: in order of time from next on, and sorted.
	recent, sorted [settleMost]float32
	n, next        int
	taken          time.Time // when a value last came in
}

// Next is the level for the score y at an instant, made from earlier scores only;
// then it takes up y, which must not be NaN. step is the time between samples,
// pages the budget of pages per host and week.
func (l *Level) Next(at time.Time, y float64, step time.Duration, pages float64) float64 {
	elapsed := at.Sub(l.last)
	if elapsed < 0 || elapsed > settleOver { // the clock was set, or nothing was heard: a plateau then says nothing of now
		l.n, l.next, l.taken, l.counted, l.quiet, l.judged, l.alone = 0, 0, time.Time{}, time.Time{}, 0, unjudged, false
	}
	if elapsed > 0 && !l.last.IsZero() {
		l.rises.forget(forgotten(elapsed, step, pages))
	}
	l.last = at
	every := max(step, settleOver/settleMost)
	size := max(2, int(settleOver/every))
	l.follow(size)
	level := max(1, math.Exp(l.rises.sum()), settleAbove*l.plateau)
	if l.alone = y > level && y < aloneAbove && !l.alone && l.counted.IsZero() && step >= levelFinest; l.alone {
		level = aloneAbove
	}
	l.count(at, y, y > level)
	if at.Sub(l.taken) >= every*9/10 { // steps are not exact
		l.put(float32(min(y, levelMost)), size)
		l.taken = at
	}
	return level
}

// count follows the open episode.
func (l *Level) count(at time.Time, y float64, alert bool) {
	open := !l.counted.IsZero()
	switch {
	case alert && !open:
		l.counted, l.quiet, l.peak, l.judged = at, 0, y, unjudged
	case alert:
		l.quiet, l.peak = 0, max(l.peak, y)
	case open:
		if l.quiet++; l.quiet >= levelQuiet {
			l.raise(at)
			l.counted = time.Time{}
		}
	}
}

// raise counts the open episode up to an instant, unless it is strong or people
// have said what it is.
func (l *Level) raise(at time.Time) {
	if l.judged == judgedFalse || l.judged == unjudged && l.peak < levelStrong {
		l.rises.add(rise{l.counted.UnixNano(), at.UnixNano(), levelStep})
	}
}

// forgotten is what the level forgets of its rises in a time.
func forgotten(elapsed, step time.Duration, pages float64) float64 {
	if pages <= 0 {
		pages = 1
	}
	return levelStep * elapsed.Seconds() / (levelForgets * max(step, levelFinest).Seconds() / pages)
}

// follow brings the plateau up to date: it is the median of the window, 0 until
// half of it is there. While the values are too unlike to be a plateau it can
// only fall, as after its end.
func (l *Level) follow(size int) {
	if size < settleFewest || 2*l.n < size {
		l.plateau = 0
		return
	}
	median := (float64(l.sorted[(l.n-1)/2]) + float64(l.sorted[l.n/2])) / 2
	lower, upper := float64(l.sorted[l.n/4]), float64(l.sorted[l.n-1-l.n/4])
	if lower*settleAbove < median || upper > median*settleAbove {
		median = min(median, l.plateau)
	}
	l.plateau = median
}

// put takes a value into a window of so many.
func (l *Level) put(y float32, size int) {
	size = min(size, settleMost)
	if l.n > size { // the step was changed
		l.n, l.next = 0, 0
	}
	at := l.next % size
	sorted := l.sorted[:l.n]
	if l.n == size {
		gone, _ := slices.BinarySearch(sorted, l.recent[at])
		sorted = slices.Delete(sorted, gone, gone+1)
	}
	i, _ := slices.BinarySearch(sorted, y)
	l.n = len(slices.Insert(sorted, i, y))
	l.recent[at], l.next = y, (at+1)%size
}

// Warm is [Model.Stream] for a host whose level is to be known, too: the level
// takes up what the model says of the recent samples that it has not judged, of
// the second half of them at most. That is what came while Omen was stopped, and
// for a level that has judged nothing yet all that there is to make it from.
// Centres of this model are where the stream's were when the level judged last;
// new levels are taken up whichever model found them.
func (l *Level) Warm(m *Model, recent []omen.Vector, c Centres, pages float64) *Stream {
	known := len(recent) / 2
	for known < len(recent) && !recent[known].At.After(l.last) {
		known++
	}
	s := m.GoOn(recent[:known], c)
	for _, v := range recent[known:] {
		if score, err := s.Score(v); err == nil { // one of another width is ignored, as by Stream
			l.Next(v.At, score.Value, m.step, pages)
		}
	}
	return s
}
