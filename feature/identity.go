package feature

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen/series"
)

// maxCarriers bounds the metrics whose labels are read: all series of a target
// carry the target's labels, so that a few metrics say what more would.
const maxCarriers = 8

// Carriers is what to ask a source for to learn the labels of hosts: series that
// carry a host's labels beside those that identify it. without are labels that
// only some of a host's series have; leaving them out makes the answer smaller. Those
// of a place are asked for all the same: where only some have one, two hosts have
// become one.
func (s *Schema) Carriers(without []string) []series.Expr {
	without = slices.DeleteFunc(slices.Clone(without), func(name string) bool { return slices.Contains(places, name) })
	selectors := []string{s.labels}
	if s.labels == "" {
		exprs := s.Exprs()
		if s.uptime != "" { // first: it is about the host itself, its series are few
			exprs = slices.Concat(exprs[s.base:], exprs[:s.base])
		}
		selectors = series.Selectors(exprs, s.by, maxCarriers)
	}
	names := make([]string, len(without))
	for i, name := range without {
		if names[i] = name; !model.LegacyValidation.IsValidLabelName(name) {
			names[i] = strconv.Quote(name) // as OpenTelemetry's service.name, which only servers that have such take
		}
	}
	out := make([]series.Expr, len(selectors))
	for i, selector := range selectors {
		out[i] = series.Expr{Feature: fmt.Sprintf("labels %d", i+1), PromQL: "group without (" + strings.Join(names, ", ") + ") (" + selector + ")"}
	}
	return out
}

// collectors are labels of who measured: they differ where two collectors report
// the same thing, such as the two Prometheus servers of a pair.
var collectors = []string{
	"job", "prometheus", "prometheus_replica", "replica", "receive", "receive_replica", "monitor", "collector", "agent", "endpoint",
	"service", "container", "pod", "namespace", "metrics_path", "scrape_config",
}

// places are labels of where a whole set of hosts is: one host has one value.
var places = []string{"cluster", "cluster_name", "cluster_id", "k8s_cluster", "k8s_cluster_name", "kubernetes_cluster", "tenant", "tenant_id"}

// sites are labels of where, or for what, a set of workloads runs: a server adds
// them to all that it scrapes. On other series they may be a metric's own.
var sites = []string{"env", "environment", "stage", "region", "datacenter", "dc", "site", "landscape"}

// Collides reports whether series that differ in a label cannot be of one host.
// sure is false where they may be, unless their targets differ in it too, as a
// profile that is identified by instance can ask: each target has one series up.
// A workload's series come from many targets. An identifying label differs only
// where its values hold the / that joins names.
func (s *Schema) Collides(label string) (collides, sure bool) {
	if slices.Contains(places, label) || slices.Contains(s.by, label) || s.labels != "" && slices.Contains(sites, label) {
		return true, true
	}
	return slices.Contains(s.by, "instance") && !slices.Contains(collectors, label), false
}

// Boots is what to ask a source for to learn by how many seconds the boot times of
// a host differ; false if the profile does not say.
func (s *Schema) Boots() (series.Expr, bool) {
	return series.Expr{Feature: "boots", PromQL: s.boots}, s.boots != ""
}

// Collector reports whether a label is one of who measured.
func (s *Schema) Collector(label string) bool {
	return !slices.Contains(s.by, label) && slices.Contains(collectors, label)
}

// Apart is how to keep hosts apart which differ in a label: the declaration of a
// profile, but for a label that identifies them already.
func (s *Schema) Apart(label string) string {
	if slices.Contains(s.by, label) {
		return `relabelling: names are joined by /, which its values hold`
	}
	return fmt.Sprintf("a profile {name: %s-by-%s, extends: %s, by: [%s]}", s.profile, label, s.profile, strings.Join(append([]string{label}, s.by...), ", "))
}
