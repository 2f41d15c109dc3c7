package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// Report is all of a replay, to be written as tables or as JSON.
type Report struct {
	Span      omen.Span
	Timelines []*Timeline
	Against   *Comparison // nil: there were no rules

	resources int
	unread    map[string]string // limit -> why it could not be read
}

// Foreseen notes what the forecasts rest on.
func (r *Report) Foreseen(f *Foresight) { r.resources, r.unread = f.Resources, f.Failed }

// Write writes the report as tables.
func (r *Report) Write(w io.Writer) error {
	if err := Write(w, r.Timelines); err != nil {
		return err
	}
	var rest strings.Builder
	if r.resources > 0 {
		fmt.Fprintf(&rest, "\nforecast: %s with a limit\n", omen.Plural(r.resources, "resource", "resources"))
	}
	for _, name := range slices.Sorted(maps.Keys(r.unread)) {
		fmt.Fprintf(&rest, "not forecast: %s: %s\n", name, r.unread[name])
	}
	if _, err := io.WriteString(w, rest.String()); err != nil {
		return fmt.Errorf("write replay: %w", err)
	}
	if r.Against != nil {
		return r.Against.Write(w)
	}
	return nil
}

// hostRow, incidentRow, driftRow and forecastRow are the report's tables in JSON.
type (
	hostRow struct {
		Host      string    `json:"host"`
		From      time.Time `json:"from,omitzero"`
		To        time.Time `json:"to,omitzero"`
		Samples   int       `json:"samples"`
		Trainings int       `json:"trainings"`
		Why       string    `json:"no_model,omitempty"`
	}
	incidentRow struct {
		Host       string       `json:"host"`
		Since      time.Time    `json:"since"`
		ClosedAt   time.Time    `json:"closed_at,omitzero"`
		Peak       float64      `json:"peak"`
		NotifiedAt time.Time    `json:"notified_at,omitzero"`
		Suppressed string       `json:"suppressed,omitempty"`
		Causes     []omen.Cause `json:"causes"`
	}
	driftRow struct {
		Host string `json:"host"`
		omen.SlowDrift
		Text string `json:"text"`
	}
	forecastRow struct {
		Host       string       `json:"host"`
		OpenedAt   time.Time    `json:"opened_at"`
		NotifiedAt time.Time    `json:"notified_at,omitzero"`
		Suppressed string       `json:"suppressed,omitempty"`
		FullAt     time.Time    `json:"full_at,omitzero"`
		ClosedAt   time.Time    `json:"closed_at,omitzero"`
		Outlook    omen.Outlook `json:"outlook"`
		Text       string       `json:"text"`
	}
)

// MarshalJSON implements [json.Marshaler].
func (r *Report) MarshalJSON() ([]byte, error) {
	out := struct {
		Hosts     []hostRow         `json:"hosts"`
		Incidents []incidentRow     `json:"incidents"`
		Drifts    []driftRow        `json:"slow_drifts"`
		Forecasts []forecastRow     `json:"forecasts"`
		Resources int               `json:"resources"`
		Unread    map[string]string `json:"not_forecast,omitempty"`
		Against   *Comparison       `json:"against,omitempty"`
	}{Hosts: []hostRow{}, Incidents: []incidentRow{}, Drifts: []driftRow{}, Forecasts: []forecastRow{}, Resources: r.resources, Unread: r.unread, Against: r.Against}
	for _, t := range r.Timelines {
		h := hostRow{Host: t.Host.Name, Samples: len(t.Samples), Trainings: t.Trainings}
		if t.Err != nil {
			h.Why = t.Err.Error()
		}
		if n := len(t.Samples); n > 0 {
			h.From, h.To = t.Samples[0].At.UTC(), t.Samples[n-1].At.UTC()
		}
		out.Hosts = append(out.Hosts, h)
		for _, in := range t.Incidents {
			row := incidentRow{Host: t.Host.Name, Since: in.Since, ClosedAt: in.ClosedAt, Peak: in.Peak, Suppressed: in.Suppressed, Causes: in.Causes}
			if in.Notified >= 0 {
				row.NotifiedAt, row.Causes = t.Samples[in.Notified].At.UTC(), in.First
			}
			out.Incidents = append(out.Incidents, row)
		}
		for _, d := range t.Drifts {
			d.Since, d.At, d.Back = d.Since.UTC(), d.At.UTC(), d.Back.UTC()
			out.Drifts = append(out.Drifts, driftRow{t.Host.Name, d.SlowDrift, d.String()})
		}
		for _, f := range t.Forecasts {
			out.Forecasts = append(out.Forecasts, forecastRow{
				t.Host.Name, f.OpenedAt, f.NotifiedAt, f.Suppressed, f.FullAt, f.ClosedAt, f.First, f.First.String(),
			})
		}
	}
	return json.Marshal(out)
}
