package detect

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/autoencoder"
	"github.com/omenhq/omen/internal/simd"
)

// ONNX is the model's network with its scaling: features in, in their own
// units and in the order of the metadata's "features"; expected values out.
// It is the autoencoder alone; forecast, breadth and limit are not in it (the
// limit is in the metadata for reference). The metadata's "groups" tell for each
// feature the group that is hidden together with it: four runs, each with one
// group's mask at 0, give what the score's first look expects. Features whose
// reconstruction is then further from their scaled value than the metadata's
// "witness" are odd; if there are any, four more runs with them hidden, too,
// give the expected values of the score. The scaled value is (x − centre)/width,
// which is "standardised" without its softening: above the knee k of 5,
// sign(s)·(exp(|s|−k)+k−1).
//
// See [autoencoder.Network.ONNX] for the inputs and outputs. A model without a
// network is [omen.ErrConflict].
func (m *Model) ONNX() ([]byte, error) {
	if m.net == nil {
		return nil, fmt.Errorf("export model %s: it was fitted without a network: %w", m.id, omen.ErrConflict)
	}
	e := autoencoder.Export{Limit: simd.ClipZ, Knee: softKnee, Meta: map[string]string{
		"model": m.id, "host": m.host.ID(), "schema": m.schema, "grade": string(m.grade),
		"limit":      strconv.FormatFloat(m.limit, 'g', -1, 64),
		"trained_at": m.trainedAt.UTC().Format("2006-01-02T15:04:05Z"),
	}}
	for j, i := range m.active {
		e.Shift = append(e.Shift, m.scales[j].ZCentre)
		e.Scale = append(e.Scale, m.scales[j].ZWidth)
		e.Names = append(e.Names, m.specs[i].name)
	}
	hidden := make([]int, len(m.group)) // bytes would become base64
	for j, g := range m.group {
		hidden[j] = int(g)
	}
	witness := make([]float64, len(m.rmsE))
	for j, rms := range m.rmsE {
		witness[j] = float64(witnessMax * rms)
	}
	for key, list := range map[string]any{"groups": hidden, "witness": witness} {
		text, err := json.Marshal(list)
		if err != nil {
			return nil, fmt.Errorf("export model %s: %s: %w", m.id, key, err)
		}
		e.Meta[key] = string(text)
	}
	data, err := m.net.ONNX(e)
	if err != nil {
		return nil, fmt.Errorf("export model %s: %w", m.id, err)
	}
	return data, nil
}
