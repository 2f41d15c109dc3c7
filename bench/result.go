package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/omenhq/omen"
)

// Number is a float64 whose NaN is null in JSON.
type Number float64

// MarshalJSON implements [json.Marshaler].
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// Outcome is one detector's quality.
type Outcome struct {
	Detector          string             `json:"detector"`
	Datasets          map[string]Metrics `json:"datasets"`
	Series            map[string]Metrics `json:"series"` // by name; "set/name" where two sets share a name
	TrainSeconds      Number             `json:"train_seconds"`
	ScoreMicroseconds Number             `json:"score_microseconds"` // mean per sample
}

// Result is a run: one outcome per detector, in the order asked. In JSON the
// first is the object itself and the others are under "others"; what people
// would have been notified of is beside them, where it was measured.
type Result struct {
	Outcomes []Outcome
	Feedback []Lesson
	Folds    []Choice
	Weeks    []Week
	Worlds   []World
	Hours    []FirstHour
	Faults   *FaultReport
}

type wireResult struct {
	*Outcome
	Others   []Outcome    `json:"others,omitempty"`
	Feedback []Lesson     `json:"feedback,omitempty"`
	Folds    []Choice     `json:"folds,omitempty"`
	Worlds   []World      `json:"worlds,omitempty"`
	Weeks    []Week       `json:"weeks,omitempty"`
	Hours    []FirstHour  `json:"first_hours,omitempty"`
	Faults   *FaultReport `json:"faults,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (r Result) MarshalJSON() ([]byte, error) {
	w := wireResult{Feedback: r.Feedback, Folds: r.Folds, Weeks: r.Weeks, Worlds: r.Worlds, Hours: r.Hours, Faults: r.Faults}
	if len(r.Outcomes) > 0 {
		w.Outcome, w.Others = &r.Outcomes[0], r.Outcomes[1:]
	}
	return json.Marshal(w)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (r *Result) UnmarshalJSON(data []byte) error {
	var w wireResult
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Result{Feedback: w.Feedback, Folds: w.Folds, Weeks: w.Weeks, Worlds: w.Worlds, Hours: w.Hours, Faults: w.Faults}
	if w.Outcome != nil {
		r.Outcomes = append([]Outcome{*w.Outcome}, w.Others...)
	}
	return nil
}

// WriteJSON writes the one object, indented.
func (r Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// ReadResult reads what [Result.WriteJSON] wrote.
func ReadResult(r io.Reader) (Result, error) {
	var res Result
	err := json.NewDecoder(r).Decode(&res)
	if err == nil && (len(res.Outcomes) == 0 || res.Outcomes[0].Datasets == nil) {
		err = errors.New("no datasets in it")
	}
	if err != nil {
		return Result{}, omen.WithHint(fmt.Errorf("read earlier result: %w: %w", omen.ErrInvalid, err), "give a file that omen bench --json wrote")
	}
	return res, nil
}
