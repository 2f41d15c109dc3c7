package omen

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// NodeUse is what a host's incident and the pods on it say of one resource, where the
// host is a node of Kubernetes: what [Blame] is judged from. All amounts are in the
// unit of Cause. The incident's window is Since…At.
type NodeUse struct {
	Node    string    // its name in Kubernetes
	Missing string    // for people: why nothing can be judged; empty: all is there
	Cause   Cause     // of the incident: what pods are measured in
	Surplus float64   // of the node within the window, above what was expected of it
	Since   time.Time // the incident's onset
	At      time.Time
	Step    time.Duration // between samples
	From    time.Time     // of the first sample of the pods' traces
	Pods    []PodUse
}

// PodUse is what one pod uses of a resource of its node.
type PodUse struct {
	Namespace, Name string
	Workload        string    // what runs it, such as "ReplicaSet/shop" without the hash; empty: not known, or nothing that would replace it
	Now             float64   // mean of the window, in which it counts as 0 while it was not there; NaN: not measured in it
	Before          float64   // what was usual until the onset; NaN: not measured
	High            float64   // 99 % of the samples of the day before the onset are not above; NaN: not measured
	Started         time.Time // zero: not known
	Ended           bool      // it is not measured any more
	Trace           []float64 // around the onset, from [NodeUse.From] on, a step apart; NaN is a gap
	Waits           float64   // share of the window in which it waited for the resource (PSI); NaN: not measured
}

// Blame says which pod an incident of a Kubernetes node comes from, and why none is to
// blame where that is not known. It is inferred: nothing acts on it by itself.
type Blame struct {
	At      time.Time `json:"at"`      // when it was judged
	Feature string    `json:"feature"` // of the incident's causes, by which it was judged; empty: none of them is measured by pod
	Unit    Unit      `json:"unit"`
	Surplus float64   `json:"surplus"` // of the node above what was expected, in Unit
	Outside float64   `json:"outside"` // share of the surplus that is in no pod
	Pods    []PodRise `json:"pods"`    // the three that rose most, the most first
	PodRef            // the one that is to blame, on which node; without a Pod none is
	Why     string    `json:"why"` // for people: why this pod, or why none
}

// PodRef names a pod; without a name it is none.
type PodRef struct {
	Node      string `json:"node,omitempty"` // that it was on; empty: it is said elsewhere
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
}

// String is "namespace/name".
func (p PodRef) String() string { return p.Namespace + "/" + p.Pod }

// PodRise is how much more than usual a pod uses since an incident's onset.
type PodRise struct {
	PodRef
	Workload string  `json:"workload,omitempty"`
	Rise     float64 `json:"rise"`            // in the unit of the blame
	Share    float64 `json:"share"`           // of the node's surplus; it may be more than 1
	Waits    float64 `json:"waits,omitempty"` // share of time in which it waited for the resource; 0: it did not, or that is not measured
	Pods     int     `json:"pods,omitempty"`  // of one workload that were replaced meanwhile, and count together; 0: it is one
}

// Lines says a blame for people: the verdict, and a line for each pod.
func (b Blame) Lines() []string {
	head := "No pod of node " + b.Node + " is to blame: " + b.Why
	if b.Pod != "" {
		head = "Pod " + b.PodRef.String() + " of node " + b.Node + " is to blame: " + b.Why
	}
	lines := []string{head}
	for _, p := range b.Pods {
		line := fmt.Sprintf("%s %s, %s of the surplus", p.PodRef, p.Text(b.Unit), strings.Replace(fmt.Sprintf("%.0f %%", 100*p.Share), "-", "−", 1))
		if p.Pods > 1 {
			line += fmt.Sprintf(" (%d pods of %s together)", p.Pods, p.Workload)
		}
		if p.Waits >= 0.01 {
			line += fmt.Sprintf(", waits %.0f %% of the time", 100*p.Waits)
		}
		lines = append(lines, line)
	}
	if len(b.Pods) > 0 && b.Outside >= 0.01 {
		lines = append(lines, fmt.Sprintf("in no pod: %.0f %% of the surplus", 100*b.Outside))
	}
	return lines
}

// Text is the rise with its sign.
func (p PodRise) Text(u Unit) string {
	if p.Rise < 0 {
		return "−" + u.Format(math.Abs(p.Rise))
	}
	return "+" + u.Format(p.Rise)
}

// Text is the verdict and the pods in one line.
func (b Blame) Text() string { return strings.Join(b.Lines(), "; ") }
