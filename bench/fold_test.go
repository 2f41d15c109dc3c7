package bench

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/internal/must"
)

func TestSet(t *testing.T) {
	var got detect.Options
	for _, s := range []Setting{{"ridge", []string{"3.5"}}, {"Epochs", []string{"7"}}, {"without.season", []string{"true"}}} {
		must.OK(t, set(&got, s.Name, s.Values[0]))
	}
	want := detect.Options{Ridge: 3.5, Epochs: 7}
	want.Without.Season = true
	if got.Ridge != want.Ridge || got.Epochs != want.Epochs || got.Without != want.Without {
		t.Errorf("%+v", got)
	}
	for text, says := range map[string]string{
		"ridge": "no values", "magic=1": `no option "magic"`, "ridge.more=1": `no option "ridge.more"`,
		"ridge=3,much": "much", "without=1": "no number or switch", "warm.x=1": `no option "warm.x"`,
	} {
		if _, err := ParseSetting(text); !errors.Is(err, omen.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	s := must.Get(ParseSetting("ridge=3,10"))(t)
	all := must.Get(combinations([]Setting{s, {"epochs", []string{"1", "2"}}}))(t)
	if len(all) != 4 || all[1].Name != "ridge=3 epochs=2" || all[1].Detector.(ran).options.Ridge != 3 || all[1].Detector.(ran).options.Epochs != 2 {
		t.Errorf("%+v", all)
	}
	if _, err := combinations(nil); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("nothing to choose among: %v", err)
	}
}

// quality is a series of ten segments of which some are notified, without a
// false message.
func quality(found int) seriesRow {
	r := seriesRow{}
	r.VUSPR, r.AUCPR = .5, .5
	r.Counts.Segments, r.Counts.Normal = 10, 100
	r.Notified = Pages{Segments: 10, Found: found, Own: found, Sent: found, HostWeeks: 1}
	r.blocks = make([]block, 10)
	for i := range r.blocks {
		f := btoi(i < found)
		r.blocks[i] = block{segments: 1, found: f, sent: f, hostWeeks: .1}
	}
	return r
}

// A setting that is best on one data set or series alone is not what that one
// is measured with when it is left out.
func TestFolds(t *testing.T) {
	f := folds{
		series:  []*Series{{Set: "a", Name: "1"}, {Set: "a", Name: "2"}, {Set: "b", Name: "1"}},
		methods: []Method{{Name: "first"}, {Name: "second"}},
		rows: [][]seriesRow{
			{quality(9), quality(9), quality(3)},
			{quality(2), quality(2), quality(8)},
		},
	}
	type line struct {
		How, Set, Chosen string
		Share            Number
	}
	var got []line
	for _, c := range f.choices() {
		got = append(got, line{c.How, c.Set, c.Chosen, c.Metrics.Notified.Share})
	}
	want := []line{
		{"data set left out", "a", "second", .2}, {"data set left out", "b", "first", .3},
		{"series left out", "a", "first", .9}, {"series left out", "b", "first", .3},
		{"in sample", "a", "first", .9}, {"in sample", "b", "first", .3},
		{"first", "a", "first", .9}, {"first", "b", "first", .3},
		{"second", "a", "second", .2}, {"second", "b", "second", .8},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	always := pool([]seriesRow{quality(10)})
	always.Notified.OwnShare, always.FalseTime = 0, 1
	near(t, "utility of being always in alert", utility(always), -.5, 1e-12)
	var out strings.Builder
	must.OK(t, WriteFold(&out, f.choices()))
	if lines := strings.Split(out.String(), "\n"); !strings.HasPrefix(lines[1], "data set left out  a") || !strings.HasPrefix(lines[2], "data set left out  b") {
		t.Errorf("the table does not begin with what counts:\n%s", out.String())
	}
}

// Blocks add up to the series; an interval holds the number, is the same each
// time, and of ten times as many series it is narrower.
func TestResample(t *testing.T) {
	s := nuisance()
	r := must.Get(ran{}.Run(t.Context(), s.unlabelled(), func(float64) {}))(t)
	var sum block
	for _, b := range blocksOf(s, r) {
		sum.add(b)
	}
	c, p := count(s, r), countPages(s, r.Timeline)
	if sum.segments != c.Segments || sum.detected != c.Detected || sum.episodes != c.Episodes || sum.falseEpisodes != c.FalseEpisodes ||
		sum.found != p.Found || sum.sent != p.Sent || sum.falseSent != p.False || math.Abs(sum.hostWeeks-p.HostWeeks) > 1e-9 {
		t.Errorf("blocks add up to %+v, want %+v and %+v", sum, c, p)
	}
	few, many := []seriesRow{quality(5), quality(7)}, []seriesRow{}
	for range 10 {
		many = append(many, few...)
	}
	a, b := resample(few), resample(many)
	f := pool(few).Notified.F1
	if !(a.NotifiedF1[0] < f && f < a.NotifiedF1[1]) || a.NotifiedF1[1]-a.NotifiedF1[0] < 2*(b.NotifiedF1[1]-b.NotifiedF1[0]) {
		t.Errorf("F1 %v in %v; of ten times as many in %v", f, a.NotifiedF1, b.NotifiedF1)
	}
	if again := resample(few); !cmp.Equal(a, again, Numbers()) {
		t.Errorf("%v, and then %v", a, again)
	}
}
