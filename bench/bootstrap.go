package bench

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resamples is how many data sets are drawn for an interval.
const resamples = 1000

// Likely are the 2.5 % and 97.5 % quantiles of a data set's numbers over data
// sets drawn from it (a bootstrap in two stages: as many series as there are,
// with replacement, and of each as many of its stretches around one segment).
type Likely struct {
	NotifiedF1   [2]Number `json:"notified_f1"`
	FalsePerWeek [2]Number `json:"false_per_host_week"`
	F1           [2]Number `json:"f1"`
}

// block is a stretch of a series with one labelled segment, half way to its
// neighbours, or a whole series without any.
type block struct {
	segments, detected, found int
	episodes, falseEpisodes   int
	sent, falseSent           int
	hostWeeks                 float64
}

// blocksOf takes a scored series apart. Alerts and messages belong to the block
// in which they begin; the sums are those of [count] and [countPages].
func blocksOf(s *Series, r *Scored) []block {
	blocks := make([]block, max(1, len(s.Segments)))
	in := func(i int) *block {
		k := 0
		for k+1 < len(s.Segments) && i > (s.Segments[k].End+s.Segments[k+1].Start)/2 {
			k++
		}
		return &blocks[k]
	}
	about := func(from, to int) bool {
		return slices.ContainsFunc(s.Segments, func(g Segment) bool { return g.near(from, to) })
	}
	for _, e := range episodes(r) {
		b := in(e.Start)
		b.episodes++
		b.falseEpisodes += btoi(!about(e.Start, e.End))
	}
	var sent []message
	if r.Timeline != nil {
		sent = messages(r.Timeline)
		for _, m := range sent {
			b := in(m.at)
			b.sent++
			b.falseSent += btoi(!m.touches(s))
		}
		for i, l := range s.Labels {
			in(i).hostWeeks += float64(btoi(!l)) * s.Step.Hours() / aWeek.Hours()
		}
	}
	for k, g := range s.Segments {
		b := &blocks[k]
		b.segments++
		b.detected += btoi(g.firstAlert(r) >= 0)
		_, _, found := g.message(sent)
		b.found += btoi(found)
	}
	return blocks
}

// resample draws data sets from some series. The same rows give the same.
func resample(rows []seriesRow) (l Likely) {
	random := rand.New(rand.NewPCG(uint64(len(rows)), 13))
	var notified, pages, alerts []float64
	for range resamples {
		var b block
		for range rows {
			of := rows[random.IntN(len(rows))].blocks
			for range of {
				b.add(of[random.IntN(len(of))])
			}
		}
		notified = append(notified, float64(f1(ratio(float64(b.found), float64(b.segments)), ratio(float64(b.sent-b.falseSent), float64(b.sent)))))
		pages = append(pages, float64(ratio(float64(b.falseSent), b.hostWeeks)))
		alerts = append(alerts, float64(f1(ratio(float64(b.detected), float64(b.segments)), ratio(float64(b.episodes-b.falseEpisodes), float64(b.episodes)))))
		if b.hostWeeks == 0 { // nobody is notified
			notified[len(notified)-1] = math.NaN()
		}
	}
	l.NotifiedF1, l.FalsePerWeek, l.F1 = between(notified), between(pages), between(alerts)
	return l
}

func (b *block) add(o block) {
	b.segments += o.segments
	b.detected += o.detected
	b.found += o.found
	b.episodes += o.episodes
	b.falseEpisodes += o.falseEpisodes
	b.sent += o.sent
	b.falseSent += o.falseSent
	b.hostWeeks += o.hostWeeks
}

// between are the quantiles of what is a number.
func between(drawn []float64) [2]Number {
	drawn = slices.DeleteFunc(drawn, math.IsNaN)
	if len(drawn) == 0 {
		return [2]Number{Number(math.NaN()), Number(math.NaN())}
	}
	slices.Sort(drawn)
	at := func(q float64) Number { return Number(drawn[int(math.Round(q*float64(len(drawn)-1)))]) }
	return [2]Number{at(.025), at(.975)}
}
