package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scraper asks node_exporter for its file systems, once for all of a step.
type scraper struct {
	url  string
	last map[string]map[string]float64 // by mount point and metric; nil: not asked in this step
	seen map[string]map[string]string  // labels by mount point
}

// forget has the next question asked anew.
func (s *scraper) forget() { s.last = nil }

// of is what node_exporter says of a mount point: values by metric, and labels.
func (s *scraper) of(ctx context.Context, mount string) (map[string]float64, map[string]string, error) {
	if s.last == nil {
		if err := s.ask(ctx); err != nil {
			return nil, nil, err
		}
	}
	if s.last[mount] == nil {
		return nil, nil, fmt.Errorf("node_exporter at %s has no file system %s", s.url, mount)
	}
	return s.last[mount], s.seen[mount], nil
}

func (s *scraper) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"?collect[]=filesystem", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask node_exporter at %s: %s", s.url, res.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		return err
	}
	s.last, s.seen = map[string]map[string]float64{}, map[string]map[string]string{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			labels := labelsOf(m)
			mount := labels["mountpoint"]
			if mount == "" {
				continue
			}
			if s.last[mount] == nil {
				s.last[mount] = map[string]float64{}
				s.seen[mount] = labels
			}
			s.last[mount][name] = m.GetGauge().GetValue()
		}
	}
	return nil
}

func labelsOf(m *dto.Metric) map[string]string {
	all := map[string]string{}
	for _, l := range m.GetLabel() {
		all[l.GetName()] = l.GetValue()
	}
	return all
}
