package detect

import "encoding/json"

// Inactive is a feature that a model does not use, and why.
type Inactive struct {
	Feature string `json:"feature"`
	Why     string `json:"why"`
}

// Card is a model's report.
type Card struct {
	Inactive []Inactive `json:"inactive"`
}

// JSON is the card as stored.
func (c Card) JSON() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		return []byte("{}")
	}
	return b
}

func (c *Card) decode(b []byte) error { return json.Unmarshal(b, c) }
