package detect

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feature"
	"github.com/omenhq/omen/internal/must"
)

// leaking is a host of eight features, of which 4 is noisy and after three days goes
// away from the others within eight hours, by three of its deviations.
func leaking(t *testing.T, o Options) (m *Model, train, test []omen.Vector) {
	t.Helper()
	const days, length = 3, 480
	all := synthetic(61, days*1440+60+length, 8, time.Minute)
	rng := rand.New(rand.NewPCG(61, 2))
	for _, v := range all {
		v.Values[4] += 0.1 * rng.NormFloat64()
	}
	train, test = all[:days*1440], all[days*1440:]
	o.Step = time.Minute
	m = fitted(t, columns(t, 8), train, o)
	for k := range length {
		test[60+k].Values[4] += 3 * m.scales[4].ZWidth * float64(k+1) / length
	}
	return m, train, test
}

// drifting are the features that drift now.
func drifting(s *Stream) (names []string) {
	for _, d := range s.SlowDrifts() {
		if d.Back.IsZero() {
			names = append(names, d.Feature)
		}
	}
	return names
}

// A drift that no sample shows is marked once, from about its begin, and the causes of
// the feature say so; when it is back that is known, and a day later forgotten. The
// score knows nothing of it.
func TestSlowDriftIsFound(t *testing.T) {
	m, train, test := leaking(t, Options{})
	blind, _, _ := leaking(t, Options{Without: Parts{Leaning: true}})
	s, name := m.Stream(train[2*1440:]), m.specs[4].name
	scores := play(t, s, test)
	found := s.SlowDrifts()
	if len(found) != 1 || found[0].Feature != name || !found[0].Up || !found[0].Back.IsZero() || found[0].Mean-found[0].Expected < 0.3*m.scales[4].ZWidth {
		t.Fatalf("slow drifts %v, want one of %s, upwards", found, name)
	}
	if late := found[0].Since.Sub(test[60].At); late < 0 || late > 4*time.Hour || !found[0].At.After(found[0].Since) {
		t.Errorf("since %s, found at %s, want within four hours after %s", found[0].Since, found[0].At, test[60].At)
	}
	for k, want := range play(t, blind.Stream(train[2*1440:]), test) {
		if got := scores[k]; got.Value != want.Value || !slices.Equal(got.Shares, want.Shares) {
			t.Fatalf("sample %d: score %v, without drifts %v", k, got.Value, want.Value)
		}
	}
	last := scores[len(scores)-1]
	k := slices.IndexFunc(last.Causes, func(c omen.Cause) bool { return c.Feature == name })
	if k < 0 || last.Causes[k].Drifting != last.At.Sub(found[0].Since) || !strings.Contains(last.Causes[k].String(), ", drifting for ") {
		t.Errorf("causes %v, want that %s has been drifting", last.Causes, name)
	}

	turns := s.Turns()
	after := synthetic(61, (3+2)*1440+60+480, 8, time.Minute)[3*1440+60+480:]
	play(t, s, after[:600])
	over := s.SlowDrifts()
	if len(over) != 1 || !over[0].Is(found[0]) || over[0].Back.IsZero() || over[0].Learned || s.Turns() != turns+1 {
		t.Errorf("back from it: %v after %d turns, want the same drift, over", over, s.Turns()-turns)
	}
	play(t, s, after[600:2200])
	if rest := s.SlowDrifts(); len(rest) > 0 {
		t.Errorf("a day later still %v", rest)
	}
}

// What leans on and on is one drift: through a restart, and through another model that
// has learned the way so far.
func TestOneDriftThroughModelsAndRestarts(t *testing.T) {
	m, train, test := leaking(t, Options{})
	s := m.Stream(train[2*1440:])
	play(t, s, test)
	found := s.SlowDrifts()
	var c Centres
	must.OK(t, json.Unmarshal(must.Get(json.Marshal(s.Centres()))(t), &c))

	again := m.GoOn(test[:500], c)
	if play(t, again, test[500:]); len(again.SlowDrifts()) != 1 || !again.SlowDrifts()[0].Is(found[0]) || len(drifting(again)) != 1 {
		t.Errorf("after a restart %v, want %v", again.SlowDrifts(), found)
	}

	// A day later another model does not see it; then it goes on.
	other := fitted(t, columns(t, 8), train[1440:], Options{Step: time.Minute, Seed: 5})
	recent, on := dayLater(train[2*1440:]), dayLater(test)
	short := other.GoOn(recent[len(recent)-leanOver/2:], c)
	if play(t, short, on[:1]); !short.SlowDrifts()[0].Back.IsZero() {
		t.Errorf("%v is over before the means are known", short.SlowDrifts())
	}
	next := other.GoOn(recent, c)
	if play(t, next, on[:1]); len(next.SlowDrifts()) != 1 || !next.SlowDrifts()[0].Learned || len(drifting(next)) > 0 {
		t.Errorf("a model that does not see it says %v, want that it is learned", next.SlowDrifts())
	}
	play(t, next, on[1:])
	if all := next.SlowDrifts(); len(all) != 1 || !all[0].Is(found[0]) || !all[0].Back.IsZero() || all[0].Learned {
		t.Errorf("it goes on within a day: %v, want %v", all, found)
	}
}

// dayLater is the same samples a day later.
func dayLater(all []omen.Vector) []omen.Vector {
	later := slices.Clone(all)
	for k := range later {
		later[k].At = later[k].At.Add(day)
	}
	return later
}

// What stays where it has come to has a new level, and drifts no more.
func TestADriftBecomesANewLevel(t *testing.T) {
	m, train, test := moving(t, 84, from(40, 0.6))
	s := m.Stream(train[2*1440:])
	drifted := false
	for k := range test {
		play(t, s, test[k:k+1])
		now := drifting(s)
		drifted = drifted || len(now) > 0
		if len(s.NewLevels()) > 0 && slices.Contains(now, s.NewLevels()[0].Feature) {
			t.Fatalf("sample %d: %v and %v", k, s.NewLevels(), s.SlowDrifts())
		}
	}
	if !drifted || len(s.NewLevels()) != 1 {
		t.Errorf("drifted %v, new levels %v; want one after the other", drifted, s.NewLevels())
	}
}

// A way that does not matter is not marked.
func TestADriftThatDoesNotMatterIsNotMarked(t *testing.T) {
	m, train, test := leaking(t, Options{})
	down := *m
	down.specs = slices.Clone(m.specs)
	down.specs[4].direction = feature.Down
	s := down.Stream(train[2*1440:])
	if play(t, s, test); len(s.SlowDrifts()) > 0 {
		t.Errorf("upwards where only down matters: %v", s.SlowDrifts())
	}
}

// A model that was stored finds it, too; one of the release before can be read and
// does not, nor does one of less than a day.
func TestWhatFindsSlowDriftsIsStored(t *testing.T) {
	m, train, test := leaking(t, Options{})
	s, recent := columns(t, 8), train[2*1440:]
	loaded := must.Get(Load(must.Get(m.MarshalBinary())(t), s))(t)
	a, b := m.Stream(recent), loaded.Stream(recent)
	if play(t, a, test); len(play(t, b, test)) == 0 || !slices.Equal(a.SlowDrifts(), b.SlowDrifts()) || len(a.SlowDrifts()) != 1 {
		t.Errorf("a stored model finds %v, not %v", b.SlowDrifts(), a.SlowDrifts())
	}
	before := *m
	before.leanMost = nil
	w := writer{b: append([]byte(nil), magic...)}
	w.u64(straight)
	w.fields(&before)
	w.b = w.b[:len(w.b)-16]
	w.bytes(must.Get(m.net.MarshalBinary())(t))
	w.bytes(m.cardJSON())
	old := must.Get(Load(binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli)), s))(t)
	if len(old.stuckAfter) == 0 {
		t.Error("a model of the release before lost what finds stuck values")
	}
	for _, m := range []*Model{old, fitted(t, s, train[:700], Options{Step: time.Minute})} {
		st := m.GoOn(recent, a.Centres())
		if play(t, st, test); len(st.SlowDrifts()) > 0 {
			t.Errorf("a %s model without what finds slow drifts has %v", m.grade, st.SlowDrifts())
		}
	}
}

// Of slow drifts the self-test says how many are marked, and counts them as found.
func TestSelfTestSaysWhatIsMarked(t *testing.T) {
	m, _, _ := leaking(t, Options{SelfTest: true})
	for _, trial := range m.card.SelfTest {
		if trial.Kind != slowDrift {
			if trial.Marked != nil {
				t.Errorf("%s: marked %v, want of slow drifts only", trial.Kind, trial.Marked)
			}
			continue
		}
		if len(trial.Marked) != len(trial.Sizes) || trial.Marked[2] < 0.5 {
			t.Errorf("marked %v of sizes %v", trial.Marked, trial.Sizes)
		}
		for i, share := range trial.Marked {
			if share > trial.Recall[i] {
				t.Errorf("size %g: %g marked, %g found", trial.Sizes[i], share, trial.Recall[i])
			}
		}
	}
}

// A copy goes on as the stream would.
func TestCopyKeepsTheLeaning(t *testing.T) {
	m, train, test := leaking(t, Options{})
	st := m.Stream(train[2*1440:])
	play(t, st, test[:200])
	spare := st.CopyTo(nil)
	if a, b := play(t, st, test[200:]), play(t, spare, test[200:]); !slices.EqualFunc(a, b, equalScores) {
		t.Error("a copy scores otherwise")
	}
	if len(st.SlowDrifts()) != 1 || !slices.Equal(st.SlowDrifts(), spare.SlowDrifts()) {
		t.Errorf("a copy finds %v, not %v", spare.SlowDrifts(), st.SlowDrifts())
	}
}
