package remedy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// What a pod has to show to be blamed for its node's incident; the design gives them.
const (
	mostOfIt  = 0.5 // of the node's surplus is its rise
	farAhead  = 2.0 // times the rise of the second
	atOnce    = 3   // steps between its onset and the incident's
	hostsOwn  = 0.3 // of the node's surplus in no pod: it is the host's own
	shownPods = 3
)

// Blame judges which pod of a node the node's incident comes from. A pod is to blame if
// it rose by at least half of the node's surplus, at least twice as far as the second
// one, with an onset within three steps of the incident's, and if less than three
// tenths of the surplus are in no pod. Nothing follows from what is not measured.
//
// Pods of one workload of which some were replaced within the window count as one: a
// new pod would else be blamed for all that its predecessor used already.
func Blame(n omen.NodeUse) omen.Blame {
	b := omen.Blame{At: n.At.UTC(), PodRef: omen.PodRef{Node: n.Node}, Feature: n.Cause.Feature, Unit: n.Cause.Unit, Surplus: n.Surplus}
	if n.Missing != "" {
		b.Surplus, b.Why = 0, n.Missing
		return b
	}
	if !(n.Surplus > 0) || math.IsInf(n.Surplus, 0) {
		b.Surplus, b.Why = 0, fmt.Sprintf("the node has no more %s than expected", n.Cause.Feature)
		return b
	}
	all, unknown := rises(n)
	sum := 0.0
	for _, r := range all {
		sum += r.rise
	}
	b.Outside = max(0, (n.Surplus-sum)/n.Surplus)
	for _, r := range all[:min(shownPods, len(all))] {
		p := omen.PodRise{PodRef: r.pod, Workload: r.workload, Rise: r.rise, Share: r.rise / n.Surplus, Waits: r.waits}
		if r.pods > 1 {
			p.Pods = r.pods
		}
		b.Pods = append(b.Pods, p)
	}
	if b.Why = nobody(n, all, unknown, b.Outside); b.Why == "" {
		b.PodRef = all[0].pod
		b.Node = n.Node
		b.Why = fmt.Sprintf("it has %.0f %% of what the node has more of %s than expected, since %s", 100*b.Pods[0].Share, n.Cause.Feature, all[0].onset.UTC().Format("15:04:05 UTC"))
	}
	return b
}

// nobody is why no pod is to blame; empty: the first is.
func nobody(n omen.NodeUse, all []rise, unknown int, outside float64) string {
	if len(all) == 0 {
		return "no pod was measured before and after the onset"
	}
	first, second := all[0], 0.0
	if len(all) > 1 {
		second = all[1].rise
	}
	switch {
	case outside >= hostsOwn && unknown > 0:
		return fmt.Sprintf("%.0f %% of the surplus is in no pod that was measured before, and %s not", 100*outside, omen.Plural(unknown, "pod was", "pods were"))
	case outside >= hostsOwn:
		return fmt.Sprintf("%.0f %% of the surplus is in no pod: a process of the host itself", 100*outside)
	case first.rise < mostOfIt*n.Surplus:
		return fmt.Sprintf("the one that rose most, %s, has only %.0f %% of the surplus", first.pod, 100*first.rise/n.Surplus)
	case first.rise < farAhead*second:
		return fmt.Sprintf("%s and %s both rose", first.pod, all[1].pod)
	case first.onset.IsZero():
		return fmt.Sprintf("%s rose most, but not above what it often was within the day before", first.pod)
	case first.onset.Sub(n.Since).Abs() > atOnce*n.Step:
		when := "after"
		if first.onset.Before(n.Since) {
			when = "before"
		}
		return fmt.Sprintf("%s rose most, but began at another time: more than %s %s the onset", first.pod, omen.Soon(atOnce*n.Step), when)
	case first.gone:
		return fmt.Sprintf("%s rose most, and is gone", first.pod)
	}
	return ""
}

// rise is how far a pod, or those of a workload that were replaced, rose.
type rise struct {
	pod      omen.PodRef
	workload string
	rise     float64
	onset    time.Time // zero: it never left its usual level
	waits    float64
	pods     int
	gone     bool
}

// rises are those of all pods of which one is known, the largest first, and how many
// there are of which none is.
func rises(n omen.NodeUse) (all []rise, unknown int) {
	pods := slices.Clone(n.Pods)
	slices.SortFunc(pods, func(a, b omen.PodUse) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	together := replaced(n, pods)
	grouped := map[string][]omen.PodUse{}
	var order []string
	for _, p := range pods {
		key := p.Namespace + "/" + p.Name
		if w := p.Namespace + "/" + p.Workload; p.Workload != "" && together[w] {
			key = w + "/" // no name of a pod ends so
		}
		if grouped[key] == nil {
			order = append(order, key)
		}
		grouped[key] = append(grouped[key], p)
	}
	for _, key := range order {
		r, known := riseOf(n, grouped[key])
		switch {
		case known:
			all = append(all, r)
		case slices.ContainsFunc(grouped[key], func(p omen.PodUse) bool { return !math.IsNaN(p.Now) }):
			unknown++
		}
	}
	slices.SortStableFunc(all, func(a, b rise) int { return cmp.Compare(b.rise, a.rise) })
	return all, unknown
}

// replaced are the workloads of which a pod began after the onset, or a little before,
// and those of which one is gone.
func replaced(n omen.NodeUse, pods []omen.PodUse) map[string]bool {
	found := map[string]bool{}
	for _, p := range pods {
		if p.Ended || began(n, p) {
			found[p.Namespace+"/"+p.Workload] = true
		}
	}
	return found
}

// began reports whether a pod was not there before the onset.
func began(n omen.NodeUse, p omen.PodUse) bool {
	return !p.Started.IsZero() && !p.Started.Before(n.Since.Add(-atOnce*n.Step))
}

// riseOf adds up pods that count as one. It is not known of those of which one is not
// measured before the onset, or now, although it was or is there.
func riseOf(n omen.NodeUse, pods []omen.PodUse) (r rise, known bool) {
	r = rise{pods: len(pods), workload: pods[0].Workload, gone: true}
	high, most, usual := 0.0, math.Inf(-1), false
	var trace []float64
	var first time.Time // when the first of those that were not there before began
	for _, p := range pods {
		isNew := math.IsNaN(p.Before)
		switch {
		case isNew && !began(n, p), math.IsNaN(p.Now) && !p.Ended:
			return r, false
		case isNew && (first.IsZero() || p.Started.Before(first)):
			first = p.Started
		case !isNew:
			usual, high = true, high+p.High
		}
		now := zeroIfNaN(p.Now)
		r.rise += now - zeroIfNaN(p.Before)
		r.waits = max(r.waits, zeroIfNaN(p.Waits))
		trace = added(trace, p.Trace)
		if !p.Ended && r.gone || p.Ended == r.gone && now > most { // the living one that uses most
			most, r.gone = now, p.Ended
			r.pod = omen.PodRef{Namespace: p.Namespace, Pod: p.Name}
		}
	}
	if r.onset = first; usual {
		r.onset = onset(n, trace, high)
	}
	return r, !math.IsNaN(r.rise) && !math.IsInf(r.rise, 0)
}

// onset is where the longest run of samples above a level begins; a sample that
// stands out by itself is no onset. Zero: none is above, or the level is not known.
func onset(n omen.NodeUse, trace []float64, above float64) time.Time {
	begin, longest, run := 0, 0, 0
	for i, v := range trace {
		switch {
		case v > above:
			if run++; run > longest {
				begin, longest = i+1-run, run
			}
		default:
			run = 0
		}
	}
	if longest == 0 {
		return time.Time{}
	}
	return n.From.Add(time.Duration(begin) * n.Step)
}

// added is the sum of two traces; a gap of one counts as 0, of both it stays one.
func added(a, b []float64) []float64 {
	if len(a) < len(b) {
		a, b = b, a
	}
	sum := slices.Clone(a)
	for i, v := range b {
		switch {
		case math.IsNaN(sum[i]):
			sum[i] = v
		case !math.IsNaN(v):
			sum[i] += v
		}
	}
	return sum
}

func zeroIfNaN(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
