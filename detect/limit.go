package detect

import (
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/simd"
)

const (
	// limitQuantile of the scores in training is half of the limit's rule.
	limitQuantile = 0.985
	// alertsPerPage is how many episodes above the limit the other half allows
	// for each page of the budget. Not each episode is a page: people are told
	// of those that are severe or last, which is [Model.PageLevel]'s business;
	// and of the episodes in a host's history some were real. Chosen with
	// limitQuantile by leaving series out of the benchmark.
	alertsPerPage = 3.5
	// strictness is what the limit of a model with two minutes of history is
	// multiplied with; it falls to 1 with the squared logarithm of the history, at a
	// day. What is usual over a day has not been seen in two minutes.
	strictness = 4.0
	leastLimit = 1e-3
	limitPace  = 0.1 // of the way that a retrained model's limit goes from the one before
)

// chooseLimit sets the limit and the page level from the scores in training.
//
// Scores have a highest, since values are clipped. With little history and few
// features a single moment of it may have had nearly that, and caution goes no
// further than half of the way there, geometrically.
//
// The limit is the geometric mean of two: the quantile that the budget allows
// (robust, but blind to how alerts cluster) and the smallest limit that would
// have opened no more episodes than the budget allows (what an operator
// means, but decided by the few largest scores in the history).
func (f *fit) chooseLimit() {
	m := f.m
	sorted := slices.Clone(f.scores)
	slices.Sort(sorted)
	// The scores' own time, without what was left out.
	weeks := float64(len(sorted)) * m.step.Seconds() / week.Seconds()
	byQuantile := quantile(sorted, 1-(1-limitQuantile)*min(m.pages, 20))
	byBudget := smallestLimit(f.scores, sorted, weeks*m.pages*alertsPerPage)
	caution := caution(f.h.covered + m.step)
	chosen := math.Sqrt(max(byQuantile, 0) * max(byBudget, 0))
	if m.limit = max(chosen*caution, leastLimit); caution > 1 {
		// Beyond that a model could find nothing, and the host would look healthy.
		m.limit = min(m.limit, max(math.Sqrt(chosen*f.highest(chosen)), leastLimit))
	}
	if w := f.o.Warm; w != nil && w.grade == omen.Established && m.grade == omen.Established && w.pages == m.pages && w.schema == m.schema && w.unit == m.unit {
		// Scores of one day and the next stay comparable, and a limit that was
		// learned without the alerts of the one before cannot creep down.
		m.limit = math.Exp((1-limitPace)*math.Log(w.limit) + limitPace*math.Log(m.limit))
	}
	above := 0
	for _, s := range sorted {
		if s > m.limit/2 {
			above++
		}
	}
	m.busy = float64(above) / float64(len(sorted))
	m.pageLevel = max(1, smallestLimit(f.scores, sorted, weeks*m.pages)/m.limit)

	c := &m.card.Limit
	c.Chosen, c.Rule = m.limit, "geometric mean of the quantile and the episode budget, times caution"
	c.PagesPerWeek, c.PageLevel, c.Caution = m.pages, m.pageLevel, caution
	c.ByQuantile, c.ByBudget = byQuantile, byBudget
	c.P95, c.P99, c.P995 = quantile(sorted, 0.95), quantile(sorted, 0.99), quantile(sorted, 0.995)
	mean, sd := moments(sorted)
	c.MeanPlus3SD = mean + 3*sd
	c.Expected = float64(episodesAbove(f.scores, m.limit)) / max(weeks, 1e-9)
	if weeks < 1.0/7 {
		c.Expected = 0
	}
	m.card.Normality = normality(sorted)
}

// highestAfter is for how many samples every feature is as far out as it can be:
// soon enough for the averages not to have followed, and for the smoothed score to be
// nearly the unsmoothed one.
const highestAfter = 6

// highest is about the highest score that there is: what the host has when, after its
// history, all its features go as far from it as they can, up or down, and stay there.
// It is the lower of the two; a direction in which there is no more than least is none,
// as where the history ends at the top of a range.
func (f *fit) highest(least float64) float64 {
	m := f.m
	limit := m.limit
	m.limit = 1
	defer func() { m.limit = limit }()
	last := f.h.len() - 1
	recent := make([]omen.Vector, 0, trialWarmUp)
	for t := max(0, last+1-trialWarmUp); t <= last; t++ {
		recent = append(recent, f.vector(t))
	}
	highest := math.Inf(1)
	for _, end := range []float64{-2 * simd.ClipZ, 2 * simd.ClipZ} {
		peak := 0.0
		s := m.Stream(recent)
		v := f.vector(last)
		v.Values = slices.Clone(v.Values)
		for j, i := range m.active {
			v.Values[i] = m.within[j].Clamp(m.scales[j].ZCentre + end*m.scales[j].ZWidth)
		}
		for range highestAfter {
			v.At = v.At.Add(m.step)
			if score, err := s.Score(v); err == nil {
				peak = max(peak, score.Value)
			}
		}
		if peak > least {
			highest = min(highest, peak)
		}
	}
	if math.IsInf(highest, 1) {
		return least
	}
	return highest
}

// caution is the factor for little history.
func caution(covered time.Duration) float64 {
	if covered >= day {
		return 1
	}
	least := 2 * time.Minute
	part := math.Log(float64(day)/float64(max(covered, least))) / math.Log(float64(day)/float64(least))
	return 1 + (strictness-1)*part*part
}

// smallestLimit is the smallest of some 200 levels above which no more than
// allowed episodes lie, coming from the top.
func smallestLimit(scores, sorted []float64, allowed float64) float64 {
	const levels = 200
	best := sorted[len(sorted)-1]
	for i := range levels {
		tail := 1e-5 * math.Pow(0.2/1e-5, float64(i)/(levels-1))
		level := quantile(sorted, 1-tail)
		if float64(episodesAbove(scores, level)) > allowed {
			break
		}
		best = level
	}
	return best
}

// episodesAbove counts the episodes of scores above a limit, mergeGap apart.
func episodesAbove(scores []float64, limit float64) int {
	n, last := 0, math.MinInt/2
	for i, s := range scores {
		if s > limit {
			if i-last > mergeGap {
				n++
			}
			last = i
		}
	}
	return n
}

func moments(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(max(1, len(v)))
	for _, x := range v {
		sd += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd / float64(max(1, len(v)-1)))
}
