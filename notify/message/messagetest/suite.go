package messagetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"go.uber.org/goleak"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
)

// Suite is what every [message.Sender] does, whatever its channel.
type Suite struct {
	// New makes a sender that sends to a fake at an address: the URL of a
	// [Server], or with Mail the host and port of a [MailServer].
	New func(t testing.TB, addr string) message.Sender
	// Read is what the channel's reader sees of a request; nil with Mail.
	Read func(t testing.TB, r Request) Taken
	// Markup fails the test if Taken.Markup has any that is not ours; nil: the
	// channel has no markup.
	Markup func(t testing.TB, markup string)

	OK       string // what the channel's server answers
	Mail     bool   // the channel is a mail server, which names no time to wait
	Programs bool   // programs read it: values come as they are
	Ends     bool   // an end is a command to the channel, and not a text
	Limit    int    // the longest text, as Taken.Size counts; 0: none
}

// Taken is a message as the channel took it.
type Taken struct {
	Key    string // how a message that comes twice is recognised; empty: it is not
	Text   string // all of it
	Markup string // the part that the channel reads as markup
	Size   int    // the length as the channel counts it; 0: that of Text in UTF-16 code units
}

// answer is how a fake answers.
type answer struct {
	status     int // of HTTP; 0: it takes the message
	retryAfter string
	hang       string // where nothing more comes: an SMTP command, anything of HTTP
	drop       bool
}

// fake is the channel of one test.
type fake struct {
	sender message.Sender
	now    atomic.Pointer[answer]
	taken  func(t testing.TB) []Taken
}

// start makes a channel, whose goroutines all end with the test.
func (s Suite) start(t testing.TB, a answer) *fake {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	f := &fake{}
	f.now.Store(&a)
	if s.Mail {
		server := NewMailServer(t, f.smtp, nil)
		f.sender = s.New(t, server.Addr().String())
		f.taken = func(t testing.TB) (all []Taken) {
			for _, m := range server.Got() {
				header, parts := m.Parts(t)
				if header.Get("Bcc") != "" || len(m.To) != 1 || len(parts) != 2 {
					t.Errorf("a name is a header: %v, to %v", header, m.To)
				}
				all = append(all, Taken{header.Get("Message-Id"), m.subject(t) + "\n" + parts["text/plain"], parts["text/html"], 0})
			}
			return all
		}
		return f
	}
	server := NewServer(t, s.OK, f.http)
	f.sender = s.New(t, server.URL)
	f.taken = func(t testing.TB) (all []Taken) {
		for _, r := range server.Got() {
			all = append(all, s.Read(t, r))
		}
		return all
	}
	return f
}

func (f *fake) http(_ int, w http.ResponseWriter, r *http.Request) bool {
	switch a := f.now.Load(); {
	case a.hang != "":
		<-r.Context().Done()
	case a.drop:
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half an answ"))
		panic(http.ErrAbortHandler)
	case a.status == 0, a.status/100 == 3 && r.Method == http.MethodGet: // a redirect leads to a page
		return false
	default:
		if a.status/100 == 3 {
			w.Header().Set("Location", "/page")
		}
		if a.retryAfter != "" {
			w.Header().Set("Retry-After", a.retryAfter)
		}
		w.WriteHeader(a.status)
	}
	return true
}

func (f *fake) smtp(verb string) string {
	a := f.now.Load()
	switch {
	case a.hang == verb:
		return "hang"
	case verb != "DATA":
		return ""
	case a.drop:
		return "drop"
	case a.status == 0:
		return ""
	case a.status/100 == 5: // HTTP's "later" is SMTP's 4yz
		return "451 4.3.0 later"
	}
	return "550 5.7.1 no"
}

// first is what most messages are about. Its host's name is markup nowhere.
var first = Step("a", "web1", 1, omen.ChangeOpened, Noon)

// Run puts the sender to the test.
func (s Suite) Run(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"one message arrives once": s.delivers,
		"answers":                  s.answers,
		"times to wait":            s.waits,
		"a server that hangs":      s.hangs,
		"hostile names":            s.hostile,
		"odd incidents":            s.odd,
		"many incidents":           s.many,
		"at once":                  s.concurrent,
		"an action waits":          s.waiting,
	} {
		t.Run(name, test)
	}
}

// delivers: a message arrives once, under the same key each time it is sent,
// and names the host and its causes; the end of an incident is a message too.
func (s Suite) delivers(t *testing.T) {
	f := s.start(t, answer{})
	for range 2 {
		must.OK(t, f.sender.Send(t.Context(), About(first)))
	}
	got := f.taken(t)
	if len(got) != 2 || got[0].Key != got[1].Key {
		t.Fatalf("sent twice, arrived as %+v", got)
	}
	for _, part := range []string{"web1", "disk", "240 MB/s"} {
		if !strings.Contains(got[0].Text, part) {
			t.Errorf("the message lacks %q: %s", part, got[0].Text)
		}
	}
	must.OK(t, f.sender.Send(t.Context(), About(Step("a", "web1", 2, omen.ChangeClosed, Noon))))
	if got := f.taken(t); len(got) != 3 || !s.Ends && !strings.Contains(got[2].Text, "back to normal") {
		t.Errorf("the end arrived as %+v", got[2:])
	}
}

// answers: what may pass is worth another try, what will not change is not.
func (s Suite) answers(t *testing.T) {
	f := s.start(t, answer{})
	for name, c := range map[string]struct {
		answer    answer
		permanent bool
	}{
		"500": {answer{status: 500}, false}, "503": {answer{status: 503}, false}, "cut off": {answer{drop: true}, false},
		"400": {answer{status: 400}, true}, "404": {answer{status: 404}, true},
		"a redirect to a page, for which HTTP drops the message": {answer{status: 302}, true},
	} {
		f.now.Store(&c.answer)
		err := f.sender.Send(t.Context(), About(first))
		if err == nil || message.Permanent(err) != c.permanent || message.RetryAfter(err) != 0 {
			t.Errorf("%s: %v: permanent %v, after %s", name, err, message.Permanent(err), message.RetryAfter(err))
		}
	}
}

// waits: a channel that limits us is sent nothing for as long as it says.
func (s Suite) waits(t *testing.T) {
	if s.Mail {
		t.Skip("SMTP has no time to wait")
	}
	f := s.start(t, answer{})
	in20s := time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)
	for header, want := range map[string]time.Duration{
		"17": 17 * time.Second, in20s: 20 * time.Second, "": message.DefaultRetryAfter, "soon": message.DefaultRetryAfter, "NaN": message.DefaultRetryAfter, "-5": message.DefaultRetryAfter, "1e12": message.MaxRetryAfter,
	} {
		f.now.Store(&answer{status: http.StatusTooManyRequests, retryAfter: header})
		err := f.sender.Send(t.Context(), About(first))
		// A date has whole seconds, and some of them pass.
		if off := want - message.RetryAfter(err); err == nil || message.Permanent(err) || off < 0 || header != in20s && off > 0 || off > 10*time.Second {
			t.Errorf("Retry-After %q: %v: permanent %v, after %s, want %s", header, err, message.Permanent(err), message.RetryAfter(err), want)
		}
	}
}

// hangs: an attempt ends with its context, however the server behaves.
func (s Suite) hangs(t *testing.T) {
	f := s.start(t, answer{})
	for _, at := range []string{"EHLO", "AUTH", "MAIL", "RCPT", "DATA"} {
		f.now.Store(&answer{hang: at})
		ctx, cancel := message.WithTimeout(t.Context(), 50*time.Millisecond)
		begun := time.Now()
		err := f.sender.Send(ctx, About(first))
		if took := time.Since(begun); err == nil || message.Permanent(err) || took > 5*time.Second {
			t.Errorf("%s: %v after %s", at, err, took)
		}
		cancel()
		if !s.Mail {
			break
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.sender.Send(gone, About(first)); !errors.Is(err, context.Canceled) || message.Permanent(err) {
		t.Errorf("sent for nobody: %v", err)
	}
}

// hostile: no name is markup, a header, a control character or too long.
func (s Suite) hostile(t *testing.T) {
	f := s.start(t, answer{})
	for _, name := range hostileNames {
		s.named(t, f, name)
	}
}

func (s Suite) named(t *testing.T, f *fake, name string) {
	t.Helper()
	before := len(f.taken(t))
	if err := f.sender.Send(t.Context(), named(name)); err != nil {
		t.Fatalf("%.40q: %v", name, err)
	}
	all := f.taken(t)
	if len(all) != before+1 {
		t.Fatalf("%.40q: %d messages, want one", name, len(all)-before)
	}
	s.check(t, all[before])
	if s.Markup != nil {
		s.Markup(t, all[before].Markup)
	}
}

// Fuzz sends messages with any names.
func Fuzz(f *testing.F, suites ...Suite) {
	for _, name := range hostileNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if len(name) > 10_000 || strings.TrimSpace(name) == "" {
			return
		}
		for _, s := range suites {
			s.named(t, s.start(t, answer{}), name)
		}
	})
}

// check fails for what no text may have.
func (s Suite) check(t *testing.T, m Taken) {
	t.Helper()
	if s.Programs {
		return
	}
	bad := func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' || unicode.Is(unicode.Bidi_Control, r)
	}
	if !utf8.ValidString(m.Text) || strings.ContainsFunc(m.Text, bad) {
		t.Errorf("control characters in %.200q", m.Text)
	}
	if n := m.size(); s.Limit > 0 && n > s.Limit {
		t.Errorf("a text of %d, the channel takes %d", n, s.Limit)
	}
}

func (m Taken) size() int {
	if m.Size > 0 {
		return m.Size
	}
	return len(utf16.Encode([]rune(m.Text)))
}

// odd: incidents without causes, and with numbers that are none, arrive.
func (s Suite) odd(t *testing.T) {
	f := s.start(t, answer{})
	bare, none := first, first
	bare.Incident.Causes = nil
	nan := math.NaN()
	none.Incident.Score, none.Incident.Peak = nan, math.Inf(1)
	none.Incident.Causes = []omen.Cause{{Feature: "", Share: nan, Actual: nan, Expected: math.Inf(-1), Lower: nan, Upper: nan}}
	for _, c := range []omen.Change{bare, none} {
		if err := f.sender.Send(t.Context(), About(c)); err != nil {
			t.Error(err)
		}
	}
	for _, m := range f.taken(t) {
		if !strings.Contains(m.Text, "web1") {
			t.Errorf("does not name the host: %s", m.Text)
		}
	}
}

// many: a message about more incidents than fit names each of them, or counts
// those that it does not name; what fits is there.
func (s Suite) many(t *testing.T) {
	for _, n := range []int{20, 200} {
		f := s.start(t, answer{})
		var changes []omen.Change
		name := func(i int) string { return fmt.Sprintf("web-%02d.example.org:9100", i) }
		for i := range n {
			changes = append(changes, Step(fmt.Sprint("i", i), name(i), 1, omen.ChangeOpened, Noon))
		}
		if err := f.sender.Send(t.Context(), About(changes...)); err != nil {
			t.Fatal(err)
		}
		m := f.taken(t)[0]
		s.check(t, m)
		named := 0
		unescaped := strings.ReplaceAll(m.Text, `\`, "")
		for i := range n {
			if strings.Contains(unescaped, name(i)) {
				named++
			}
		}
		if named == n {
			continue
		}
		if !strings.Contains(m.Text, fmt.Sprint("and ", n-named, " more")) {
			t.Errorf("names %d of %d incidents and does not count the others: %s", named, n, m.Text)
		}
		if s.Markup != nil && s.Limit > 0 { // it cuts between incidents
			s.Markup(t, m.Markup)
		}
		if size := m.size(); s.Limit == 0 || size < s.Limit-600 {
			t.Errorf("a text of %d where %d have room", size, s.Limit)
		}
	}
}

// waiting: what waits for approval is named, and no text has what a button sends
// back: who has a message has not pressed its buttons.
func (s Suite) waiting(t *testing.T) {
	f := s.start(t, answer{})
	const token = "y.a0123456789ab.zzzzzz.AbCdEfGhIjKlMnOp"
	m := About(first)
	m.Replies = []message.Reply{{Label: "Approve", Token: token}}
	m.Wait([]omen.Action{{
		ID: "a0123456789ab", Playbook: "restart", Does: "rollout_restart", State: omen.ActionWaiting, Expires: Noon.Add(time.Hour),
		Target: omen.Target{Kind: "deployment", Namespace: "shop", Name: "web"},
	}})
	must.OK(t, f.sender.Send(t.Context(), m))
	got := f.taken(t)[0]
	if !strings.Contains(got.Text, "rollout restart of deployment shop/web") {
		t.Errorf("does not say what waits: %s", got.Text)
	}
	if strings.Contains(strings.ReplaceAll(got.Text+got.Markup, `\`, ""), token) {
		t.Errorf("the button's token is in the text: %s", got.Text)
	}
}

// concurrent: messages that are sent at once all arrive, once each.
func (s Suite) concurrent(t *testing.T) {
	f := s.start(t, answer{})
	var all sync.WaitGroup
	const n = 8
	for i := range n {
		all.Go(func() {
			if err := f.sender.Send(t.Context(), About(Step(fmt.Sprint(i), fmt.Sprintf("web%d", i), 1, omen.ChangeOpened, Noon))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := f.taken(t)
	for i := range n {
		times := 0
		for _, m := range got {
			if strings.Contains(m.Text, fmt.Sprintf("web%d", i)) {
				times++
			}
		}
		if times != 1 || len(got) != n {
			t.Errorf("message %d of %d arrived %d times", i, len(got), times)
		}
	}
}
