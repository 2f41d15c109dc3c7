package message_test

import (
	"bytes"
	"errors"
	"image/png"
	"math"
	"slices"
	"testing"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

func TestChart(t *testing.T) {
	in := messagetest.Opened().Incident
	data := must.Get(message.Chart(in, messagetest.Points(in)))(t)
	img := must.Get(png.Decode(bytes.NewReader(data)))(t)
	if b := img.Bounds(); b.Dx() != 1024 || b.Dy() < 600 || b.Dy() > 1000 {
		t.Errorf("chart is %v", b)
	}
	clear := in
	clear.Causes = slices.Clone(in.Causes)
	clear.Causes[0].Clears = false
	if marked, err := message.Chart(clear, messagetest.Points(in)); err != nil || bytes.Equal(marked, data) {
		t.Errorf("what would clear the alert does not show: %v", err)
	}
	holed := slices.Insert(messagetest.Points(in), 1, omen.ScorePoint{At: in.Since, Value: math.NaN()}, omen.ScorePoint{At: in.Since, Value: math.Inf(1)})
	if drawn, err := message.Chart(in, holed); err != nil || !bytes.Equal(drawn, data) {
		t.Errorf("points that are no number: %v, or they change the picture", err)
	}
	if _, err := message.Chart(in, nil); !errors.Is(err, omen.ErrTooFew) {
		t.Errorf("no points: %v", err)
	}
	in.Causes = nil
	if _, err := message.Chart(in, messagetest.Points(in)); err != nil {
		t.Errorf("no causes: %v", err)
	}
}
