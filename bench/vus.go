package bench

import (
	"cmp"
	"math"
	"slices"
)

// vusThresholds is TSB-AD's number of thresholds.
const vusThresholds = 250

// vusPR is the volume under the precision-recall surface (Paparrizos et al.,
// "Volume Under the Surface", PVLDB 15(11), 2022), as TSB-AD's
// RangeAUC_volume_opt computes it: the mean over buffer lengths 0…window of
// the area under the range precision-recall curve at 250 thresholds spread
// evenly over the sorted scores. 1 is best. NaN without a labelled sample.
//
// For a buffer length w each segment is widened by w/2 samples on both sides
// with weights √(1−d/w) at distance d. A sample in a buffer counts only while
// it is predicted: as weight of a true positive, and half in the number of
// positives. Recall is multiplied by the share of widened segments that are hit
// at all. The area is summed in steps (recall gained times precision there), as
// the current TSB-AD does; the paper's own code took trapezoids.
func vusPR(scores []float64, labels []bool, window int) float64 {
	segments := segmentsOf(labels)
	if len(segments) == 0 || len(scores) != len(labels) {
		return math.NaN()
	}
	rank, predicted := thresholdRanks(scores)
	v := volume{rank: rank, predicted: predicted, labels: labels, segments: segments}
	for _, g := range segments {
		v.positives += g.End - g.Start + 1
		for i := g.Start; i <= g.End; i++ {
			v.hits[rank[i]]++
		}
	}
	v.buffer = make([]float64, len(labels))
	var sum float64
	for w := 0; w <= window; w++ {
		sum += v.area(w)
	}
	return sum / float64(window+1)
}

// thresholdRanks gives for every sample the first threshold (they descend)
// that it reaches, and for every threshold how many samples reach it.
func thresholdRanks(scores []float64) (rank []int, predicted [vusThresholds]float64) {
	n := len(scores)
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	var thresholds [vusThresholds]float64
	step := float64(n-1) / (vusThresholds - 1)
	for k := range thresholds {
		at := int(float64(k) * step)
		if k == vusThresholds-1 {
			at = n - 1
		}
		thresholds[k] = sorted[n-1-at]
	}
	rank = make([]int, n)
	for i, s := range scores {
		// The first k with thresholds[k] <= s; the last is the minimum.
		lo, hi := 0, vusThresholds-1
		for lo < hi {
			if mid := (lo + hi) / 2; thresholds[mid] <= s {
				hi = mid
			} else {
				lo = mid + 1
			}
		}
		rank[i] = lo
		predicted[lo]++
	}
	for k := 1; k < vusThresholds; k++ {
		predicted[k] += predicted[k-1]
	}
	return rank, predicted
}

// volume holds what all buffer lengths share.
type volume struct {
	rank      []int
	predicted [vusThresholds]float64 // cumulative
	hits      [vusThresholds]float64 // labelled samples per rank, not cumulative
	labels    []bool
	segments  []Segment
	positives int
	buffer    []float64 // scratch: weights of the buffers, zero between calls
}

// area is the area under the range precision-recall curve of buffer length w.
func (v *volume) area(w int) float64 {
	half, last := w/2, len(v.labels)-1
	var weight, existing [vusThresholds]float64
	for _, g := range v.segments {
		for d := 1; d <= half; d++ {
			x := math.Sqrt(1 - float64(d)/float64(w))
			for _, i := range [2]int{g.Start - d, g.End + d} {
				if i >= 0 && i <= last && !v.labels[i] {
					v.buffer[i] += x
				}
			}
		}
	}
	for _, g := range v.segments { // collect and clear; shared buffers are seen once
		for d := 1; d <= half; d++ {
			for _, i := range [2]int{g.Start - d, g.End + d} {
				if i >= 0 && i <= last && v.buffer[i] > 0 {
					weight[v.rank[i]] += min(1, v.buffer[i])
					v.buffer[i] = 0
				}
			}
		}
	}
	groups := v.widened(half)
	for _, g := range groups {
		best := vusThresholds
		for i := g.Start; i <= g.End; i++ {
			best = min(best, v.rank[i])
		}
		existing[best]++
	}
	var area, bufferHits, labelHits, exist float64
	recall0 := 0.0
	for k := range vusThresholds {
		bufferHits += weight[k]
		labelHits += v.hits[k]
		exist += existing[k]
		tp := labelHits + bufferHits
		positives := float64(v.positives) + bufferHits/2
		recall := min(tp/positives, 1) * exist / float64(len(groups))
		precision := tp / v.predicted[k]
		area += (recall - recall0) * precision
		recall0 = recall
	}
	return area
}

// widened is the segments with half a buffer on both sides; those whose
// buffers touch are one.
func (v *volume) widened(half int) []Segment {
	var out []Segment
	last := len(v.labels) - 1
	for i, g := range v.segments {
		start, end := max(0, g.Start-half), min(last, g.End+half)
		if i > 0 && v.segments[i-1].End+half >= g.Start-half {
			out[len(out)-1].End = end
			continue
		}
		out = append(out, Segment{Start: start, End: end})
	}
	return out
}

// aucPR is the average precision: the sum over distinct scores, from the
// highest, of the recall gained times the precision there (what scikit-learn
// calls average_precision_score). NaN without a labelled sample.
func aucPR(scores []float64, labels []bool) float64 {
	order := make([]int, len(scores))
	positives := 0
	for i := range order {
		order[i] = i
		positives += btoi(labels[i])
	}
	if positives == 0 {
		return math.NaN()
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	var area float64
	tp, before := 0, 0
	for i, at := range order {
		tp += btoi(labels[at])
		if i+1 < len(order) && scores[order[i+1]] == scores[at] {
			continue
		}
		area += float64(tp-before) / float64(positives) * float64(tp) / float64(i+1)
		before = tp
	}
	return area
}
