//go:build e2e

package test

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"testing"
	"time"
)

// omen is a running `omen serve`.
type omen struct {
	*process
	url, dir string
}

// serve runs `omen serve` on a free port until the test ends.
func serve(t *testing.T, dir string, flags ...string) *omen {
	t.Helper()
	return serveAt(t, dir, freeAddress(t), flags...)
}

// serveAt is serve on a given address.
func serveAt(t *testing.T, dir, address string, flags ...string) *omen {
	t.Helper()
	return serveBelow(t, dir, address, "", flags...)
}

// serveBelow is serveAt of an Omen whose flags put it below a path prefix.
func serveBelow(t *testing.T, dir, address, prefix string, flags ...string) *omen {
	t.Helper()
	o := &omen{url: "http://" + address + prefix, dir: dir}
	o.process = start(t, omenBinary(t), append([]string{
		"serve", "--storage.path=" + dir, "--web.listen-address=" + address,
	}, flags...)...)
	until(t, 30*time.Second, "omen answers", func() error {
		select {
		case <-o.done:
			t.Fatalf("omen ended at its start: %v\n%s", o.err, tail(o.out.String(), 3000))
		default:
		}
		return answers(o.url + "/-/healthy")()
	})
	return o
}

// What the tests need of the API's answers.
type (
	hostRef struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	cause struct {
		Feature  string  `json:"feature"`
		Actual   float64 `json:"actual"`
		Expected float64 `json:"expected"`
		Text     string  `json:"text"`
	}
	hostRow struct {
		hostRef
		State    string    `json:"state"`
		Score    *float64  `json:"score"`
		ScoredAt time.Time `json:"scored_at"`
		Grade    string    `json:"grade"`
		Model    string    `json:"model"`
	}
	incident struct {
		ID         string    `json:"id"`
		Kind       string    `json:"kind"`
		Host       hostRef   `json:"host"`
		State      string    `json:"state"`
		Severity   string    `json:"severity"`
		Since      time.Time `json:"since"`
		OpenedAt   time.Time `json:"opened_at"`
		Reason     string    `json:"reason"`
		Suppressed string    `json:"suppressed"`
		Causes     []cause   `json:"causes"`
		Changes    []struct {
			Key    string    `json:"key"`
			Kind   string    `json:"kind"`
			At     time.Time `json:"at"`
			Reason string    `json:"reason"`
			Causes []cause   `json:"causes"`
		} `json:"changes"`
		Deliveries []struct {
			Key      string `json:"key"`
			Receiver string `json:"receiver"`
			Outcome  string `json:"outcome"`
			Detail   string `json:"detail"`
		} `json:"deliveries"`
	}
)

func (o *omen) hosts() ([]hostRow, error) {
	var page struct {
		Hosts []hostRow `json:"hosts"`
	}
	err := getJSON(o.url+"/api/v1/omen/hosts?limit=100", &page)
	return page.Hosts, err
}

// incidents are those of a query such as "state=active", with their timelines.
func (o *omen) incidents(query string) ([]incident, error) {
	var page struct {
		Incidents []incident `json:"incidents"`
	}
	if err := getJSON(o.url+"/api/v1/omen/incidents?"+query, &page); err != nil {
		return nil, err
	}
	for i, in := range page.Incidents {
		if err := getJSON(o.url+"/api/v1/omen/incidents/"+url.PathEscape(in.ID), &page.Incidents[i]); err != nil {
			return nil, err
		}
	}
	return page.Incidents, nil
}

var scoreLine = regexp.MustCompile(`(?m)^anomaly_score\{[^}]*instance="([^"]+)"[^}]*\} (\S+)$`)

// scores are the anomaly_score series on /metrics by instance; a NaN or an
// infinity is an error at once.
func (o *omen) scores() (map[string]float64, error) {
	text, err := get(o.url + "/metrics")
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for _, m := range scoreLine.FindAllStringSubmatch(text, -1) {
		v := number(m[2])
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("anomaly_score of %s is %s: it must be finite", m[1], m[2])
		}
		all[m[1]] = v
	}
	return all, nil
}

// scored is nil once every instance has a model and a finite score.
func (o *omen) scored(instances ...string) func() error {
	return func() error {
		scores, err := o.scores()
		if err != nil {
			return err
		}
		for _, name := range instances {
			if _, ok := scores[name]; !ok {
				return fmt.Errorf("no anomaly_score of %s among %v", name, scores)
			}
		}
		hosts, err := o.hosts()
		if err != nil {
			return err
		}
		for _, h := range hosts {
			for _, name := range instances {
				if h.Name == name && (h.Model == "" || h.Score == nil || h.Grade == "") {
					return fmt.Errorf("host %+v has a series but no model", h)
				}
			}
		}
		return nil
	}
}
