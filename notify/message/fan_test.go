package message_test

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// disk is a host whose file system rose for two hours, and whose past since an
// instant was asked for.
type disk struct {
	message.Hosts
	asked *time.Time
}

func (d disk) Used(_ omen.Resource, from time.Time) []omen.UsedPoint {
	*d.asked = from
	var points []omen.UsedPoint
	for at := from; !at.After(messagetest.Noon.Add(time.Hour)); at = at.Add(15 * time.Minute) {
		points = append(points, omen.UsedPoint{At: at, Share: .5 + .16*max(at.Sub(messagetest.Noon.Add(-2*time.Hour)).Hours(), 0)})
	}
	return points
}

// The chart of a forecast has its past, the limit and the fan: what is asked for,
// and all of it shows.
func TestTheChartOfAForecast(t *testing.T) {
	in := messagetest.Opened().Incident
	in.Kind = omen.ForecastIncident
	in.Forecast = &omen.Outlook{
		Resource: omen.Resource{Host: in.Host, Name: "filesystem_space", Where: "/var"}, Title: "/var",
		Forecast: omen.Forecast{At: messagetest.Noon, Used: 82, Limit: 100, Since: messagetest.Noon.Add(-2 * time.Hour), Full: 70 * time.Minute, Early: 50 * time.Minute, Late: 2 * time.Hour},
	}
	var asked time.Time
	drawn := func(in omen.Incident, now time.Duration) []byte {
		t.Helper()
		data := must.Get(message.Draw(context.Background(), disk{asked: &asked}, in, messagetest.Noon.Add(now)))(t)
		img := must.Get(png.Decode(bytes.NewReader(data)))(t)
		if b := img.Bounds(); b.Dx() != 1024 || b.Dy() < 400 || b.Dy() > 1000 {
			t.Errorf("chart is %v", b)
		}
		return data
	}
	first := drawn(in, 0)
	if want := messagetest.Noon.Add(-6 * time.Hour); !asked.Equal(want) {
		t.Errorf("asked for the past since %s, want %s", asked, want)
	}
	if bytes.Equal(first, drawn(in, time.Hour)) {
		t.Error("what was used since does not show")
	}
	for what, change := range map[string]func(*omen.Outlook){
		"the fan":    func(f *omen.Outlook) { f.Late = 3 * time.Hour },
		"the median": func(f *omen.Outlook) { f.Full = 80 * time.Minute },
		"nothing":    func(f *omen.Outlook) { f.Full = 0 },
	} {
		other := in.Clone()
		change(other.Forecast)
		if bytes.Equal(first, drawn(other, 0)) {
			t.Errorf("%s: does not show", what)
		}
	}
	dated := in.Clone()
	dated.Forecast.Forecast = omen.Expiry(messagetest.Noon.Add(time.Hour), messagetest.Noon, omen.Notice{})
	if _, err := message.Draw(context.Background(), disk{asked: &asked}, dated, messagetest.Noon); !errors.Is(err, omen.ErrTooFew) {
		t.Errorf("a date has a chart: %v", err)
	}
	if _, err := message.Fan(in, nil); !errors.Is(err, omen.ErrTooFew) {
		t.Errorf("a past that is not known has a chart: %v", err)
	}
}
