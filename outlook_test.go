package omen_test

import (
	"math"
	"testing"
	"time"

	"github.com/omenhq/omen"
)

func TestForecastsInASentence(t *testing.T) {
	at := time.Date(2026, 3, 2, 15, 20, 0, 0, time.UTC)
	of := omen.Outlook{
		Resource: omen.Resource{Host: omen.Host{Source: "prod", Profile: "node", Name: "web-1"}, Name: "filesystem_space", Where: "/var"}, Title: "/var", Unit: omen.Bytes,
		Forecast: omen.Forecast{
			At: at, Used: 83e9, Limit: 100e9, Full: 3 * time.Hour, Early: 90 * time.Minute, Late: 6 * time.Hour, Rate: 2.1e9 / 3600, Since: at.Add(-75 * time.Minute),
		},
	}
	with := func(change func(*omen.Outlook)) omen.Outlook {
		o := of
		change(&o)
		return o
	}
	for want, o := range map[string]omen.Outlook{
		"/var on web-1 is full in 3 h (1½–6 h): fills 2.1 GB/h since 14:05, at 83 % now": of,
		"/var on web-1 is full in 20 min (10 min–2 h): fills 600 MB/min since 1 Mar 15:00, at 83 % now": with(func(o *omen.Outlook) {
			o.Full, o.Early, o.Late, o.Rate, o.Since = 20*time.Minute, 10*time.Minute, 2*time.Hour, 6e8/60, at.Add(-24*time.Hour-20*time.Minute)
		}),
		"/var on web-1 is full in 2½ d (2½ d), at 83 % now": with(func(o *omen.Outlook) {
			o.Full, o.Early, o.Late, o.Rate = 60*time.Hour, 60*time.Hour, 61*time.Hour, 0
		}),
		"/var on web-1 is full: 99.8 GB of 100 GB": with(func(o *omen.Outlook) { o.Exhausted, o.Used = true, 99.8e9 }),
		"/var on web-1 is at 83 %":                 with(func(o *omen.Outlook) { o.Full, o.Rate = 0, 0 }),
		"certificate of shop.example on web-1 expires in 9 d (11 Mar 14:00)": with(func(o *omen.Outlook) {
			o.Title, o.Forecast = "certificate of shop.example", omen.Expiry(time.Date(2026, 3, 11, 14, 0, 0, 0, time.UTC), at, omen.Notice{})
		}),
		"/var on web-1 has expired (28 Feb 23:59)": with(func(o *omen.Outlook) {
			o.Forecast = omen.Expiry(time.Date(2026, 2, 28, 23, 59, 0, 0, time.UTC), at, omen.Notice{})
		}),
		"/var on web-1 expires in 700 d (31 Jan 2028)": with(func(o *omen.Outlook) {
			o.Forecast = omen.Expiry(at.Add(16800*time.Hour), at, omen.Notice{})
		}),
	} {
		if got := o.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestADateIsCertain(t *testing.T) {
	at := time.Date(2026, 3, 2, 15, 20, 0, 0, time.UTC)
	notice := omen.Notice{Warning: 14 * 24 * time.Hour, Critical: 3 * 24 * time.Hour}
	for _, c := range []struct {
		left time.Duration
		p    [5]float64
		due  bool
	}{
		{400 * 24 * time.Hour, [5]float64{}, false},
		{15 * 24 * time.Hour, [5]float64{}, false},
		{9 * 24 * time.Hour, [5]float64{}, true},
		{50 * time.Hour, [5]float64{0, 0, 0, 1, 1}, true},
		{time.Hour, [5]float64{1, 1, 1, 1, 1}, true},
	} {
		f := omen.Expiry(at.Add(c.left), at, notice)
		if f.P != c.p || f.Due() != c.due || f.Exhausted || f.Full != c.left || f.Early != c.left || f.Late != c.left {
			t.Errorf("%s before: %+v", c.left, f)
		}
	}
	if f := omen.Expiry(at, at, notice); !f.Exhausted || !f.Due() || f.Full != 0 || f.P != [5]float64{1, 1, 1, 1, 1} {
		t.Errorf("at the date: %+v", f)
	}
}

func TestDateOf(t *testing.T) {
	for secs, want := range map[float64]bool{0: false, -5: false, 1: false, 5e6: false, 946684800: true, 2e9: true, 1.8e12: false, math.NaN(): false, math.Inf(1): false} {
		if at, is := omen.DateOf(secs); is != want || is && at.Unix() != int64(secs) {
			t.Errorf("%v: %s, %v", secs, at, is)
		}
	}
}
