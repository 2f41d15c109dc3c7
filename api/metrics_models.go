package api

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
)

// hostLabels are the labels of a host's series: instance is its name, source
// only where there are several, then the host's own labels by name. Those that
// series of ours carry themselves come under exported_ and their name, as
// Prometheus does it.
func hostLabels(h omen.HostStatus, source bool) []string {
	labels := []string{"instance", h.Host.Name, "profile", h.Host.Profile}
	if source {
		labels = append(labels, "source", h.Host.Source)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Labels)) {
		value := h.Labels[name]
		switch {
		case name == "instance" && value == h.Host.Name, !model.LegacyValidation.IsValidLabelName(name):
			continue
		case slices.Contains(ownLabels, name):
			name = "exported_" + name
			if _, taken := h.Labels[name]; taken {
				continue
			}
		}
		labels = append(labels, name, value)
	}
	return labels
}

// ownLabels are those that series of hosts have by themselves. job is Omen's
// target's, which a server that scrapes /metrics adds.
var ownLabels = []string{"instance", "profile", "source", "feature", "grade", "job"}

// with is labels with one more.
func with(labels []string, name, value string) []string {
	return append(labels[:len(labels):len(labels)], name, value)
}

// emitModel emits how old a host's model is, how good, and how far the host has
// left what it learned; nothing before the first.
func emitModel(emit sink, h omen.HostStatus, labels []string) {
	if h.Model.ID == "" || h.Model.TrainedAt.IsZero() {
		return
	}
	emit(mTrained, float64(h.Model.TrainedAt.UnixMilli())/1000, labels...)
	emit(mAge, modelAge(h, time.Now()), labels...)
	emit(mGrade, 1, with(labels, "grade", string(h.Model.Grade))...)
	emit(mStale, one(h.Stale), labels...)
	gaps := 0.0
	for _, g := range h.Gaps {
		gaps += one(g.Used)
	}
	emit(mGaps, gaps, labels...)
	if d := h.Drift; d.Samples > 0 {
		emit(mDrift, d.Busy, labels...)
		emit(mDriftExp, d.Expected, labels...)
		emit(mShifted, float64(len(d.Shifted)), labels...)
		emit(mDrifting, one(d.Drifting), labels...)
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// emitSelfTests emits what models find of synthetic faults, by kind, over all
// hosts: per host it is on the model's card.
func emitSelfTests(emit sink, hosts []omen.HostStatus) {
	type found struct {
		recall          float64
		hosts           int
		delay, smallest []float64
	}
	kinds := map[string]*found{}
	for _, h := range hosts {
		for _, t := range h.SelfTest {
			f := kinds[t.Kind]
			if f == nil {
				f = &found{}
				kinds[t.Kind] = f
			}
			f.hosts++
			f.recall += t.Recall
			if t.Recall > 0 {
				f.delay = append(f.delay, t.Delay.Seconds())
			}
			if t.Smallest > 0 {
				f.smallest = append(f.smallest, t.Smallest)
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		f := kinds[kind]
		emit(mTested, float64(f.hosts), "kind", kind)
		emit(mRecall, f.recall/float64(f.hosts), "kind", kind)
		for m, all := range map[metric][]float64{mDelay: f.delay, mSmallest: f.smallest} {
			if len(all) > 0 {
				slices.Sort(all)
				emit(m, all[len(all)/2], "kind", kind)
			}
		}
	}
}

// maxPageHosts bounds the hosts with a series of their own pages.
const maxPageHosts = 100

// pages emits what people were notified of, against what was promised.
func (c collector) pages(emit sink, hosts []omen.HostStatus, source bool) {
	all, total := c.api.live.Pages(hosts)
	emit(mPromised, all.Promised)
	emit(mActual, all.PerWeek()) // left out while it is NaN
	for severity, n := range total {
		emit(mPages, float64(n), "severity", string(severity))
	}
	loud := slices.DeleteFunc(slices.Clone(hosts), func(h omen.HostStatus) bool { return h.Pages.Opened == 0 })
	slices.SortFunc(loud, func(a, b omen.HostStatus) int {
		return cmp.Or(cmp.Compare(b.Pages.Opened, a.Pages.Opened), cmp.Compare(a.Host.ID(), b.Host.ID()))
	})
	for _, h := range loud[:min(len(loud), maxPageHosts)] {
		emit(mHostPage, float64(h.Pages.Opened), hostLabels(h, source)...)
	}
}
