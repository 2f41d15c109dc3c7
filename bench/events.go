package bench

import (
	"cmp"
	"math"
	"slices"
)

// mergeWithin is how many samples apart alerts may be and still are one episode.
const mergeWithin = 10

// LateBy is how many samples after a segment an alert still detects it.
const LateBy = 5

// Counts are what the event metrics are made of. They add up over series.
type Counts struct {
	Samples       int     `json:"samples"`        // of the test part
	Normal        int     `json:"normal_samples"` // not labelled
	NormalAlerts  int     `json:"normal_alerts"`  // of them in alert
	Days          float64 `json:"days"`
	Segments      int     `json:"segments"`
	Detected      int     `json:"detected"`
	Episodes      int     `json:"episodes"`
	FalseEpisodes int     `json:"false_episodes"`
	Blamed        int     `json:"blamed"`         // segments with known causes
	HitRateSum    float64 `json:"hit_rate_sum"`   // over Blamed
	FirstAlerts   int     `json:"first_alerts"`   // detected segments with known causes
	FirstRight    int     `json:"first_right"`    // of them with a blamed feature on top at the first alert
	Delays        []int   `json:"delays_samples"` // of the detected segments
	DelaySeconds  []int   `json:"delays_seconds"` // the same by the clock
}

func (c *Counts) add(o Counts) {
	c.Samples += o.Samples
	c.Normal += o.Normal
	c.NormalAlerts += o.NormalAlerts
	c.Days += o.Days
	c.Segments += o.Segments
	c.Detected += o.Detected
	c.Episodes += o.Episodes
	c.FalseEpisodes += o.FalseEpisodes
	c.Blamed += o.Blamed
	c.HitRateSum += o.HitRateSum
	c.FirstAlerts += o.FirstAlerts
	c.FirstRight += o.FirstRight
	c.Delays = append(c.Delays, o.Delays...)
	c.DelaySeconds = append(c.DelaySeconds, o.DelaySeconds...)
}

// episodes merges alerts that are at most ten samples apart.
func episodes(r *Scored) []Segment {
	var out []Segment
	for i := range r.Scores {
		if !r.alert(i) {
			continue
		}
		if n := len(out); n > 0 && i-out[n-1].End <= mergeWithin {
			out[n-1].End = i
			continue
		}
		out = append(out, Segment{Start: i, End: i})
	}
	return out
}

// count judges one scored series. A segment is detected by an alert within
// [start, end+5]; an episode is false if it touches no such span.
func count(s *Series, r *Scored) Counts {
	c := Counts{Samples: len(s.Test), Segments: len(s.Segments)}
	c.Days = float64(len(s.Test)) * s.Step.Hours() / 24
	for i, l := range s.Labels {
		if !l {
			c.Normal++
			c.NormalAlerts += btoi(r.alert(i))
		}
	}
	for _, e := range episodes(r) {
		c.Episodes++
		if !slices.ContainsFunc(s.Segments, func(g Segment) bool { return g.near(e.Start, e.End) }) {
			c.FalseEpisodes++
		}
	}
	for _, g := range s.Segments {
		first := g.firstAlert(r)
		if first >= 0 {
			c.Detected++
			c.Delays = append(c.Delays, first-g.Start)
			c.DelaySeconds = append(c.DelaySeconds, int(s.Test[first].At.Sub(s.Test[g.Start].At).Seconds()))
		}
		if len(g.Blamed) == 0 || r.Parts == nil {
			continue
		}
		c.Blamed++
		c.HitRateSum += hitRate(r.meanParts(g), g.Blamed)
		if first >= 0 {
			c.FirstAlerts++
			c.FirstRight += btoi(slices.Contains(g.Blamed, top(r.row(first), 1)[0]))
		}
	}
	return c
}

// firstAlert is the first sample that detects the segment; below 0: none does.
func (g Segment) firstAlert(r *Scored) int {
	for i := g.Start; i <= min(g.End+LateBy, len(r.Scores)-1); i++ {
		if r.alert(i) {
			return i
		}
	}
	return -1
}

// hitRate is HitRate@100%: of the g blamed features, the share that is among
// the g largest parts.
func hitRate(parts []float64, blamed []int) float64 {
	hits := 0
	for _, j := range top(parts, len(blamed)) {
		hits += btoi(slices.Contains(blamed, j))
	}
	return float64(hits) / float64(len(blamed))
}

// top is the indexes of the n largest parts, the largest first; the earlier of
// equals first.
func top(parts []float64, n int) []int {
	order := make([]int, len(parts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(parts[b], parts[a]) })
	return order[:n]
}

// Metrics are one row of a table. A number of nothing is NaN, in JSON
// null.
type Metrics struct {
	VUSPR       Number `json:"vus_pr"`
	AUCPR       Number `json:"auc_pr"`
	Recall      Number `json:"recall"`
	Precision   Number `json:"precision"`
	F1          Number `json:"f1"`
	FAPerDay    Number `json:"false_alarms_per_day"`   // false episodes per host and day
	FalseTime   Number `json:"false_alert_time_ratio"` // share of the normal samples above the limit
	HitRate     Number `json:"hit_rate_100"`
	Top1        Number `json:"top1_at_alert"`
	DelayMedian Number `json:"delay_samples_median"`
	DelaySecs   Number `json:"delay_seconds_median"`
	Notified    Pages  `json:"notified"`
	Likely      Likely `json:"likely_95"` // of a data set
	Counts      Counts `json:"counts"`
}

// metrics turns counts into rates. Recall is detected segments of all
// segments; precision is episodes that touch a segment (or its five samples
// after) of all episodes; F1 is their harmonic mean. This is how the table of
// the study counts: its random scores have F1 .11 on SMD, which only this gives.
func (c Counts) metrics(vus, auc float64) Metrics {
	m := Metrics{VUSPR: Number(vus), AUCPR: Number(auc), Counts: c}
	m.Recall = ratio(float64(c.Detected), float64(c.Segments))
	m.Precision = ratio(float64(c.Episodes-c.FalseEpisodes), float64(c.Episodes))
	m.F1 = f1(m.Recall, m.Precision)
	m.FAPerDay = ratio(float64(c.FalseEpisodes), c.Days)
	m.FalseTime = ratio(float64(c.NormalAlerts), float64(c.Normal))
	m.HitRate = ratio(c.HitRateSum, float64(c.Blamed))
	m.Top1 = ratio(float64(c.FirstRight), float64(c.FirstAlerts))
	m.DelayMedian = median(c.Delays)
	m.DelaySecs = median(c.DelaySeconds)
	return m
}

// f1 is 0 where nothing was found, and NaN where there was nothing to find.
func f1(recall, precision Number) Number {
	switch r, p := float64(recall), float64(precision); {
	case math.IsNaN(r):
		return recall
	case math.IsNaN(p) || r+p == 0:
		return 0
	default:
		return Number(2 * r * p / (r + p))
	}
}

func ratio(a, b float64) Number {
	if b == 0 {
		return Number(math.NaN())
	}
	return Number(a / b)
}

func median(delays []int) Number {
	if len(delays) == 0 {
		return Number(math.NaN())
	}
	d := slices.Sorted(slices.Values(delays))
	n := len(d)
	return Number(float64(d[(n-1)/2]+d[n/2]) / 2)
}
