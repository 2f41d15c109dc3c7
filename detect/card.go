package detect

import (
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/omenhq/omen"
)

// Card is a model's report: what it learned from, what was left out, how well
// it learned, and how its limit was chosen.
type Card struct {
	Model     string        `json:"model"`
	Host      string        `json:"host"`
	Schema    string        `json:"schema"`
	Grade     omen.Grade    `json:"grade"`
	Warm      string        `json:"warm"` // the model whose network it was trained on from; empty: afresh
	From      time.Time     `json:"from"`
	To        time.Time     `json:"to"`
	Step      time.Duration `json:"step_ns"`
	Rows      int           `json:"rows"`
	LeftOut   int           `json:"left_out"`         // samples inside excluded or suspect spans, or out of order
	Excluded  []omen.Span   `json:"excluded"`         // by the caller: open or confirmed incidents
	Suspects  []omen.Span   `json:"suspects"`         // alerts of models before this one, not learned
	Shifts    []Shift       `json:"shifts,omitempty"` // windows in which other values are expected
	Active    []string      `json:"active"`           // features in use
	Inactive  []Inactive    `json:"inactive"`         // features not in use, and why
	TimeOfDay bool          `json:"time_of_day"`

	Loss      Loss      `json:"loss"`
	Limit     Limit     `json:"limit"`
	Normality Normality `json:"normality"`
	SelfTest  []Trial   `json:"self_test,omitempty"`
	// Widths are, of each feature in use, a standard deviation in training in the
	// feature's unit: what sizes of the self-test are multiples of.
	Widths  map[string]float64 `json:"widths,omitempty"`
	Without Parts              `json:"without"`
}

// Features are those that the model was offered, in use or not.
func (c *Card) Features() (all []string) {
	all = slices.Clone(c.Active)
	for _, f := range c.Inactive {
		all = append(all, f.Feature)
	}
	return all
}

// Inactive is a feature that a model does not use, and why.
type Inactive struct {
	Feature string `json:"feature"`
	Why     string `json:"why"`
}

// Loss is how well the network reconstructs. Masked is what it is trained for:
// the mean squared error of hidden entries in standardised units. Plain is the
// original system's loss: the mean squared error, nothing hidden, of features
// scaled to [0, 1] by their range in training.
type Loss struct {
	Epochs           []Epoch `json:"epochs"`
	Best             int     `json:"best"`
	Rows             int     `json:"rows"`
	HeldOut          int     `json:"held_out"`
	MaskedTrain      float64 `json:"masked_train"`
	MaskedValidation float64 `json:"masked_validation"`
	PlainTrain       float64 `json:"plain_train"`
	PlainValidation  float64 `json:"plain_validation"`
}

// Epoch is one pass of training.
type Epoch struct {
	Train      float64 `json:"train"`
	Validation float64 `json:"validation"`
}

// Limit is how the limit was chosen. All but PageLevel are in the units of the
// score before it is divided by the limit.
type Limit struct {
	Chosen       float64 `json:"chosen"`
	Rule         string  `json:"rule"`
	PagesPerWeek float64 `json:"pages_per_week"`    // the budget
	Expected     float64 `json:"episodes_per_week"` // that the limit would have opened in training; 0 with less than a day
	PageLevel    float64 `json:"page_level"`        // score from which the budget is kept
	Caution      float64 `json:"caution"`           // factor for little history
	ByQuantile   float64 `json:"by_quantile"`
	ByBudget     float64 `json:"by_budget"`
	MeanPlus3SD  float64 `json:"mean_plus_3sd"`
	P95          float64 `json:"p95"`
	P99          float64 `json:"p99"`
	P995         float64 `json:"p99_5"`
}

// JSON is the card as stored and served. Numbers that are not finite become 0.
func (c Card) JSON() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		return []byte("{}")
	}
	return b
}

func (c *Card) decode(b []byte) error { return json.Unmarshal(b, c) }

// writeCard fills what the other stages have not.
func (f *fit) writeCard() error {
	m := f.m
	c := &m.card
	c.Model, c.Host, c.Schema, c.Grade = m.id, m.host.ID(), m.schema, m.grade
	c.From, c.To, c.Step, c.Rows = m.from, m.trainedAt, m.step, m.rows
	c.LeftOut, c.Excluded = f.h.dropped, f.h.excluded
	c.Inactive, c.TimeOfDay, c.Without = f.dropped, m.timeOfDay, m.without
	c.Active, c.Widths = c.Active[:0], make(map[string]float64, len(m.active))
	for j, i := range m.active {
		c.Active = append(c.Active, m.specs[i].name)
		c.Widths[m.specs[i].name] = number(m.scales[j].ZWidth)
	}
	if f.o.SelfTest {
		f.selfTest()
	}
	if m.net != nil {
		f.writeLosses(&c.Loss)
	}
	return nil
}

func (f *fit) writeLosses(l *Loss) {
	for _, e := range f.report.Epochs {
		l.Epochs = append(l.Epochs, Epoch{number(e.Train), number(e.Validation)})
	}
	l.Best, l.Rows, l.HeldOut = f.report.Best, f.report.Rows, f.report.HeldOut
	if l.Best < len(l.Epochs) {
		l.MaskedTrain, l.MaskedValidation = l.Epochs[l.Best].Train, l.Epochs[l.Best].Validation
	}
	split := f.h.len() - int(f.holdout*float64(f.h.len()))
	l.PlainTrain = number(f.plainLoss(0, split))
	l.PlainValidation = number(f.plainLoss(split, f.h.len()))
}

// plainLoss is the mean squared error of the plain reconstruction of some
// rows, at most about plainRows of them, in units of each feature's range in
// training.
func (f *fit) plainLoss(from, to int) float64 {
	const plainRows = 2000
	m, w := f.m, len(f.m.active)
	row, mask := make([]float32, w), make([]float32, w)
	memory := m.net.NewScratch(1)
	var sum float64
	n := 0
	for t := from; t < to; t += 1 + (to-from)/plainRows {
		for j, i := range m.active {
			v := f.h.values[t][i]
			row[j], mask[j] = 0, 0
			if usable(v) {
				row[j], mask[j] = float32(soft(m.scales[j].Z(v))), 1
			}
		}
		m.net.Reconstruct(row, row, mask, memory)
		for j, i := range m.active {
			if v := f.h.values[t][i]; usable(v) && f.ranges[j] > 0 {
				d := (v - m.scales[j].UnZ(unsoft(float64(row[j])))) / f.ranges[j]
				sum += d * d
				n++
			}
		}
	}
	return sum / float64(n)
}

func number(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
