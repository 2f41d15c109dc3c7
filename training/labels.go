package training

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/series"
)

// Strict reads which labels the series of some expressions agree on.
func (h History) Strict(ctx context.Context, exprs []series.Expr, by, names []string, at time.Time) (*series.Frame, error) {
	return h.Source.Read(ctx, series.Query{Exprs: exprs, By: by, Start: at, End: at, Step: h.Step, Hosts: names, Window: h.Window, Strict: true})
}

// Labels reads the labels of the named hosts, or of all, by the series that carry
// them; nil if the profile has none that do. without are labels that are no
// host's: [series.Frame.Varying] of an earlier answer.
func (h History) Labels(ctx context.Context, names, without []string, at time.Time) (*series.Frame, error) {
	exprs := h.Schema.Carriers(without)
	if len(exprs) == 0 {
		return nil, nil
	}
	f, err := h.Strict(ctx, exprs, h.Schema.By(), names, at)
	if err != nil {
		return nil, fmt.Errorf("read labels: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Failed)) { // but one that the source refuses for good
		if err := f.Failed[name]; !errors.Is(err, omen.ErrInvalid) {
			return nil, fmt.Errorf("read labels: %w", err)
		}
	}
	return f, nil
}

// Collisions are the hosts of an answer of Labels whose series are of several
// hosts, by name, each with the label in which these differ and what to do.
func (h History) Collisions(ctx context.Context, f *series.Frame, at time.Time) (map[string]string, error) {
	refused := map[string]string{}
	if f == nil || f.Split == nil { // such as of a file: its hosts are named by it
		return refused, nil
	}
	var unsure, twice []string
	for i, name := range f.Hosts {
		for _, label := range slices.Sorted(maps.Keys(f.Partly[i])) {
			switch collides, sure := h.Schema.Collides(label); {
			case sure:
				refused[name] = h.collision(label, append(f.Partly[i][label], "none"))
			case collides: // on one of two machines, or added by one of two collectors
				twice = append(twice, name)
			}
		}
		for _, label := range slices.Sorted(maps.Keys(f.Split[i])) {
			switch collides, sure := h.Schema.Collides(label); {
			case sure:
				refused[name] = h.collision(label, f.Split[i][label])
			case collides:
				unsure = append(unsure, name)
			case h.Schema.Collector(label):
				twice = append(twice, name)
			}
		}
	}
	if err := h.bootApart(ctx, f, slices.Compact(twice), at, refused); err != nil {
		return nil, err
	}
	if unsure = slices.DeleteFunc(slices.Compact(unsure), func(name string) bool { return refused[name] != "" }); len(unsure) == 0 {
		return refused, nil
	}
	up, err := h.Strict(ctx, []series.Expr{{Feature: "up", PromQL: "up"}}, h.Schema.By(), unsure, at)
	if err != nil {
		return nil, fmt.Errorf("read which targets hosts have: %w", err)
	}
	for i, name := range up.Hosts {
		if up.Split == nil {
			break
		}
		split := f.Split[f.Host(name)]
		for _, label := range slices.Sorted(maps.Keys(up.Split[i])) {
			if collides, _ := h.Schema.Collides(label); collides && split[label] != nil {
				refused[name] = h.collision(label, split[label])
			}
		}
	}
	return refused, nil
}

// bootsApart is by how much the boot times of two machines differ at least. The
// kernel's own moves by a second or so as its clock is set.
const bootsApart = time.Minute

// bootApart refuses those of some hosts that several collectors measure, or of
// which some series have a label that others lack, whose collectors say that they
// booted at different times.
func (h History) bootApart(ctx context.Context, f *series.Frame, names []string, at time.Time, refused map[string]string) error {
	boots, known := h.Schema.Boots()
	if !known || len(names) == 0 {
		return nil
	}
	apart, err := h.Source.Read(ctx, series.Query{Exprs: []series.Expr{boots}, By: h.Schema.By(), Start: at, End: at, Step: h.Step, Hosts: names, Window: h.Window})
	if errors.Is(err, omen.ErrInvalid) {
		return nil // the source refuses it for good
	}
	if err != nil {
		return fmt.Errorf("read when hosts booted: %w", err)
	}
	for i, name := range apart.Hosts {
		if !(apart.At(i, 0, 0) > bootsApart.Seconds()) || refused[name] != "" {
			continue
		}
		if label, values := h.apart(f, f.Host(name)); label != "" {
			refused[name] = h.collision(label, values)
		}
	}
	return nil
}

// apart is a label that tells the machines of one identity apart, which booted at
// different times, and its values.
func (h History) apart(f *series.Frame, host int) (label string, values []string) {
	for _, label := range slices.Sorted(maps.Keys(f.Split[host])) {
		if h.Schema.Collector(label) {
			return label, f.Split[host][label]
		}
	}
	for _, label := range slices.Sorted(maps.Keys(f.Partly[host])) {
		if collides, _ := h.Schema.Collides(label); collides {
			return label, append(slices.Clone(f.Partly[host][label]), "none")
		}
	}
	return "", nil
}

func (h History) collision(label string, values []string) string {
	return fmt.Sprintf("its series differ in %s (%s), so that they are of several hosts; keep these apart with %s",
		label, strings.Join(values, ", "), h.Schema.Apart(label))
}
