package api

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/omenhq/omen"
)

// Prediction keeps the keys of the system that Omen replaces:
// reconstruction_error and anomaly_detected.
type Prediction struct {
	Instance string      `json:"instance"`
	Host     HostRef     `json:"host"`
	At       Instant     `json:"at" doc:"of the sample that was scored"`
	Error    Number      `json:"reconstruction_error" doc:"mean squared error of the autoencoder in scaled units"`
	Detected bool        `json:"anomaly_detected" doc:"the score is above its limit"`
	Score    Number      `json:"score"`
	Limit    Number      `json:"limit" doc:"always 1.0"`
	Grade    omen.Grade  `json:"grade"`
	Model    string      `json:"model"`
	Causes   List[Cause] `json:"causes"`
}

type Predict struct {
	Instance string            `json:"instance" doc:"a host's name or id; may be left out where there is one host"`
	Features map[string]Number `json:"features" doc:"value by feature name, in the features' units; null is a gap"`
}

// instance finds the host that a prediction is about.
func (a *API) instance(name string) (omen.HostStatus, error) {
	if name != "" {
		return a.find(name)
	}
	if hosts := a.live.Hosts(); len(hosts) == 1 {
		return hosts[0], nil
	}
	return omen.HostStatus{}, omen.WithHint(fmt.Errorf("predict: no instance given: %w", omen.ErrInvalid),
		"say which host, such as /predict?instance=web-1:9100")
}

func noModel(h omen.HostStatus) error {
	hint := "its first model is being waited for"
	if !h.Training.NextDue.IsZero() {
		hint = "its first model is due at " + h.Training.NextDue.UTC().Format("2006-01-02T15:04:05Z")
	}
	return omen.WithHint(fmt.Errorf("predict host %s: it has no model yet: %w", h.Host, omen.ErrUnavailable), hint)
}

func (a *API) getPredict(r *http.Request) (any, error) {
	h, err := a.instance(r.URL.Query().Get("instance"))
	if err != nil {
		return nil, err
	}
	switch {
	case h.Model.ID == "":
		return nil, noModel(h)
	case !hasScore(h):
		return nil, omen.WithHint(fmt.Errorf("predict host %s: it sends nothing: %w", h.Host, omen.ErrUnavailable),
			"its last sample came at "+h.LastSeen.UTC().Format("2006-01-02T15:04:05Z"))
	}
	return toPrediction(h, h.Score), nil
}

func toPrediction(h omen.HostStatus, s omen.Score) Prediction {
	name := h.Labels["instance"]
	if name == "" {
		name = h.Host.Name
	}
	return Prediction{
		Instance: name, Host: toRef(h.Host), At: Instant(s.At), Error: Number(s.ReconstructionError),
		Detected: s.Anomalous(), Score: Number(s.Value), Limit: 1, Grade: h.Model.Grade, Model: h.Model.ID,
		Causes: each(s.Causes, toCause),
	}
}

func (a *API) postPredict(r *http.Request) (any, error) {
	var in Predict
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	h, err := a.instance(in.Instance)
	if err != nil {
		return nil, err
	}
	if h.Model.ID == "" {
		return nil, noModel(h)
	}
	if err := checkNames(h, in.Features); err != nil {
		return nil, err
	}
	values := make(map[string]float64, len(in.Features))
	for name, v := range in.Features {
		values[name] = float64(v)
	}
	s, err := a.live.Predict(r.Context(), h.Host, values)
	if err != nil {
		return nil, err
	}
	return toPrediction(h, s), nil
}

// checkNames reports features that the host does not have, and those that it
// has and that were not given.
func checkNames(h omen.HostStatus, given map[string]Number) error {
	known := map[string]bool{}
	var missing, unknown []string
	for _, f := range h.Features {
		known[f.Name] = true
		_, ok := given[f.Name]
		if has := !math.IsNaN(f.Actual) || !math.IsNaN(f.Expected); has && !ok {
			missing = append(missing, f.Name)
		}
	}
	for name := range given {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	var wrong []string
	if len(unknown) > 0 {
		wrong = append(wrong, "unknown features: "+strings.Join(unknown, ", "))
	}
	if len(missing) > 0 {
		wrong = append(wrong, "missing features: "+strings.Join(missing, ", "))
	}
	if wrong == nil {
		return nil
	}
	return omen.WithHint(fmt.Errorf("predict host %s: %s: %w", h.Host, strings.Join(wrong, "; "), omen.ErrInvalid),
		"GET /api/v1/omen/hosts/{host} lists the host's features; send null for one that has no value")
}
