package detect

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/autoencoder"
)

// ONNX is the model's network with its scaling: features in, in their own
// units and in the order of the metadata's "features"; expected values out.
// It is the autoencoder alone; forecast, breadth and limit are not in it (the
// limit is in the metadata for reference). The metadata's "groups" tell for each
// feature the group that is hidden together with it: four runs, each with one
// group's mask at 0, give the expected values of a score. See
// [autoencoder.Network.ONNX] for the inputs and outputs. A model without a network is [omen.ErrConflict].
func (m *Model) ONNX() ([]byte, error) {
	if m.net == nil {
		return nil, fmt.Errorf("export model %s: it was fitted without a network: %w", m.id, omen.ErrConflict)
	}
	e := autoencoder.Export{Limit: clipZ, Knee: softKnee, Meta: map[string]string{
		"model": m.id, "host": m.host.ID(), "schema": m.schema, "grade": string(m.grade),
		"limit":      strconv.FormatFloat(m.limit, 'g', -1, 64),
		"trained_at": m.trainedAt.UTC().Format("2006-01-02T15:04:05Z"),
	}}
	for j, i := range m.active {
		e.Shift = append(e.Shift, m.scales[j].zCentre)
		e.Scale = append(e.Scale, m.scales[j].zWidth)
		e.Names = append(e.Names, m.specs[i].name)
	}
	hidden := make([]int, len(m.group)) // bytes would become base64
	for j, g := range m.group {
		hidden[j] = int(g)
	}
	text, err := json.Marshal(hidden)
	if err != nil {
		return nil, fmt.Errorf("export model %s: groups: %w", m.id, err)
	}
	e.Meta["groups"] = string(text)
	data, err := m.net.ONNX(e)
	if err != nil {
		return nil, fmt.Errorf("export model %s: %w", m.id, err)
	}
	return data, nil
}
