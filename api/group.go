package api

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// mostGrouped bounds the hosts that one comparison with a group reads: of forty the
// median and the 10 % and 90 % quantiles are near those of all, however many they are.
const mostGrouped = 40

// Spread is how a feature was on several hosts by time. Its lists are as long as
// Times.
type Spread struct {
	Feature string        `json:"feature"`
	Unit    omen.Unit     `json:"unit"`
	Times   List[Seconds] `json:"times"`
	Median  List[Number]  `json:"median" doc:"null: a gap on all of them"`
	Low     List[Number]  `json:"low" doc:"the 10 % quantile"`
	High    List[Number]  `json:"high" doc:"the 90 % quantile"`
	Hosts   List[int]     `json:"hosts" doc:"of how many hosts it is made: those that had it then"`
}

// Group is the hosts with the same value of a label as one, without that one.
type Group struct {
	Host      string       `json:"host"`
	Label     string       `json:"label"`
	Value     string       `json:"value"`
	Hosts     int          `json:"hosts" doc:"how many others of its source and profile have the value"`
	Read      int          `json:"hosts_read" doc:"of how many of them it is made: at most 40, chosen evenly and always the same"`
	Elsewhere int          `json:"hosts_elsewhere" doc:"hosts with the value that have another source or profile, so that their features are others: left out"`
	Step      Number       `json:"step_seconds" null:"never" doc:"between instants; rates are means over it"`
	Features  List[Spread] `json:"features" doc:"without those that are worked out from others"`
	Failed    List[string] `json:"failed" doc:"features that could not be read of all, and are left out"`
}

// Spreads is what [Runtime.Spreads] answers.
type Spreads struct {
	Step     time.Duration
	Features []Spread
	Failed   []string
}

// getGroup answers with the median and the range of a host's like.
func (a *API) getGroup(r *http.Request) (any, error) {
	h, err := a.find(r.PathValue("host"))
	if err != nil {
		return nil, err
	}
	from, to, err := spanOf(r)
	if err != nil {
		return nil, err
	}
	label := r.URL.Query().Get("label")
	value := mute.HostValue(h.Host, h.Labels)(label)
	if label == "" || value == "" {
		return nil, omen.WithHint(fmt.Errorf("label=%s: host %s has no such label: %w", label, h.Host, omen.ErrInvalid),
			fmt.Sprintf("it has %q; also profile and source", slices.Sorted(maps.Keys(h.Labels))))
	}
	out := Group{Host: h.Host.ID(), Label: label, Value: value}
	var like []string
	for _, o := range a.live.Hosts() {
		switch {
		case o.Host == h.Host || mute.HostValue(o.Host, o.Labels)(label) != value:
		case o.Host.Source != h.Host.Source || o.Host.Profile != h.Host.Profile:
			out.Elsewhere++
		default:
			like = append(like, o.Host.Name)
		}
	}
	out.Hosts = len(like)
	like = evenly(like, mostGrouped)
	if out.Read = len(like); out.Read == 0 {
		return out, nil
	}
	got, err := a.live.Spreads(r.Context(), h.Host, like, from, to)
	if err != nil {
		return nil, err
	}
	out.Step, out.Features, out.Failed = Number(got.Step.Seconds()), got.Features, got.Failed
	return out, nil
}

// evenly are at most so many of some names, whatever they begin with, and the same
// ones again as others come and go.
func evenly(names []string, most int) []string {
	places := make(map[string][sha256.Size]byte, len(names))
	for _, name := range names {
		places[name] = sha256.Sum256([]byte(name))
	}
	slices.SortFunc(names, func(x, y string) int {
		a, b := places[x], places[y]
		return bytes.Compare(a[:], b[:])
	})
	some := names[:min(most, len(names))]
	slices.Sort(some)
	return some
}
