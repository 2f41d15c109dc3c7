package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
)

// TrustKind is what the model of a host finds of one kind of fault, injected into
// the host's own history.
type TrustKind struct {
	Kind     string       `json:"kind" doc:"spike, level_shift, leak, slow_drift, stuck or lost_correlation"`
	Seen     bool         `json:"seen" doc:"half of them are found at some size, or of those without a size"`
	Recall   Number       `json:"recall" doc:"share found over all sizes"`
	Sizes    List[Number] `json:"sizes" doc:"in standard deviations of the feature; empty: the kind has none"`
	Recalls  List[Number] `json:"recalls" doc:"share found of each size: by an alert, of slow drifts also by a mark"`
	Marked   List[Number] `json:"marked" doc:"of slow drifts the share of each size that is marked on the timeline; of other kinds empty"`
	Smallest Number       `json:"smallest" doc:"size from which half are found, in standard deviations; null: none, or the kind has no size"`
	Delay    Number       `json:"delay_seconds" doc:"median until the first alert or mark; null: none was found"`
	Lasts    Number       `json:"lasts_seconds" doc:"how long each lasts; a leak or drift has its size at the end; null: not recorded by the model"`
	Examples List[string] `json:"examples" doc:"the smallest that are found, in the features' own units"`
}

// HostTrust is what Omen would see on a host.
type HostTrust struct {
	HostRef
	Grade    omen.Grade      `json:"grade"`
	Days     Number          `json:"model_days" doc:"of history that the model learned from; null: no model"`
	Sentence string          `json:"sentence" doc:"what Omen would see here and what not, for people"`
	Kinds    List[TrustKind] `json:"kinds" doc:"empty: no model, or too little history to try any fault on"`
}

type Trusts struct {
	Hosts List[HostTrust] `json:"hosts" doc:"by name"`
	Total int             `json:"total" doc:"how many match"`
}

func (a *API) trustRoutes() []route {
	return []route{
		{method: "GET", path: base + "/trust", summary: "What Omen would see on each host, by the self-test of its model", query: []param{
			{"q", "only hosts whose id contains this"}, {"limit", "at most 200; default 50"}, {"offset", "how many to leave out first"},
		}, answer: Trusts{}, handle: a.getTrust},
		{method: "GET", path: base + "/trust/weeks", summary: "What people were notified of in each of the last twelve weeks, against what is promised", query: []param{
			{"host", "only of this host, by name or id"},
		}, answer: TrustWeeks{}, handle: a.getTrustWeeks},
	}
}

func (a *API) getTrust(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit, err := intParam(q.Get("limit"), "limit", 50, 1, 200)
	if err != nil {
		return nil, err
	}
	offset, err := intParam(q.Get("offset"), "offset", 0, 0, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	needle := strings.ToLower(q.Get("q"))
	all := slices.DeleteFunc(slices.Clone(a.live.Hosts()), func(h omen.HostStatus) bool { return !strings.Contains(strings.ToLower(h.Host.ID()), needle) })
	slices.SortFunc(all, func(x, y omen.HostStatus) int {
		return cmp.Or(strings.Compare(x.Host.Name, y.Host.Name), strings.Compare(x.Host.ID(), y.Host.ID()))
	})
	out := Trusts{Total: len(all)}
	all = all[min(offset, len(all)):]
	for _, h := range all[:min(limit, len(all))] {
		if whole, known := a.live.Host(h.Host); known { // the units are its features'
			h = whole
		}
		out.Hosts = append(out.Hosts, trustOf(h))
	}
	return out, nil
}

// testedCard is what of a model's card says what it finds.
type testedCard struct {
	Step     time.Duration      `json:"step_ns"`
	Active   []string           `json:"active"`
	Widths   map[string]float64 `json:"widths"`
	SelfTest []struct {
		Kind     string    `json:"kind"`
		Samples  int       `json:"samples"`
		Sizes    []float64 `json:"sizes"`
		Recall   []float64 `json:"recall"`
		Marked   []float64 `json:"marked"`
		Delay    float64   `json:"delay"`
		Smallest float64   `json:"smallest"`
	} `json:"self_test"`
}

// trustOf is what the model that serves a host would see.
func trustOf(h omen.HostStatus) HostTrust {
	out := HostTrust{HostRef: toRef(h.Host), Grade: h.Model.Grade, Days: null}
	var card testedCard
	if h.Model.ID == "" {
		out.Sentence = "No model yet: nothing is judged here."
		return out
	}
	out.Days = Number(h.Model.To.Sub(h.Model.From).Hours() / 24)
	if err := json.Unmarshal(h.Model.Card, &card); err != nil {
		out.Sentence = "What the model would see is not known: its card cannot be read."
		return out
	}
	units := map[string]omen.Unit{}
	for _, f := range h.Features {
		units[f.Name] = f.Unit
	}
	for _, t := range card.SelfTest {
		k := TrustKind{Kind: t.Kind, Recall: 0, Smallest: null, Delay: null, Lasts: null}
		k.Sizes, k.Recalls, k.Marked = each(t.Sizes, toNumber), each(t.Recall, toNumber), each(t.Marked, toNumber)
		for _, share := range t.Recall {
			k.Recall += Number(share / float64(len(t.Recall)))
		}
		if t.Samples > 0 {
			k.Lasts = Number((time.Duration(t.Samples) * card.Step).Seconds())
		}
		if k.Recall > 0 {
			k.Delay = Number(t.Delay * card.Step.Seconds())
		}
		k.Seen = t.Smallest > 0 || len(t.Sizes) == 0 && k.Recall >= .5
		if t.Smallest > 0 {
			k.Smallest = Number(t.Smallest)
			k.Examples = examples(t.Kind, t.Smallest, card, units)
		}
		out.Kinds = append(out.Kinds, k)
	}
	slices.SortStableFunc(out.Kinds, func(x, y TrustKind) int { return place(x.Kind) - place(y.Kind) })
	out.Sentence = sentenceOf(out, h.Model.To.Sub(h.Model.From))
	return out
}

// faultWords are the kinds in the order in which people ask for them: what many of
// them are called, the beginnings of the names of the features that say most, and why
// a kind is not seen where that is no matter of the host.
var faultWords = []struct {
	kind, many string
	begins     []string
	why        string
}{
	{"level_shift", "shifts", []string{"cpu_", "memory_", "disk_"}, ""},
	{"spike", "spikes", []string{"disk_", "network_", "cpu_"}, ""},
	{"leak", "leaks", []string{"memory_", "filesystem_", "file_"}, ""},
	{"slow_drift", "slow drifts", []string{"memory_", "filesystem_", "cpu_"}, ""},
	{"stuck", "stuck values", nil, ""},
	{"lost_correlation", "values that no longer go with the others", nil, " while each alone is ordinary (no channel looks for that)"},
}

func place(kind string) int {
	for i, f := range faultWords {
		if f.kind == kind {
			return i
		}
	}
	return len(faultWords)
}

// maxExamples bounds the features in whose units a size is said.
const maxExamples = 3

// examples says a size in the units of a few features in use, those first that say
// most of the kind. A share of more than all is none.
func examples(kind string, size float64, card testedCard, units map[string]omen.Unit) (all List[string]) {
	var begins []string
	if at := place(kind); at < len(faultWords) {
		begins = faultWords[at].begins
	}
	seen := map[string]bool{}
	say := func(feature string) {
		by, known := card.Widths[feature]
		by *= size
		unit := units[feature]
		if !known || seen[feature] || len(all) == maxExamples || unit == omen.Ratio && by > 1 {
			return
		}
		seen[feature] = true
		text := unit.Format(by)
		if points, is := strings.CutSuffix(text, " %"); is {
			text = points + " percentage points"
		}
		all = append(all, strings.ReplaceAll(feature, "_", " ")+" by "+text)
	}
	for _, begin := range begins {
		for _, feature := range card.Active {
			if n := len(all); strings.HasPrefix(feature, begin) {
				if say(feature); len(all) > n {
					break // one of each group
				}
			}
		}
	}
	for _, feature := range card.Active {
		if len(all) == 0 {
			say(feature)
		}
	}
	return all
}

// sentenceOf says what is seen and what is not.
func sentenceOf(t HostTrust, learned time.Duration) string {
	var seen, missed []string
	largest := Number(0)
	for _, k := range t.Kinds {
		many, why := strings.ReplaceAll(k.Kind, "_", " "), ""
		if at := place(k.Kind); at < len(faultWords) {
			many, why = faultWords[at].many, faultWords[at].why
		}
		for _, size := range k.Sizes {
			largest = max(largest, size)
		}
		switch {
		case !k.Seen:
			missed = append(missed, many+why)
		case len(k.Examples) > 0:
			text := fmt.Sprintf("%s of %s and more", many, k.Examples[0])
			if (k.Kind == "leak" || k.Kind == "slow_drift") && k.Lasts > 0 {
				text += " within " + omen.Seconds.Format(float64(k.Lasts))
			}
			if len(k.Marked) > 0 {
				text += " (marked, nobody is notified)"
			}
			seen = append(seen, text)
		case k.Smallest > 0:
			seen = append(seen, fmt.Sprintf("%s of %g standard deviations and more", many, float64(k.Smallest)))
		default:
			seen = append(seen, many)
		}
	}
	age := "Model of " + omen.Seconds.Format(learned.Seconds()) + "."
	if days := int(math.Round(learned.Hours() / 24)); days > 1 {
		age = fmt.Sprintf("Model of %d days.", days)
	}
	switch {
	case len(t.Kinds) == 0:
		return "Too little history to try any fault on it. " + age
	case len(seen) == 0:
		return fmt.Sprintf("Omen would see none of the faults that were tried here, up to %g standard deviations. ", float64(largest)) + age
	case len(missed) == 0:
		return "Omen would see here: " + strings.Join(seen, "; ") + ". " + age
	}
	return "Omen would see here: " + strings.Join(seen, "; ") + ". Not seen: " + strings.Join(missed, ", ") + ". " + age
}
