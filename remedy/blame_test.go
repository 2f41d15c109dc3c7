package remedy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omenhq/omen"
)

var nan = math.NaN()

// busyNode is a node that has .4 more than expected since noon, as read ten minutes
// later, with a pod that has most of it and two that are as ever.
func busyNode() omen.NodeUse {
	return omen.NodeUse{
		Node: "n1", Cause: omen.Cause{Feature: "cpu_user", Unit: omen.Ratio}, Surplus: 0.4,
		Since: noon, At: noon.Add(10 * time.Minute), Step: 15 * time.Second, From: noon.Add(-10 * 15 * time.Second),
		Pods: []omen.PodUse{pod("a", 0.45, 0.1, 1), pod("b", 0.11, 0.1, none), pod("c", 0.2, 0.2, none)},
	}
}

const none = 99

// pod is one that uses so much now and before, with an onset so many steps after the
// incident's.
func pod(name string, now, before float64, onset int) omen.PodUse {
	p := omen.PodUse{Namespace: "shop", Name: name, Workload: "ReplicaSet/" + name, Now: now, Before: before, High: 1.1 * before, Started: noon.Add(-48 * time.Hour), Waits: nan}
	for i := range 21 {
		v := before
		if i-10 >= onset {
			v = now
		}
		p.Trace = append(p.Trace, v)
	}
	return p
}

// fresh is a pod that began so long after the onset.
func fresh(name, workload string, now float64, after time.Duration) omen.PodUse {
	p := pod(name, now, nan, 0)
	p.High, p.Workload, p.Started = nan, workload, noon.Add(after)
	return p
}

func TestBlame(t *testing.T) {
	ended := func(p omen.PodUse) omen.PodUse { p.Ended = true; return p }
	ofJob := func(p omen.PodUse, kind string) omen.PodUse { p.Workload = kind; return p }
	for name, c := range map[string]struct {
		edit func(*omen.NodeUse)
		pod  string // that is to blame; empty: nobody
		why  string // a part of it
	}{
		"most of it, at once":   {func(*omen.NodeUse) {}, "a", "87 % of what the node has more of cpu_user"},
		"half, far ahead":       {func(n *omen.NodeUse) { n.Pods[0].Now, n.Pods[1].Now = 0.31, 0.2 }, "a", "52 %"},
		"less than half":        {func(n *omen.NodeUse) { n.Pods[0].Now, n.Pods[1].Now = 0.28, 0.21 }, "", "only 45 %"},
		"two alike":             {func(n *omen.NodeUse) { n.Pods[0].Now, n.Pods[1].Now = 0.31, 0.26 }, "", "shop/a and shop/b both rose"},
		"the host's own":        {func(n *omen.NodeUse) { n.Pods[0].Now = 0.37 }, "", "in no pod: a process of the host itself"},
		"spread, and not known": {func(n *omen.NodeUse) { n.Pods[0].Before = nan }, "", "and 1 pod was not"},
		"no pod rose at all":    {func(n *omen.NodeUse) { n.Pods = n.Pods[1:] }, "", "98 % of the surplus is in no pod"},
		"one shrank, another":   {func(n *omen.NodeUse) { n.Pods[0].Now, n.Pods[2].Now = 0.6, 0.05 }, "a", "125 %"},
		"too late":              {func(n *omen.NodeUse) { n.Pods[0] = pod("a", 0.45, 0.1, 4) }, "", "after the onset"},
		"at the edge":           {func(n *omen.NodeUse) { n.Pods[0] = pod("a", 0.45, 0.1, 3) }, "a", ""},
		"long before":           {func(n *omen.NodeUse) { n.Pods[0] = pod("a", 0.45, 0.1, -4) }, "", "before the onset"},
		"as on other days":      {func(n *omen.NodeUse) { n.Pods[0].High = 0.5 }, "", "not above what it often was"},
		"a sample by itself":    {func(n *omen.NodeUse) { n.Pods[0].Trace[2] = 0.3 }, "a", ""},
		"its day is not known":  {func(n *omen.NodeUse) { n.Pods[0].High = nan }, "", "not above what it often was"},
		"no surplus":            {func(n *omen.NodeUse) { n.Surplus = -0.1 }, "", "no more cpu_user than expected"},
		"nothing measured":      {func(n *omen.NodeUse) { n.Pods = nil }, "", "no pod was measured"},
		"missing":               {func(n *omen.NodeUse) { n.Missing = "no series of containers" }, "", "no series of containers"},
		"a job that began":      {func(n *omen.NodeUse) { n.Pods[0] = ofJob(fresh("a", "", 0.35, 10*time.Second), "") }, "a", ""},
		"a job of before":       {func(n *omen.NodeUse) { n.Pods[0] = ofJob(fresh("a", "", 0.35, -time.Hour), "") }, "", "1 pod was not"},
		"a job that began late": {func(n *omen.NodeUse) { n.Pods[0] = ofJob(fresh("a", "", 0.35, 2*time.Minute), "") }, "", "began at another time"},
		"it is gone":            {func(n *omen.NodeUse) { n.Pods[0] = ended(n.Pods[0]) }, "", "is gone"},
		"moved to here":         {func(n *omen.NodeUse) { n.Pods[0] = fresh("a", "ReplicaSet/a", 0.35, 20*time.Second) }, "a", ""},
		"a rollout changes nothing": {func(n *omen.NodeUse) { // the new pod uses what the old one did
			n.Pods[0] = ended(ofJob(pod("a-1", 0.02, 0.35, none), "ReplicaSet/a"))
			n.Pods = append(n.Pods, fresh("a-2", "ReplicaSet/a", 0.33, 30*time.Second))
		}, "", "97 % of the surplus is in no pod"},
		"a rollout of what is worse": {func(n *omen.NodeUse) {
			n.Pods[0] = ended(ofJob(pod("a-1", 0.01, 0.1, none), "ReplicaSet/a"))
			n.Pods = append(n.Pods, fresh("a-2", "ReplicaSet/a", 0.45, 15*time.Second))
		}, "a-2", "90 %"},
		"one of two that began later": {func(n *omen.NodeUse) {
			n.Pods[0] = fresh("a-1", "ReplicaSet/a", 0.2, 10*time.Second)
			n.Pods = append(n.Pods, fresh("a-2", "ReplicaSet/a", 0.15, 3*time.Minute))
		}, "a-1", "87 %"},
		"one of two was evicted": {func(n *omen.NodeUse) { // above what both often were together
			n.Pods[0] = ended(ofJob(pod("a-1", 0.01, 0.1, 1), "ReplicaSet/a"))
			n.Pods = append(n.Pods, ofJob(pod("a-2", 0.52, 0.1, 1), "ReplicaSet/a"))
		}, "a-2", "82 %"},
		"created again under its name": {func(n *omen.NodeUse) { // the series goes on
			n.Pods[0].Started = noon.Add(time.Minute)
		}, "a", "87 %"},
	} {
		n := busyNode()
		c.edit(&n)
		b := Blame(n)
		if b.Pod != c.pod || !strings.Contains(b.Why, c.why) || b.Why == "" || len(b.Pods) > 3 {
			t.Errorf("%s: blames %q: %s (pods %+v)", name, b.Pod, b.Why, b.Pods)
		}
	}
}

func TestBlameIsSaid(t *testing.T) {
	n := busyNode()
	n.Pods[0].Waits, n.Pods[2].Now = 0.4, 0.18
	got := strings.Join(Blame(n).Lines(), "\n")
	want := `Pod shop/a of node n1 is to blame: it has 87 % of what the node has more of cpu_user than expected, since 12:00:15 UTC
shop/a +35 %, 87 % of the surplus, waits 40 % of the time
shop/b +1 %, 2 % of the surplus
shop/c −2 %, −5 % of the surplus
in no pod: 15 % of the surplus`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// anyNode is a node with pods of which some rose, began, ended, or are not measured.
func anyNode(t *rapid.T) omen.NodeUse {
	n := busyNode()
	n.Pods = n.Pods[:1]
	if rapid.Bool().Draw(t, "all by chance") {
		n.Pods, n.Surplus = nil, float64(rapid.IntRange(1, 1024).Draw(t, "surplus"))/1024
	}
	maybe := func(v float64, what string) float64 {
		if rapid.IntRange(0, 9).Draw(t, what+" is missing") == 0 {
			return nan
		}
		return v
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "pods") {
		use := func(what string) float64 { return float64(rapid.IntRange(0, 1024).Draw(t, what)) / 1024 }
		p := pod(fmt.Sprint("p", i), use("now"), use("before"), rapid.SampledFrom([]int{none, -5, 0, 1, 5}).Draw(t, "onset"))
		p.Now, p.Before, p.High = maybe(p.Now, "now"), maybe(p.Before, "before"), maybe(p.High, "high")
		p.Workload = rapid.SampledFrom([]string{"", "ReplicaSet/a", "ReplicaSet/b", "StatefulSet/c"}).Draw(t, "workload")
		p.Started = noon.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "started")) * time.Second)
		p.Ended = rapid.IntRange(0, 5).Draw(t, "ended") == 0
		n.Pods = append(n.Pods, p)
	}
	return n
}

// The unit does not matter, nor in which order pods come.
func TestBlameIsOfSharesAndNotOfUnitsOrOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := anyNode(t)
		b := Blame(n)
		by := math.Ldexp(1, rapid.IntRange(-30, 40).Draw(t, "scale")) // a power of two: nothing is rounded
		other := n
		other.Surplus *= by
		other.Pods = slices.Clone(n.Pods)
		for i := range other.Pods {
			p := &other.Pods[i]
			p.Now, p.Before, p.High, p.Trace = by*p.Now, by*p.Before, by*p.High, slices.Clone(p.Trace)
			for k := range p.Trace {
				p.Trace[k] *= by
			}
		}
		r := rand.New(rand.NewPCG(1, uint64(rapid.IntRange(0, 1000).Draw(t, "order"))))
		r.Shuffle(len(other.Pods), func(i, k int) { other.Pods[i], other.Pods[k] = other.Pods[k], other.Pods[i] })
		again := Blame(other)
		if again.PodRef != b.PodRef || again.Why != b.Why || again.Outside != b.Outside || len(again.Pods) != len(b.Pods) {
			t.Fatalf("%+v, scaled by %g and in another order %+v", b, by, again)
		}
		for i := range b.Pods {
			if again.Pods[i].PodRef != b.Pods[i].PodRef || again.Pods[i].Share != b.Pods[i].Share || again.Pods[i].Rise != by*b.Pods[i].Rise {
				t.Fatalf("pod %d: %+v, then %+v", i, b.Pods[i], again.Pods[i])
			}
		}
	})
}

// What is not measured never blames: no pod is blamed by a number that is missing, and
// all that is said is a number.
func TestWhatIsMissingNeverBlames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := anyNode(t)
		b := Blame(n)
		for _, p := range b.Pods {
			if math.IsNaN(p.Rise) || math.IsInf(p.Rise, 0) || math.IsNaN(p.Share) || math.IsNaN(p.Waits) {
				t.Fatalf("%+v", p)
			}
		}
		if b.Pod == "" {
			return
		}
		if b.Pods[0].String() != b.PodRef.String() || b.Pods[0].Share < mostOfIt || b.Outside >= hostsOwn {
			t.Fatalf("blames %+v", b)
		}
		i := slices.IndexFunc(n.Pods, func(p omen.PodUse) bool { return p.Name == b.Pod })
		blamed := n.Pods[i]
		if math.IsNaN(blamed.Now) || blamed.Ended || math.IsNaN(blamed.Before) && !began(n, blamed) {
			t.Fatalf("blames %+v", blamed)
		}
		n.Pods = slices.Clone(n.Pods)
		switch rapid.IntRange(0, 2).Draw(t, "then is missing") {
		case 0:
			n.Pods[i].Now = nan
		case 1:
			n.Pods[i].Before, n.Pods[i].Started = nan, time.Time{}
		case 2:
			n.Pods = slices.Delete(n.Pods, i, i+1)
		}
		if again := Blame(n); again.PodRef == b.PodRef {
			t.Fatalf("still blames %+v", again)
		}
	})
}
