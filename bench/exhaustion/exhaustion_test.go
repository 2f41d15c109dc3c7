package exhaustion

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen/forecast"
)

func TestKindsKeepTheirWord(t *testing.T) {
	names := map[string]bool{}
	for _, k := range slices.Concat(Kinds(), Others()) {
		if names[k.Name] {
			t.Errorf("%s: twice", k.Name)
		}
		names[k.Name] = true
		filled := false
		for i := range 20 {
			track := draw(k, 1, i)
			if len(track.Used) != duration {
				t.Fatalf("%s: %d steps", k.Name, len(track.Used))
			}
			first := slices.IndexFunc(track.Used, func(x float64) bool { return x >= forecast.Full })
			filled = filled || first >= 0
			if first >= 0 && first < warmup {
				t.Errorf("%s, %d: full at step %d, before anything is judged", k.Name, i, first)
			}
			if first >= 0 && !slices.ContainsFunc(track.Begins, func(b int) bool { return b <= first }) {
				t.Errorf("%s, %d: full without a beginning", k.Name, i)
			}
			again := draw(k, 1, i)
			if !slices.EqualFunc(track.Used, again.Used, same) || !slices.Equal(track.Begins, again.Begins) {
				t.Errorf("%s, %d: not the same by the same seed", k.Name, i)
			}
		}
		if filled != strings.HasPrefix(k.Name, "fills: ") {
			t.Errorf("%s: becomes full: %v", k.Name, filled)
		}
	}
	if n := len(Kinds()); n < 16 {
		t.Errorf("%d kinds, want at least 16", n)
	}
}

// same reports whether two samples are equal, or both missing.
func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// Of each pair the first frightens people who run rules and never becomes full,
// and the second does in every track, most of them with time for a warning.
func TestKindsApartComeInPairs(t *testing.T) {
	const tracks = 40
	all := Others()
	if len(all) < 6 || len(all)%2 != 0 {
		t.Fatalf("%d kinds, want pairs, at least three", len(all))
	}
	for i, k := range all {
		fills := i%2 == 1
		if fills != strings.HasPrefix(k.Name, "fills: ") {
			t.Errorf("%s: in the wrong half of its pair", k.Name)
		}
		frightening, warned := 0, 0
		for n := range tracks {
			track := draw(k, 2, n)
			for at, x := range track.Used {
				if x < 0 || x > 1 {
					t.Fatalf("%s, %d: %g of the limit at step %d", k.Name, n, x, at)
				}
			}
			full := slices.IndexFunc(track.Used, func(x float64) bool { return x >= forecast.Full })
			if fills != (full >= 0) {
				t.Fatalf("%s, %d: full at step %d", k.Name, n, full)
			}
			if anyFires(track.Used) {
				frightening++
			}
			if fills && begun(track, full) <= full-perHour/2 {
				warned++
			}
		}
		if frightening < tracks/2 {
			t.Errorf("%s: rules fire on %d of %d, want most", k.Name, frightening, tracks)
		}
		if fills && warned < tracks*3/4 {
			t.Errorf("%s: %d of %d begin half an hour before", k.Name, warned, tracks)
		}
	}
}

// begun is the last step at or before another at which what fills it began.
func begun(track track, full int) int {
	last := full
	for _, b := range track.Begins {
		if b <= full {
			last = b
		}
	}
	return last
}

// anyFires reports whether any rule fires in what is judged, up to the end or
// until it is full.
func anyFires(used []float64) bool {
	all := rules()
	for now := warmup; now < len(used) && !(used[now] >= forecast.Full); now++ {
		for _, r := range all {
			if r.fires(used, now) {
				return true
			}
		}
	}
	return false
}

func TestTrafficIsAWeeks(t *testing.T) {
	sum := 0.0
	for at := -7 * perDay; at < 0; at++ {
		sum += traffic(at)
	}
	if mean := sum / (7 * perDay); math.Abs(mean-1) > .01 {
		t.Errorf("mean of a week %.3f, want 1", mean)
	}
	if monday, saturday := traffic(15*perHour), traffic(5*perDay+15*perHour); math.Abs(saturday/monday-.4) > 1e-9 {
		t.Errorf("at 15:00 %.2f on Monday, %.2f on Saturday", monday, saturday)
	}
}

func TestALineIsExtended(t *testing.T) {
	if got := extended([]float64{1, 3, 5, 7}, 10); math.Abs(got-27) > 1e-12 {
		t.Errorf("line: %g, want 7 + 10·2", got)
	}
	if got := extended([]float64{0, 1, 0}, 5); math.Abs(got-1./3) > 1e-12 {
		t.Errorf("tent: %g, want its mean, 1/3", got)
	}
}

func TestRulesWaitAndRead(t *testing.T) {
	used := make([]float64, 2*perDay)
	for i := range used {
		used[i] = .5 + .5*float64(i)/float64(len(used)) // full at the end of the second day
	}
	first := func(r *rule) int {
		for now := 6 * perHour; now < len(used); now++ {
			if r.fires(used, now) {
				return now
			}
		}
		return -1
	}
	// Less than 15 % are free after 70 % of the way, which leaves 14.4 h: the
	// line says so at once, and the rule waits an hour.
	rs := rules()
	if got, want := first(rs[0]), 404+perHour; got != want {
		t.Errorf("%s fires at %d, want %d", rs[0].name, got, want)
	}
	// Four hours before the end, and an hour.
	if got, want := first(rs[1]), len(used)-4*perHour+perHour; got < want-1 || got > want+1 {
		t.Errorf("%s fires at %d, want %d", rs[1].name, got, want)
	}
	// 90 % used after 80 % of the way, and one step.
	if got, want := first(rs[6]), 461+1; got != want {
		t.Errorf("%s fires at %d, want %d", rs[6].name, got, want)
	}
}

// ramp is flat, and fills within five hours from the 20th day on.
var ramp = Kind{"ramp", func(p *pen) {
	x := .41
	for p.more() {
		if p.now() == 20*perDay {
			p.begin()
		}
		if p.now() >= 20*perDay {
			x += .59 / (5 * perHour)
		}
		if p.put(x) {
			x = -1000 // for good
		}
	}
}}

func TestWhatIsCounted(t *testing.T) {
	flat := Kind{"flat", func(p *pen) {
		for p.more() {
			p.put(.92)
		}
	}}
	r, err := Run(t.Context(), Options{Seeds: []uint64{1}, PerKind: 2, Kinds: []Kind{ramp, flat}})
	if err != nil {
		t.Fatal(err)
	}
	k := r.Kinds[0]
	if k.Exhausted != 2 || k.Possible != 2 || k.Days != 28 {
		t.Errorf("ramp: %d exhaustions, %d possible, %d days; want 2, 2, 28", k.Exhausted, k.Possible, k.Days)
	}
	static := k.Methods[7] // above 90 % at the 50th of 60 steps, waits one; above 99.5 % at the 60th
	if static.Found != 2 || static.Right != 2 || static.False != 0 || static.Leads[0] != 9*step {
		t.Errorf("90 %% used: %+v, want both found 45 minutes ahead", static)
	}
	if m := k.Methods[0]; m.Found != 2 || m.False != 0 || m.lead(.5) < 1 {
		t.Errorf("omen: %+v, want both found an hour ahead", m)
	}
	flatOnes := r.Kinds[1]
	if m := flatOnes.Methods[7]; m.False != 2 || m.Right != 0 {
		t.Errorf("90 %% used on what stays at 92 %%: %+v, want one false each", m)
	}
	if m := flatOnes.Methods[0]; m.False != 0 || m.Right != 0 {
		t.Errorf("omen on what stays at 92 %%: %+v", m)
	}
	if r.TimeError > .5 {
		t.Errorf("time to full is off by a factor of e^%.2f", r.TimeError)
	}
}

// A notification that is on for weeks foretells nothing, whatever comes.
func TestANotificationThatDoesNotEndIsNotRight(t *testing.T) {
	for _, c := range []struct {
		days         int // above 90 % before it is full
		found, right int
	}{{2, 1, 1}, {5, 0, 0}} {
		late := Kind{"late", func(p *pen) {
			from, to := (20-c.days)*perDay, 20*perDay
			for p.more() {
				x := .5
				switch {
				case p.now() == from:
					p.begin()
					fallthrough
				case p.now() > from && p.now() < to:
					x = .92
				case p.now() >= to:
					x = 1
				}
				p.put(x)
			}
		}}
		r, err := Run(t.Context(), Options{Seeds: []uint64{1}, PerKind: 1, Kinds: []Kind{late}})
		if err != nil {
			t.Fatal(err)
		}
		static := r.All.Methods[7]
		if static.Found != c.found || static.Right != c.right || static.False != 1-c.right {
			t.Errorf("90 %% used, on for %d days before it is full: %+v, want %d found, %d right", c.days, static, c.found, c.right)
		}
	}
}

func TestWhatIsFullAgainWithinTheHourIsUsedUpOnce(t *testing.T) {
	for _, c := range []struct{ steps, exhausted int }{{perHour - 1, 1}, {2 * perHour, 2}} {
		wobbles := Kind{"wobbles", func(p *pen) {
			p.begin()
			for p.more() {
				x := .5
				if since := p.now() - 20*perDay; since == 0 || since == c.steps {
					x = 1
				}
				p.Used = append(p.Used, x)
			}
		}}
		r, err := Run(t.Context(), Options{Seeds: []uint64{1}, PerKind: 1, Kinds: []Kind{wobbles}})
		if err != nil {
			t.Fatal(err)
		}
		if r.All.Exhausted != c.exhausted || r.All.Possible != c.exhausted {
			t.Errorf("full again after %d steps: %d exhaustions, %d possible, want %d", c.steps, r.All.Exhausted, r.All.Possible, c.exhausted)
		}
	}
}

func TestAKindAloneIsTheSameAmongAll(t *testing.T) {
	run := func(kinds ...Kind) Report {
		r, err := Run(t.Context(), Options{Seeds: []uint64{3}, PerKind: 1, Kinds: kinds})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	all := Kinds()
	slices.Reverse(all)
	together := run(all[:4]...)
	if alone := run(all[2]); !reflect.DeepEqual(alone.Kinds[0], together.Kinds[2]) {
		t.Errorf("alone %+v\namong others %+v", alone.Kinds[0], together.Kinds[2])
	}
}

func TestReliability(t *testing.T) {
	var r Reliability
	for i := range 100 {
		r.add(.2, i < 20)
		r.add(.8, i < 60)
	}
	// .8·.04 + .2·.64 and .6·.04 + .4·.64, halved; the base rate is .4.
	score, skill := r.brier()
	if want := (.16 + .28) / 2; math.Abs(score-want) > 1e-9 || math.Abs(skill-(1-want/.24)) > 1e-9 {
		t.Errorf("Brier %.4f, skill %.4f", score, skill)
	}
	if got := r.worst(); math.Abs(got-.2) > 1e-9 {
		t.Errorf("worst bin off by %.3f, want .2", got)
	}
}

func TestTablesNameEverything(t *testing.T) {
	r, err := Run(t.Context(), Options{Seeds: []uint64{1}, PerKind: 1, Kinds: []Kind{ramp}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.WriteTables(&b); err != nil {
		t.Fatal(err)
	}
	for _, m := range append(r.All.Methods, Method{Name: "ramp"}, Method{Name: "14 series-days, 1 exhaustions"}) {
		if !strings.Contains(b.String(), m.Name) {
			t.Errorf("no %q in\n%s", m.Name, &b)
		}
	}
	if l := r.All.Methods[0].Leads; len(l) != 1 || l[0] > 5*time.Hour {
		t.Errorf("leads %v of a leak of five hours", l)
	}
}
