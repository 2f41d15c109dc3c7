package series

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// arrivals is a server with hosts that are measured each 15 s, and whose samples
// arrive later. It answers x with the newest sample that the question looks back
// for, and a rate where there are two of a minute.
type arrivals struct {
	hosts int
	there func(host int, at float64) bool     // a sample was taken at this time, in seconds since 1970
	late  func(host int, now float64) float64 // and came so many seconds later
	now   float64
}

func (s *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number := func(name string) float64 {
		v, _ := strconv.ParseFloat(r.FormValue(name), 64) // the client under test writes them
		return v
	}
	lookback, err := time.ParseDuration(r.FormValue("lookback_delta"))
	if err != nil {
		lookback = 5 * time.Minute
	}
	need, span := 1, lookback.Seconds()
	if strings.Contains(r.FormValue("query"), "rate") {
		need, span = 2, 60
	}
	var rows []string
	for host := range s.hosts {
		var points []string
		for at := number("start"); at <= number("end"); at += number("step") {
			n := 0
			for sample := float64(int64(at) / 15 * 15); sample > at-span; sample -= 15 {
				if sample <= s.now-s.late(host, s.now) && s.there(host, sample) {
					n++
				}
			}
			if n >= need {
				points = append(points, fmt.Sprintf(`[%.0f,"12"]`, at))
			}
		}
		if len(points) > 0 {
			rows = append(rows, fmt.Sprintf(`{"metric":{"instance":"h%d"},"values":[%s]}`, host, strings.Join(points, ",")))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[`+strings.Join(rows, ",")+`]}}`) // the test's client is gone
}

// A source is read as late as its samples come, and no later: also where only
// the rates are missing, or some of the hosts, and not since hosts have gone, nor
// after they came back.
func TestRemoteReadsAsLateAsSamplesCome(t *testing.T) {
	begin := float64(time.Now().Unix() / 60 * 60)
	const minute, life = 60.0, 40 * 60.0
	always := func(int, float64) bool { return true }
	until := func(host func(int) bool, from, to float64) func(int, float64) bool {
		return func(h int, at float64) bool { return !host(h) || at < begin+from || at > begin+to }
	}
	every := func(int) bool { return true }
	odd := func(host int) bool { return host%2 == 1 }
	by := func(seconds float64, host func(int) bool) func(int, float64) float64 {
		return func(h int, _ float64) float64 {
			if host(h) {
				return seconds
			}
			return 0
		}
	}
	for name, tt := range map[string]struct {
		there     func(int, float64) bool
		late      func(int, float64) float64
		want      time.Duration // in the end
		values    int           // of eight: two features of four hosts
		temporary bool          // it may be more meanwhile
	}{
		"in time":            {always, by(0, every), 0, 8, false},
		"rates missing":      {always, by(45, every), 20 * time.Second, 8, false},
		"hosts missing":      {always, by(150, odd), 125 * time.Second, 8, false},
		"some rates missing": {always, by(45, odd), 20 * time.Second, 8, false},
		"in batches of 40 s": {always, func(_ int, now float64) float64 { return 30 + float64(int64(now)%40) }, 35 * time.Second, 8, false},
		"in time again": {always, func(h int, now float64) float64 {
			if now > begin+10*minute {
				return 0
			}
			return 150
		}, 0, 8, true},
		"all gone and back":  {until(every, 5*minute, 25*minute), by(0, every), 0, 8, false},
		"half gone and back": {until(odd, 5*minute, 25*minute), by(0, every), 0, 8, false},
		"half gone":          {until(odd, 5*minute, life), by(0, every), 0, 4, false},
		"one after another":  {func(h int, at float64) bool { return at < begin+float64(h+1)*2*minute }, by(0, every), 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &arrivals{hosts: 4, there: tt.there, late: tt.late}
			r := remote(t, s)
			var f *Frame
			for at := begin; at < begin+life; at += 15 {
				s.now = at + 3
				now := time.Unix(int64(s.now), 0)
				other := Query{Exprs: []Expr{{"gauge", "x"}}, Start: time.Unix(int64(at), 0), End: time.Unix(int64(at)+1, 0), Step: time.Second, Window: 10 * time.Minute}
				if g, err := r.reader.Read(t.Context(), other); err != nil || values(g) > 0 { // of a profile that misses nothing
					if _, err = r.present(t.Context(), other, g, now); err != nil {
						t.Fatal(err)
					}
				}
				q := Query{Exprs: []Expr{{"rate", "rate(x[1m])"}, {"gauge", "x"}}, Start: time.Unix(int64(at)-15, 0), End: time.Unix(int64(at), 0), Step: 15 * time.Second, Window: time.Minute}
				var err error
				if f, err = r.reader.Read(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				if f, err = r.present(t.Context(), q, f, now); err != nil {
					t.Fatalf("after %.0f s: %v", at-begin, err)
				}
				if d := r.Suspected(); at == begin && !tt.temporary && d > tt.want {
					t.Errorf("at first it is thought %s late, want at most %s", d, tt.want)
				}
				if d := r.Delay(); d > tt.want && !tt.temporary {
					t.Fatalf("after %.0f s it is read %s late, want at most %s", at-begin, d, tt.want)
				}
			}
			if d := r.Delay(); d != tt.want || values(f) != tt.values {
				t.Errorf("read %s late with %d values, want %s and %d", d, values(f), tt.want, tt.values)
			}
		})
	}
}
