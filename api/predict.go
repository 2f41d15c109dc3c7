package api

import (
	"cmp"
	"fmt"
	"maps"
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

// Subject is what a prediction needs to know of a host.
type Subject struct {
	Instance string         // its instance label, if it has one
	Places   map[string]int // its features, and where [Runtime.Predict] takes their values; nobody changes it
	Model    string         // the model that serves; empty: it has none yet
	Grade    omen.Grade
}

// instance finds the host that a prediction is about.
func (a *API) instance(name string) (omen.Host, error) {
	if name != "" {
		return a.identify(name)
	}
	if hosts := a.live.Named(""); len(hosts) == 1 {
		return hosts[0], nil
	}
	return omen.Host{}, omen.WithHint(fmt.Errorf("predict: no instance given: %w", omen.ErrInvalid),
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
	id, err := a.instance(r.URL.Query().Get("instance"))
	if err != nil {
		return nil, err
	}
	h, known := a.live.Host(id)
	switch {
	case !known:
		return nil, unknownHost(id.ID())
	case h.Model.ID == "":
		return nil, noModel(h)
	case !hasScore(h):
		return nil, omen.WithHint(fmt.Errorf("predict host %s: it sends nothing: %w", h.Host, omen.ErrUnavailable),
			"its last sample came at "+h.LastSeen.UTC().Format("2006-01-02T15:04:05Z"))
	}
	return toPrediction(id, Subject{Instance: h.Labels["instance"], Model: h.Model.ID, Grade: h.Model.Grade}, h.Score), nil
}

func toPrediction(id omen.Host, of Subject, s omen.Score) Prediction {
	return Prediction{
		Instance: cmp.Or(of.Instance, id.Name), Host: toRef(id), At: Instant(s.At), Error: Number(s.ReconstructionError),
		Detected: s.Anomalous(), Score: Number(s.Value), Limit: 1, Grade: of.Grade, Model: of.Model,
		Causes: each(s.Causes, toCause),
	}
}

// postPredict asks for no more of a host than it needs: its whole status costs as
// much as the scoring.
func (a *API) postPredict(r *http.Request) (any, error) {
	in := givens.Get().(*given)
	defer in.release()
	if err := in.take(r); err != nil {
		return nil, err
	}
	id, err := a.instance(in.instance)
	if err != nil {
		return nil, err
	}
	of, known := a.live.Subject(id)
	values, complete := in.order(of.Places)
	if !known || of.Model == "" || !complete {
		h, there := a.live.Host(id)
		switch {
		case !there:
			return nil, unknownHost(id.ID())
		case h.Model.ID == "":
			return nil, noModel(h)
		}
		of.Instance, of.Model, of.Grade = h.Labels["instance"], h.Model.ID, h.Model.Grade
		if values, err = vector(h, in.features()); err != nil {
			return nil, err
		}
	}
	s, err := a.live.Predict(id, values)
	if err != nil {
		return nil, err
	}
	return toPrediction(id, of, s), nil
}

// vector is what was given in the order of the host's features. Features that the
// host does not have, and those that it has and that were not given, are an error.
func vector(h omen.HostStatus, given map[string]Number) ([]float64, error) {
	values, known := make([]float64, len(h.Features)), 0
	var wrong []string
	for i, f := range h.Features {
		v, ok := given[f.Name]
		values[i] = float64(v)
		switch {
		case ok:
			known++
		case !math.IsNaN(f.Actual) || !math.IsNaN(f.Expected):
			wrong = append(wrong, f.Name)
		default:
			values[i] = math.NaN()
		}
	}
	if wrong != nil {
		wrong = []string{"missing features: " + strings.Join(wrong, ", ")}
	}
	if known < len(given) {
		unknown := maps.Clone(given)
		for _, f := range h.Features {
			delete(unknown, f.Name)
		}
		wrong = append([]string{"unknown features: " + strings.Join(slices.Sorted(maps.Keys(unknown)), ", ")}, wrong...)
	}
	if wrong == nil {
		return values, nil
	}
	return nil, omen.WithHint(fmt.Errorf("predict host %s: %s: %w", h.Host, strings.Join(wrong, "; "), omen.ErrInvalid),
		"GET /api/v1/omen/hosts/{host} lists the host's features; send null for one that has no value")
}
