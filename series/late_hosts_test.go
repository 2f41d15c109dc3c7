package series

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// newest answers questions about single samples: when the newest of each host is
// of, and how many there are; others as arrivals does.
type newest struct{ *arrivals }

func (s newest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, err := strconv.ParseFloat(r.FormValue("time"), 64)
	if err != nil {
		s.arrivals.ServeHTTP(w, r)
		return
	}
	var rows []string
	for host := range s.hosts {
		last, n := 0.0, 0
		for sample := float64(int64(at) / 15 * 15); sample > at-300; sample -= 15 {
			if sample <= s.now-s.late(host, s.now) && s.there(host, sample) {
				last, n = max(last, sample), n+1
			}
		}
		value := last
		if strings.Contains(r.FormValue("query"), "count_over_time") {
			value = float64(n)
		}
		if n > 0 {
			rows = append(rows, fmt.Sprintf(`{"metric":{"instance":"h%d"},"value":[%.3f,"%.0f"]}`, host, at, value))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[`+strings.Join(rows, ",")+`]}}`) // the test's client is gone
}

// Of a source whose samples come in time but for those of a few hosts, these are
// named with how late they are, for as long as it lasts: not those that come late
// now and then, that are scraped more rarely, or that are gone.
func TestRemoteNamesHostsThatComeLate(t *testing.T) {
	begin := float64(time.Now().Unix() / 60 * 60)
	const minute = 60.0
	always := func(int, float64) bool { return true }
	few := func(host int) bool { return host < 2 }
	by := func(late func(now float64) float64) func(int, float64) float64 {
		return func(host int, now float64) float64 {
			if few(host) {
				return late(now)
			}
			return 2
		}
	}
	for name, tt := range map[string]struct {
		there func(int, float64) bool
		late  func(int, float64) float64
		at    []float64 // minutes at which both are late; at the others of 3, 10, 20, 30 none is
		most  time.Duration
	}{
		"in time":    {always, by(func(float64) float64 { return 2 }), nil, 0},
		"by 90 s":    {always, by(func(float64) float64 { return 90 }), []float64{3, 10, 20, 30}, 105 * time.Second},
		"in batches": {always, by(func(now float64) float64 { return 60 + float64(int64(now)%40) }), []float64{3, 10, 20, 30}, 115 * time.Second},
		"later, then in time": {always, by(func(now float64) float64 {
			if now > begin+5*minute && now < begin+15*minute {
				return 120
			}
			return 2
		}), []float64{10}, 135 * time.Second},
		"now and then": {always, by(func(now float64) float64 {
			if int64(now-begin)/45%2 == 0 {
				return 100
			}
			return 2
		}), nil, 0},
		"gone": {func(host int, at float64) bool { return !few(host) || at < begin+2*minute }, by(func(float64) float64 { return 2 }), nil, 0},
		"a hiccup of a minute": {always, by(func(now float64) float64 {
			return max(2, min(60, now-begin-4*minute, begin+7*minute-now))
		}), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &arrivals{hosts: 30, there: tt.there, late: tt.late}
			r := remote(t, newest{s})
			for at := begin; at <= begin+30*minute; at += 15 {
				s.now = at + 3
				now := time.Unix(int64(s.now), 0)
				q := Query{Exprs: []Expr{{"rate", "rate(x[1m])"}, {"gauge", "x"}}, Start: time.Unix(int64(at)-15, 0), End: time.Unix(int64(at), 0), Step: 15 * time.Second, Window: time.Minute}
				f, err := r.reader.Read(t.Context(), q)
				if err == nil {
					f, err = r.present(t.Context(), q, f, now)
				}
				if err != nil {
					t.Fatal(err)
				}
				r.noteLate(t.Context(), q, f, now)
				after := (at - begin) / minute
				if late := slices.Contains(tt.at, after); late != (f.Late["h0"] > 0 && f.Late["h1"] > 0) && (late || slices.Contains([]float64{3, 10, 20, 30}, after)) {
					t.Errorf("after %.0f min: late %v, want h0 and h1: %t", after, f.Late, late)
				}
				for host, d := range f.Late {
					if host != "h0" && host != "h1" || tt.at == nil || d < minute*time.Second || d > tt.most {
						t.Errorf("after %.1f min: %s is %s late, want at most %s", after, host, d, tt.most)
					}
				}
			}
			if r.Delay() != 0 {
				t.Errorf("all hosts are read %s late", r.Delay())
			}
		})
	}
}

// Samples that are far apart are not late ones.
func TestRareSamplesAreNotLate(t *testing.T) {
	begin := float64(time.Now().Unix() / 120 * 120)
	s := &arrivals{
		hosts: 3,
		there: func(host int, at float64) bool { return host != 1 || int64(at)%120 == 0 },
		late:  func(host int, _ float64) float64 { return []float64{2, 2, 60}[host] },
		now:   begin + 63,
	}
	r := remote(t, newest{s})
	found, err := r.sightings(t.Context(), Query{Exprs: []Expr{{"gauge", "x"}}, Start: time.Unix(int64(s.now), 0), End: time.Unix(int64(s.now), 0)}, time.Minute, time.Unix(int64(s.now), 0))
	if err != nil || len(found) != 1 || found["h2"].age != 63*time.Second {
		t.Errorf("late are %v, %v, want h2 alone: its newest sample is 63 s old as h1's, which has one each two minutes", found, err)
	}
}

// hangs answers no question about single samples.
type hangs struct{ *arrivals }

func (s hangs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("time") == "" {
		s.arrivals.ServeHTTP(w, r)
		return
	}
	<-r.Context().Done()
}

// Hosts that were read are not kept from being scored by a source that does not say
// how late each one's samples come.
func TestLookingForLateHostsEnds(t *testing.T) {
	now := time.Now()
	s := &arrivals{hosts: 3, now: float64(now.Unix()), there: func(int, float64) bool { return true }, late: func(int, float64) float64 { return 2 }}
	r := remote(t, hangs{s})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // half of what a request may take
	defer cancel()
	f := &Frame{Window: time.Minute, Hosts: []string{"h0"}}
	r.noteLate(ctx, Query{Exprs: []Expr{{"gauge", "x"}}, Start: now, End: now, Step: 15 * time.Second}, f, now)
	if ctx.Err() != nil || f.Late != nil {
		t.Errorf("%v, late %v: want no wait for an answer", ctx.Err(), f.Late)
	}
}
