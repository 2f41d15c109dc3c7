package remedy

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// journal is incidents as the journal has them: opened, and closed by themselves.
func journal(incidents ...omen.Incident) iter.Seq2[omen.Change, error] {
	var all []omen.Change
	add := func(kind omen.ChangeKind, at time.Time, in omen.Incident) {
		c := omen.Change{Kind: kind, At: at, Incident: in}
		i := len(all)
		for i > 0 && all[i-1].At.After(at) {
			i--
		}
		all = append(all[:i], append([]omen.Change{c}, all[i:]...)...)
	}
	for _, in := range incidents {
		open := in
		open.State, open.ClosedAt, open.Reason = omen.Open, time.Time{}, omen.ReasonAnomalous
		add(omen.ChangeOpened, in.OpenedAt, open)
		if in.State == omen.Closed {
			add(omen.ChangeClosed, in.ClosedAt, in)
		}
	}
	return func(yield func(omen.Change, error) bool) {
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func lasted(id string, h omen.Host, from time.Time, lasts time.Duration) omen.Incident {
	in := opened(id, h, from)
	in.State, in.Reason, in.ClosedAt = omen.Closed, omen.ReasonRecovered, from.Add(lasts)
	return in
}

func TestReplay(t *testing.T) {
	hour := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	low := lasted("i6", node("web-6"), hour(5), time.Hour)
	low.Severity = omen.Info
	changes := journal(
		lasted("i0", node("web-0"), hour(-3), time.Hour), // before the time asked for
		lasted("i1", node("web-1"), hour(0), 50*time.Minute),
		lasted("i2", node("web-2"), hour(0).Add(10*time.Minute), 20*time.Minute), // while i1's would be measured
		lasted("i3", node("web-3"), hour(2), time.Minute),
		lasted("i4", node("web-4"), hour(3), 5*time.Minute),
		lasted("i5", node("web-5"), hour(4), time.Hour), // silenced
		low,
		opened("i7", node("web-7"), hour(7)),
		lasted("i8", omen.Host{Source: "prod", Profile: "workload", Name: "shop/cart"}, hour(6), time.Hour), // no playbook
	)
	p := Policy{Playbooks: []Playbook{{ // off: replay is the first step
		Name: "restart", Match: []mute.Matcher{is("profile", "node"), is("team", "shop")}, Does: Step{Name: DoUnit},
	}}}
	r := must.Get(Replay(p, History{
		From: hour(-1), To: hour(8), Changes: changes,
		Rules: mute.Rules{Silences: []mute.Silence{{ID: "s1", Match: []mute.Matcher{is("host", "web-5")}, From: hour(4), Until: hour(6)}}},
	}))(t)
	got := map[string]string{}
	for _, w := range r.Rows {
		got[w.Incident.ID] = w.would()
	}
	for id, want := range map[string]string{
		"i1": "act at 2026-11-29 12:02",
		"i2": "act at 2026-11-29 12:20, refused before by one_at_a_time",
		"i3": "not act: it was over too soon",
		"i4": "act at 2026-11-29 15:02",
		"i5": "be refused by quiet (blocked by a silence)",
		"i6": "be refused by evidence (the incident is info, not warning)",
		"i7": "act at 2026-11-29 19:02",
	} {
		if !strings.HasPrefix(got[id], want) {
			t.Errorf("%s: %q, want %q…", id, got[id], want)
		}
	}
	if len(got) != 7 {
		t.Errorf("%d incidents: %v", len(got), got)
	}
	if want := "7 incidents: 4 would act; 1 of them closed by themselves within 4 min; median saved 46 min if it had worked"; r.Summary() != want {
		t.Errorf("%s\nwant %s", r.Summary(), want)
	}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"open for another 48 min, then closed by itself", "open for another 58 min, and still", r.Summary(), `team="shop" of playbook restart is taken to hold`, "needs a look: target, pdb"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := must.Get(Replay(Policy{}, History{From: hour(0), To: hour(1)}))(t).Write(&b); err != nil || !strings.Contains(b.String(), "no playbook answers any incident") {
		t.Errorf("nothing: %v\n%s", err, b.String())
	}
}

// A replay keeps nothing of the incidents that no playbook answers, and ends where the
// journal cannot be read.
func TestReplayKeepsNoJournal(t *testing.T) {
	const incidents, size = 300, 256 << 10
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	p := Policy{Playbooks: []Playbook{{Name: "restart", Match: []mute.Matcher{is("profile", "node"), is("team", "shop")}, Does: Step{Name: DoUnit}}}}
	h := History{From: noon, To: noon.Add(incidents * time.Hour), Labels: func(omen.Host) map[string]string { return map[string]string{"team": "web"} }}
	before, held := heap(), uint64(0)
	h.Changes = func(yield func(omen.Change, error) bool) {
		for n := range incidents {
			in := lasted(fmt.Sprint("i", n), node("web-1"), noon.Add(time.Duration(n)*time.Hour), time.Minute)
			in.Host.Profile, in.Summary = "postgres", strings.Repeat("x", size)
			open := in
			open.State = omen.Open
			if !yield(omen.Change{Kind: omen.ChangeOpened, At: in.OpenedAt, Incident: open}, nil) || !yield(omen.Change{Kind: omen.ChangeClosed, At: in.ClosedAt, Incident: in}, nil) {
				return
			}
		}
		held = max(held, heap())
	}
	if r := must.Get(Replay(p, h))(t); len(r.Rows) != 0 || len(r.Assumed) != 1 {
		t.Errorf("%+v", r)
	}
	if most := before + incidents*size/4; held > most {
		t.Errorf("%d MB are held at the end of a journal of %d MB", held>>20, incidents*size>>20)
	}
	unread := errors.New("unread")
	h.Changes = func(yield func(omen.Change, error) bool) { yield(omen.Change{}, unread) }
	if _, err := Replay(p, h); !errors.Is(err, unread) {
		t.Errorf("a journal that cannot be read: %v", err)
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestAReplayThatCannotBeWritten(t *testing.T) {
	for _, rows := range [][]Would{nil, {{Incident: lasted("i1", node("web-1"), noon, time.Hour), Playbook: "restart"}}} {
		if err := (Replayed{From: noon, To: noon, Rows: rows, Assumed: []string{"x"}}).Write(full{}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%d rows: %v", len(rows), err)
		}
	}
}

// What is open still, or was closed by somebody, did not close by itself.
func TestOnlyWhatRecoveredClosedByItself(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	byHand := lasted("i2", node("web-2"), at(0), 3*time.Minute)
	byHand.Reason = omen.ReasonByOperator
	r := Replayed{From: at(0), To: at(4), Rows: []Would{
		{Incident: opened("i1", node("web-1"), at(0)), At: at(2)}, {Incident: byHand, At: at(2)},
		{Incident: lasted("i3", node("web-3"), at(0), 3*time.Minute), At: at(2)},
	}}
	if want := "3 incidents: 3 would act; 1 of them closed by themselves within 4 min"; r.Summary() != want {
		t.Errorf("%s\nwant %s", r.Summary(), want)
	}
}
