package email

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// newSender sends to two addresses; require_tls is off unless extra has it.
func newSender(t testing.TB, smtp net.Listener, extra string) *Sender {
	t.Helper()
	return senderTo(t, `"Ops <ops@b.c>, second@b.c"`, smtp.Addr().String(), extra)
}

func senderTo(t testing.TB, to, smarthost, extra string) *Sender {
	t.Helper()
	if !strings.Contains(extra, "require_tls") {
		extra += ", require_tls: false"
	}
	r := messagetest.Receiver(t, `email_configs: [{to: %s, from: omen@e.f, smarthost: %q %s}]`, to, smarthost, extra)
	return must.Get(New(r.EmailConfigs[0], messagetest.Renderer(t), Options{}))(t)
}

var suite = messagetest.Suite{
	New: func(t testing.TB, addr string) message.Sender {
		return senderTo(t, "a@b.c", addr, ", auth_username: u, auth_password: p")
	},
	Markup: func(t testing.TB, markup string) { messagetest.CheckHTML(t, markup, nil) }, Mail: true,
}

func TestSuite(t *testing.T) { suite.Run(t) }

func FuzzNames(f *testing.F) { messagetest.Fuzz(f, suite) }

// The HTML part shows the chart that comes with the mail, the text part
// stays, and what the configuration says of headers holds.
func TestMailShowsTheChart(t *testing.T) {
	smtp := messagetest.NewMailServer(t, nil, nil)
	s := newSender(t, smtp, `, headers: {x-team: 'söre {{ .Status }}', Reply-To: 'Jörg <j@b.c>', content-type: text/evil}`)
	must.OK(t, s.Send(t.Context(), messagetest.Charted(t, messagetest.Opened())))
	mail := smtp.Got()[0]
	header, parts := mail.Parts(t)
	const id = "graph.a.1@omen.example"
	if !strings.Contains(parts["text/html"], `src="cid:`+id+`"`) || !strings.HasPrefix(parts[id], messagetest.PNG) || parts["image/png"] != parts[id] {
		t.Errorf("no chart %q in %s", id, parts["text/html"])
	}
	if !strings.Contains(parts["text/plain"], "disk_write 240 MB/s") || strings.Contains(parts["text/plain"], "cid:") {
		t.Errorf("text part %q", parts["text/plain"])
	}
	if kind := header.Get("Content-Type"); !strings.HasPrefix(kind, "multipart/related") {
		t.Errorf("content type %s", kind)
	}
	if mail.From != "FROM:<omen@e.f>" || fmt.Sprint(mail.To) != "[TO:<ops@b.c> TO:<second@b.c>]" {
		t.Errorf("envelope from %s to %v", mail.From, mail.To)
	}
	for name, want := range map[string]string{
		"To": `"Ops" <ops@b.c>, <second@b.c>`, "From": "<omen@e.f>", "Reply-To": "=?utf-8?q?J=C3=B6rg?= <j@b.c>",
		"X-Team": "=?UTF-8?q?s=C3=B6re_firing?=", "Auto-Submitted": "auto-generated", "Message-Id": "<a.1.1@omen.example>",
	} {
		if got := header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want once %q", name, got, want)
		}
	}
}

// A template of the configuration that does not show the chart gets it as an
// attachment.
func TestMailOfAnotherTemplateHasTheChartAttached(t *testing.T) {
	smtp := messagetest.NewMailServer(t, nil, nil)
	must.OK(t, newSender(t, smtp, `, html: "<p>{{ .Status }}</p>"`).Send(t.Context(), messagetest.Charted(t, messagetest.Opened())))
	header, parts := smtp.Got()[0].Parts(t)
	if !strings.HasPrefix(header.Get("Content-Type"), "multipart/mixed") || !strings.HasPrefix(parts["image/png"], messagetest.PNG) || parts["text/html"] != "<p>firing</p>" {
		t.Errorf("%s, parts %q", header.Get("Content-Type"), parts["text/html"])
	}
}

// An incident's mails answer one and the same; another incident's another one.
func TestMailsOfOneIncidentAreOneThread(t *testing.T) {
	smtp := messagetest.NewMailServer(t, nil, nil)
	for _, c := range []omen.Change{
		messagetest.Step("a", "web-1", 1, omen.ChangeOpened, messagetest.Noon), messagetest.Step("a", "web-1", 2, omen.ChangeEscalated, messagetest.Noon), messagetest.Step("b", "web-2", 1, omen.ChangeOpened, messagetest.Noon),
	} {
		must.OK(t, newSender(t, smtp, "").Send(t.Context(), messagetest.About(c)))
	}
	var roots, ids []string
	for _, m := range smtp.Got() {
		header, _ := m.Parts(t)
		if header.Get("References") != header.Get("In-Reply-To") {
			t.Errorf("references %q, in reply to %q", header.Get("References"), header.Get("In-Reply-To"))
		}
		roots, ids = append(roots, header.Get("References")), append(ids, header.Get("Message-Id"))
	}
	if roots[0] != "<incident-a@omen.example>" || roots[1] != roots[0] || roots[2] == roots[0] || ids[0] == ids[1] {
		t.Errorf("threads %v of messages %v", roots, ids)
	}
}

// What a mail server answers decides whether the mail is tried again for a day
// or given up soon; a server that took it and then misbehaves took it.
func TestMailServersAnswers(t *testing.T) {
	const login = `, auth_username: u, auth_password: wrong`
	for name, c := range map[string]struct {
		verb, answer, extra string
		ok, permanent       bool
	}{
		"wrong password":  {"AUTH", "535 5.7.8 no", login, false, true},
		"login is down":   {"AUTH", "454 4.7.0 later", login, false, false},
		"no such mailbox": {"RCPT", "550 5.1.1 who", "", false, true},
		"grey":            {"RCPT", "450 4.2.0 greylisted", "", false, false},
		"busy":            {"MAIL", "421 4.3.2 busy", "", false, false},
		"spam":            {"DATA", "554 5.7.1 spam", "", false, true},
		"cut off":         {"DATA", "drop", "", false, false},
		"rude end":        {"QUIT", "drop", "", true, false},
		"no tls":          {"", "", ", require_tls: true", false, false},
		"no address":      {"", "", `, headers: {To: "{{ .Status }}"}`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			smtp := messagetest.NewMailServer(t, func(verb string) string {
				return map[string]string{c.verb: c.answer}[verb]
			}, nil)
			err := newSender(t, smtp, c.extra).Send(t.Context(), messagetest.About(messagetest.Opened()))
			if (err == nil) != c.ok || message.Permanent(err) != c.permanent || message.RetryAfter(err) != 0 {
				t.Errorf("%v: permanent %v", err, message.Permanent(err))
			}
			if strings.Contains(fmt.Sprint(err), "wrong") {
				t.Errorf("the password shows in %v", err)
			}
			if want := map[bool]int{true: 1}[c.ok]; len(smtp.Got()) != want {
				t.Errorf("%d mails taken, want %d", len(smtp.Got()), want)
			}
		})
	}
}

// Credentials go over TLS, which require_tls, on by default, begins.
func TestMailOverTLSWithALogin(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	smtp := messagetest.NewMailServer(t, nil, &tls.Config{Certificates: web.TLS.Certificates})
	const login = `, require_tls: true, auth_username: u, auth_password: p`
	send := func(extra string) error {
		return newSender(t, smtp, login+extra).Send(t.Context(), messagetest.About(messagetest.Opened()))
	}
	if err := send(""); err == nil || message.Permanent(err) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger's certificate: %v", err)
	}
	if len(smtp.Logins()) != 0 {
		t.Fatalf("a stranger heard %q", smtp.Logins())
	}
	must.OK(t, send(", tls_config: {insecure_skip_verify: true}"))
	if len(smtp.Got()) != 1 || fmt.Sprintf("%q", smtp.Logins()) != `["\x00u\x00p"]` {
		t.Errorf("%d mails, logins %q", len(smtp.Got()), smtp.Logins())
	}
}

// A server without TLS gets no mail unless the configuration says so, and the
// error names the key.
func TestAServerWithoutTLS(t *testing.T) {
	smtp := messagetest.NewMailServer(t, nil, nil)
	err := newSender(t, smtp, ", require_tls: true").Send(t.Context(), messagetest.About(messagetest.Opened()))
	if err == nil || !strings.Contains(err.Error(), "smtp_require_tls: false") || len(smtp.Got()) != 0 {
		t.Errorf("%v, %d mails", err, len(smtp.Got()))
	}
}
