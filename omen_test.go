package omen_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omenhq/omen"
)

func TestHostIDRoundTrip(t *testing.T) {
	for _, h := range []omen.Host{
		{Source: "local", Profile: "node", Name: "web-1"},
		{Source: "prom", Profile: "workload", Name: "shop/checkout"},
		{Source: "prom", Profile: "node", Name: "[::1]:9100"},
	} {
		got, err := omen.ParseHost(h.ID())
		if err != nil || got != h {
			t.Errorf("ParseHost(%q) = %v, %v", h.ID(), got, err)
		}
	}
	for _, bad := range []string{"", "a", "a/b", "a//b", "//", "/b/c"} {
		if _, err := omen.ParseHost(bad); err == nil {
			t.Errorf("ParseHost(%q) accepted it", bad)
		}
	}
}

func TestUnitFormat(t *testing.T) {
	for _, c := range []struct {
		unit omen.Unit
		v    float64
		want string
	}{
		{omen.Ratio, 0.8312, "83.1 %"},
		{omen.Ratio, 1, "100 %"},
		{omen.Ratio, 0, "0 %"},
		{omen.Bytes, 1.6e9, "1.6 GB"},
		{omen.Bytes, 999.6, "1 kB"},
		{omen.BytesPerSecond, 240e6, "240 MB/s"},
		{omen.Seconds, 0.0123, "12.3 ms"},
		{omen.Seconds, 90, "90 s"},
		{omen.Seconds, 7200, "2 h"},
		{omen.PerSecond, 1312, "1.31k/s"},
		{omen.Count, -42, "-42"},
		{omen.Count, 1e-9, "0"},
		{omen.Count, math.NaN(), "unknown"},
		{omen.Count, 1e300, "1e+282E"},
	} {
		if got := c.unit.Format(c.v); got != c.want {
			t.Errorf("%s.Format(%g) = %q, want %q", c.unit, c.v, got, c.want)
		}
	}
}

func TestPlural(t *testing.T) {
	for n, want := range []string{"0 hosts are", "1 host is", "2 hosts are"} {
		if got := omen.Plural(n, "host is", "hosts are"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What is beyond anything that a machine was seen to do may be its counter's.
func TestACauseMayBeACounterThatJumped(t *testing.T) {
	for _, c := range []struct {
		unit          omen.Unit
		actual, upper float64
		jumped        bool
	}{
		{omen.BytesPerSecond, 27e9, 2e6, true}, {omen.PerSecond, 2e10, 5000, true},
		{omen.BytesPerSecond, 27e9, 1e9, false}, {omen.BytesPerSecond, 240e6, 0, false}, {omen.Bytes, 27e9, 2e6, false}, {omen.PerSecond, 5e6, 5, false},
	} {
		cause := omen.Cause{Feature: "x", Unit: c.unit, Actual: c.actual, Upper: c.upper}
		if got := strings.HasSuffix(cause.String(), "(or its counter jumped)"); got != c.jumped {
			t.Errorf("%s, want that it may be its counter: %t", cause, c.jumped)
		}
	}
}

func TestCauseReadsLikeASentence(t *testing.T) {
	c := omen.Cause{Feature: "disk_write", Unit: omen.BytesPerSecond, Actual: 240e6, Lower: 8e6, Upper: 15e6}
	if got, want := c.String(), "disk_write 240 MB/s, expected 8–15 MB/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c = omen.Cause{Feature: "filesystem_growth", Unit: omen.BytesPerSecond, Actual: 8e5, Lower: -32.6e6, Upper: -13.9e6}
	if got, want := c.String(), "filesystem_growth 800 kB/s, expected -32.6 to -13.9 MB/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHints(t *testing.T) {
	inner := omen.WithHint(io.EOF, "inner")
	outer := fmt.Errorf("read x: %w", inner)
	if omen.Hint(outer) != "inner" || !errors.Is(outer, io.EOF) {
		t.Errorf("hint %q lost, or the error's kind", omen.Hint(outer))
	}
	if got := omen.Hint(omen.WithHint(outer, "outer")); got != "outer" {
		t.Errorf("the outermost hint wins: got %q", got)
	}
	if omen.WithHint(nil, "x") != nil || omen.Hint(io.EOF) != "" {
		t.Error("a hint appeared from nowhere")
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !omen.Sleep(t.Context(), time.Hour) || time.Since(began) != time.Hour {
			t.Errorf("slept %s", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		if omen.Sleep(ctx, time.Hour) || time.Since(began) != time.Minute {
			t.Errorf("slept %s, and the context ended after a minute", time.Since(began))
		}
	})
}
