package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/store"
)

const (
	// similarWithin is how far back similar incidents are looked for: as far as a
	// verdict's preview looks.
	similarWithin = 90 * 24 * time.Hour
	// mostSimilar is how many are shown: what people said of the last ones is what
	// somebody reads.
	mostSimilar = 5
	// mostPast bounds the incidents that are looked at, the newest of them.
	mostPast = 2000
)

// SimilarIncident is one with what people said of it.
type SimilarIncident struct {
	Incident
	Said List[Change] `json:"said" doc:"what people did and said about it: verdicts, comments and what they closed by hand, oldest first"`
}

// SimilarIncidents are those of an answer.
type SimilarIncidents struct {
	Incidents List[SimilarIncident] `json:"incidents" doc:"at most five, those of its own host first, then the newest"`
}

// getSimilar answers with past incidents that are like one, and what people said
// of them.
func (a *API) getSimilar(r *http.Request) (any, error) {
	in, err := a.store.Incident(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	past, err := a.store.Incidents(r.Context(), store.Filter{
		States: []omen.IncidentState{omen.Closed}, Kinds: []omen.IncidentKind{in.Kind}, From: in.Since.Add(-similarWithin), To: in.Since, Limit: mostPast,
	})
	if err != nil {
		return nil, err
	}
	found := feedback.Similar(in, past)
	out := SimilarIncidents{}
	for _, one := range found[:min(mostSimilar, len(found))] {
		changes, err := a.store.Changes(r.Context(), one.ID)
		if err != nil {
			return nil, err
		}
		said := slices.DeleteFunc(changes, func(c omen.Change) bool { return !ofPeople(c) })
		out.Incidents = append(out.Incidents, SimilarIncident{toIncident(one), each(said, toChange)})
	}
	return out, nil
}

// ofPeople reports whether a change is what a person said of an incident.
func ofPeople(c omen.Change) bool {
	return c.Kind == omen.ChangeJudged || c.Kind == omen.ChangeCommented || c.Kind == omen.ChangeClosed && c.Reason == omen.ReasonByOperator ||
		c.Kind == omen.ChangeAcknowledged && c.Comment != ""
}
