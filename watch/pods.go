package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/series"
)

const (
	// podsWithin bounds all reads of one judgement: a source that takes longer has
	// more urgent things to do.
	podsWithin = 20 * time.Second
	// podsMost bounds the pods of a node: Kubernetes is built for 110, and some
	// distributions allow 500.
	podsMost = 500
	// podsWindow is what is looked at of an incident that has lasted longer.
	podsWindow = time.Hour
	// podsSteps bounds the instants at which a window is evaluated.
	podsSteps = 120
	// podsAround is how many steps before and after the onset the pods' own are looked
	// for.
	podsAround = 10
	// podsLeast is how many steps a window has at least: a rate takes as many.
	podsLeast = 4
	// podsDays is of how many days the same hour tells what is usual.
	podsDays = 7
)

// Pods reads what the pods of a node use of what an incident of it is about, up to the
// last instant that was scored. Nil: the incident is too young. Without a Node the host
// is none of Kubernetes by the series of its source. What cannot be read of a node's
// pods is in the answer's Missing.
func (w *Watch) Pods(ctx context.Context, in omen.Incident) (*omen.NodeUse, error) {
	ctx, cancel := context.WithTimeout(ctx, podsWithin)
	defer cancel()
	w.mu.Lock()
	at, labels := w.last, map[string]string(nil)
	if h := w.hosts[in.Host.Name]; h != nil && h.id == in.Host {
		labels = h.labels
	}
	w.mu.Unlock()
	measured, lead := w.o.Schema.PodCauses(in.Causes)
	if labels == nil || lead == "" || at.Sub(in.Since) < podsLeast*w.o.Step {
		return nil, nil
	}
	r := podReader{Watch: w, host: in.Host.Name, labels: labels, use: &omen.NodeUse{Since: in.Since, At: at, Step: w.o.Step}}
	if own := labels["cluster"]; own != "" && w.o.Labels["cluster"] != own { // not one that only Omen gives it
		r.kube = "cluster=" + strconv.Quote(own) + ","
	}
	switch err := r.name(ctx); {
	case err != nil:
		return nil, fmt.Errorf("find the node that host %s is: %w", in.Host.Name, err)
	case r.use.Node == "" || r.use.Missing != "":
		return r.use, nil
	case len(measured) == 0:
		r.use.Missing = lead + " is not measured by pod, nor is anything else of its resource that is too high"
		return r.use, nil
	}
	first := ""
	for _, c := range measured { // sources drop some metrics of containers, and keep others
		r.use.Cause, r.use.Missing = c.Cause, ""
		if err := r.read(ctx, c); err != nil {
			r.use.Missing, r.use.Pods = "its pods cannot be read: "+err.Error(), nil
		}
		if r.use.Missing == "" {
			return r.use, nil
		}
		first = cmp.Or(first, r.use.Missing)
	}
	r.use.Cause, r.use.Missing = measured[0].Cause, first
	return r.use, nil
}

// podReader reads for one judgement.
type podReader struct {
	*Watch
	host   string
	labels map[string]string
	kube   string // of selectors: the cluster
	use    *omen.NodeUse
}

// instant reads expressions at one instant; a failure of any but the optional ones is
// an error.
func (r *podReader) instant(ctx context.Context, by, hosts []string, exprs []series.Expr, optional ...string) (*series.Frame, error) {
	return r.span(ctx, series.Query{Exprs: exprs, By: by, Hosts: hosts, Start: r.use.At, End: r.use.At, Step: r.o.Step}, optional...)
}

func (r *podReader) span(ctx context.Context, q series.Query, optional ...string) (*series.Frame, error) {
	f, err := r.o.Source.Read(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, name := range f.Features {
		if err := f.Failed[name]; err != nil && !slices.Contains(optional, name) {
			return nil, err
		}
	}
	return f, nil
}

// name finds the node's name in Kubernetes: by the host's label node, else by what its
// kernel calls it, else by its address.
func (r *podReader) name(ctx context.Context) error {
	instance := r.labels["instance"]
	of := func(selector string) string {
		return `count by ($by) (group by ($by, cluster, system_uuid) (kube_node_info{` + r.kube + selector + `}`
	}
	var exprs []series.Expr
	add := func(name, promQL string) { exprs = append(exprs, series.Expr{Feature: name, PromQL: promQL}) }
	if node := r.labels["node"]; node != "" {
		add("label node", of("node="+strconv.Quote(node))+"))")
	}
	if instance != "" {
		add("nodename", of("")+` and on ($by) label_replace(node_uname_info{instance=`+strconv.Quote(instance)+`}, "node", "$1", "nodename", "(.+)")))`)
		add("internal_ip", of("internal_ip="+strconv.Quote(address(instance)))+"))")
	}
	if len(exprs) == 0 {
		return nil
	}
	f, err := r.instant(ctx, []string{"node"}, nil, exprs)
	if err != nil {
		return err
	}
	for k, e := range exprs {
		var found []string
		several := false
		for i, node := range f.Hosts {
			if n := f.At(i, 0, k); n >= 1 {
				found, several = append(found, node), several || n > 1
			}
		}
		switch {
		case len(found) == 0:
			continue
		case len(found) > 1:
			r.use.Missing = fmt.Sprintf("by its %s the host is several nodes: %s", e.Feature, strings.Join(found, ", "))
		case several:
			r.use.Missing = fmt.Sprintf("by its %s the host is a node of several clusters: give its series the label cluster", e.Feature)
		}
		r.use.Node = found[0]
		return nil
	}
	return nil
}

// address is an instance without its port.
func address(instance string) string {
	if i := strings.LastIndexByte(instance, ':'); i > 0 && !strings.HasSuffix(instance, "]") {
		instance = instance[:i]
	}
	return strings.Trim(instance, "[]")
}

// selectors are by what containers' series may be told apart by node, in the order in
// which they are tried.
func (r *podReader) selectors() []string {
	node := r.use.Node
	machines := regexp.QuoteMeta(node)
	if ip := address(r.labels["instance"]); ip != "" && ip != node {
		machines += "|" + regexp.QuoteMeta(ip)
	}
	return []string{
		r.kube + "node=" + strconv.Quote(node),
		r.kube + "instance=~" + strconv.Quote(`\[?(`+machines+`)\]?(:[0-9]+)?`),
		r.kube + "kubernetes_io_hostname=" + strconv.Quote(node),
	}
}

// read reads the node's surplus and what its pods use.
func (r *podReader) read(ctx context.Context, c feature.PodCause) error {
	m := c.Measure
	chosen, err := r.choose(ctx, m.Metric)
	if err != nil || chosen == "" {
		return err
	}
	fill := strings.NewReplacer("$pods", chosen, "$kube", r.kube).Replace
	window := min(r.use.At.Sub(r.use.Since), podsWindow)
	step := max(r.o.Step, (window / podsSteps)).Round(time.Second)
	step = max(step, time.Second)
	window = max(window.Truncate(step), step)
	per, err := r.surplus(ctx, m.Per, window, step)
	if err != nil {
		return err
	}
	pods, err := r.usage(ctx, fill(m.Use), window, step)
	if err != nil || len(pods) == 0 {
		return err
	}
	if err := r.around(ctx, fill, m, pods); err != nil {
		return err
	}
	for i := range pods {
		p := &pods[i]
		p.Now, p.Before, p.High = p.Now/per, p.Before/per, p.High/per
		for k := range p.Trace {
			p.Trace[k] /= per
		}
	}
	r.use.Pods = pods
	return nil
}

// choose finds out by what the node's containers are told apart; empty: it says what
// is missing.
func (r *podReader) choose(ctx context.Context, metric string) (string, error) {
	all := r.selectors()
	var exprs []series.Expr
	for i, s := range all {
		exprs = append(exprs, series.Expr{Feature: strconv.Itoa(i), PromQL: fmt.Sprintf(`label_replace(count(group by (namespace, pod) (%s{%s,pod!=""})), "node", %s, "", "")`, metric, s, strconv.Quote(r.use.Node))})
	}
	f, err := r.instant(ctx, []string{"node"}, nil, exprs)
	if err != nil {
		return "", err
	}
	for i, s := range all {
		if len(f.Hosts) == 0 || !(f.At(0, 0, i) >= 1) {
			continue
		}
		if n := f.At(0, 0, i); n > podsMost {
			r.use.Missing = fmt.Sprintf("%.0f pods have series of it, more than the %d that are read", n, podsMost)
			return "", nil
		}
		return s, nil
	}
	r.use.Missing = fmt.Sprintf("its source has no %s of the node: cAdvisor's metrics (the kubelet's /metrics/cadvisor) are not scraped, or carry none of the labels node, instance and kubernetes_io_hostname with its name", metric)
	return "", nil
}

// surplus reads how much more than expected the node used within the window, and what
// pods' amounts are divided by.
func (r *podReader) surplus(ctx context.Context, per string, window, step time.Duration) (float64, error) {
	exprs := r.o.Schema.Exprs()
	i := slices.IndexFunc(exprs, func(e series.Expr) bool { return e.Feature == r.use.Cause.Feature })
	if i < 0 {
		return 0, fmt.Errorf("feature %s has no expression: %w", r.use.Cause.Feature, omen.ErrInvalid)
	}
	ask := []series.Expr{{Feature: "actual", PromQL: "avg_over_time((" + exprs[i].PromQL + ")" + sub(window, step) + ")"}}
	if per != "" {
		ask = append(ask, series.Expr{Feature: "per", PromQL: per})
	}
	f, err := r.instant(ctx, r.o.Schema.By(), []string{r.host}, ask)
	if err != nil {
		return 0, err
	}
	row := f.Host(r.host)
	if row < 0 || math.IsNaN(f.At(row, 0, 0)) {
		return 0, fmt.Errorf("the node's %s is not there: %w", r.use.Cause.Feature, omen.ErrUnavailable)
	}
	r.use.Surplus = f.At(row, 0, 0) - r.use.Cause.Expected
	if per == "" {
		return 1, nil
	}
	if v := f.At(row, 0, 1); v > 0 {
		return v, nil
	}
	return 0, fmt.Errorf("the node's size is not there: %w", omen.ErrUnavailable)
}

// sub is a subquery's range.
func sub(window, step time.Duration) string {
	return "[" + model.Duration(window).String() + ":" + model.Duration(step).String() + "]"
}

var podLabels = []string{"namespace", "pod"}

// usage reads what each pod uses and used.
func (r *podReader) usage(ctx context.Context, use string, window, step time.Duration) ([]omen.PodUse, error) {
	ago := func(d time.Duration) string { // offset of a subquery
		if d = d.Round(time.Second); d <= 0 {
			return ""
		}
		return " offset " + model.Duration(d).String()
	}
	onset := r.use.At.Sub(r.use.Since) + step // the last one before the first that was anomalous
	over := func(of, span, offset string) string { return of + "(" + use + ")" + span + offset + ")" }
	exprs := []series.Expr{
		{Feature: "last", PromQL: use},
		{Feature: "sum", PromQL: over("sum_over_time(", sub(window, step), "")},
		{Feature: "count", PromQL: over("count_over_time(", sub(window, step), "")},
		{Feature: "high", PromQL: over("quantile_over_time(0.99, ", sub(24*time.Hour, time.Minute), ago(onset))},
		{Feature: "before", PromQL: over("quantile_over_time(0.5, ", sub(max(window, podsAround*step), step), ago(onset))},
	}
	for day := range podsDays {
		exprs = append(exprs, series.Expr{Feature: "before" + strconv.Itoa(day+1), PromQL: over("quantile_over_time(0.5, ", sub(window, step), ago(time.Duration(day+1)*24*time.Hour))})
	}
	f, err := r.instant(ctx, podLabels, nil, exprs)
	if err != nil {
		return nil, err
	}
	r.use.Step = max(r.use.Step, f.Window/4) // samples of containers may be further apart than the node's
	samples := float64(window/step) - 1
	for i := range f.Hosts {
		if n := f.At(i, 0, 2); n > samples {
			samples = n
		}
	}
	var pods []omen.PodUse
	for i := range f.Hosts {
		p := omen.PodUse{Namespace: f.Labels[i]["namespace"], Name: f.Labels[i]["pod"], Ended: math.IsNaN(f.At(i, 0, 0)), Now: f.At(i, 0, 1) / max(1, samples), High: f.At(i, 0, 3), Waits: math.NaN()}
		if math.IsNaN(p.Now) && math.IsNaN(f.At(i, 0, 4)) {
			continue // it was gone before the onset, such as yesterday's job
		}
		var usual []float64
		for k := 4; k < len(f.Features); k++ {
			if v := f.At(i, 0, k); !math.IsNaN(v) {
				usual = append(usual, v)
			}
		}
		p.Before = median(usual)
		pods = append(pods, p)
	}
	return pods, nil
}

// median is that of some numbers; NaN of none.
func median(of []float64) float64 {
	if len(of) == 0 {
		return math.NaN()
	}
	slices.Sort(of)
	return (of[(len(of)-1)/2] + of[len(of)/2]) / 2
}

// around adds to pods what they used around the onset, when they began, what runs
// them, and whether they waited.
func (r *podReader) around(ctx context.Context, fill func(string) string, m feature.PodMeasure, pods []omen.PodUse) error {
	names := make([]string, len(pods))
	for i, p := range pods {
		names[i] = p.Namespace + "/" + p.Name
	}
	r.use.From = r.use.Since.Add(-podsAround * r.use.Step)
	until := min(podsAround, int(r.use.At.Sub(r.use.Since)/r.use.Step))
	trace, err := r.span(ctx, series.Query{
		Exprs: []series.Expr{{Feature: "use", PromQL: fill(m.Use)}}, By: podLabels, Hosts: names,
		Start: r.use.From, End: r.use.Since.Add(time.Duration(until) * r.use.Step), Step: r.use.Step,
	})
	if err != nil {
		return err
	}
	about := []series.Expr{{Feature: "workload", PromQL: fill(feature.PodOwners)}, {Feature: "started", PromQL: fill(feature.PodStarts)}}
	if m.Waits != "" {
		about = append(about, series.Expr{Feature: "waits", PromQL: fill(m.Waits)})
	}
	facts, err := r.instant(ctx, podLabels, names, about, "workload", "started", "waits") // without them less is blamed
	if err != nil && !errors.Is(err, omen.ErrInvalid) {
		return err
	}
	for i := range pods {
		p := &pods[i]
		if row := trace.Host(names[i]); row >= 0 {
			for k := range trace.Instants {
				p.Trace = append(p.Trace, trace.At(row, k, 0))
			}
		}
		if facts == nil || facts.Host(names[i]) < 0 {
			continue
		}
		row := facts.Host(names[i])
		p.Workload = facts.Labels[row]["workload"]
		if at := facts.At(row, 0, 1); at > 0 {
			p.Started = time.UnixMilli(int64(at * 1000)).UTC()
		}
		if len(about) > 2 {
			p.Waits = facts.At(row, 0, 2)
		}
	}
	return nil
}
