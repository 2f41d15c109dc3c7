package notify

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// emailTo is a configuration of one mail channel.
func emailTo(smtp *mailSink, extra string) string {
	return fmt.Sprintf(`receivers: [{name: r, email_configs: [{to: "Ops <ops@b.c>, second@b.c", from: omen@e.f, require_tls: false, smarthost: %q %s}]}]`,
		smtp.Addr().String(), extra)
}

// sendPicture sends an incident with a picture through the only channel.
func sendPicture(t testing.TB, text string, c omen.Change) error {
	t.Helper()
	r := newRelay(t, nil, text)
	m := messageOf(r.view, c)
	var err error
	if m.Picture, err = picture(c.Incident, history(c.Incident)); err != nil {
		t.Fatal(err)
	}
	return r.channels[0].sender.Send(t.Context(), m)
}

const isPNG = "\x89PNG\r\n\x1a\n"

// The HTML part shows the picture that comes with the mail, the text part
// stays, and what the configuration says of headers holds.
func TestMailShowsThePicture(t *testing.T) {
	smtp := newMailSink(t)
	c := step("a", "web-1", 1, omen.ChangeOpened, noon)
	if err := sendPicture(t, emailTo(smtp, `, headers: {x-team: 'söre {{ .Status }}', Reply-To: 'Jörg <j@b.c>', content-type: text/evil}`), c); err != nil {
		t.Fatal(err)
	}
	mail := smtp.got()[0]
	header, parts := mail.parts(t)
	const id = "graph.a.1@omen.example"
	if !strings.Contains(parts["text/html"], `src="cid:`+id+`"`) || !strings.HasPrefix(parts[id], isPNG) || parts["image/png"] != parts[id] {
		t.Errorf("no picture %q in %s", id, parts["text/html"])
	}
	if !strings.Contains(parts["text/plain"], "disk_write 240 MB/s") || strings.Contains(parts["text/plain"], "cid:") {
		t.Errorf("text part %q", parts["text/plain"])
	}
	if kind := header.Get("Content-Type"); !strings.HasPrefix(kind, "multipart/related") {
		t.Errorf("content type %s", kind)
	}
	if mail.from != "FROM:<omen@e.f>" || fmt.Sprint(mail.to) != "[TO:<ops@b.c> TO:<second@b.c>]" {
		t.Errorf("envelope from %s to %v", mail.from, mail.to)
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

// A template of the configuration that does not show the picture gets it as an
// attachment.
func TestMailOfAnotherTemplateHasThePictureAttached(t *testing.T) {
	smtp := newMailSink(t)
	if err := sendPicture(t, emailTo(smtp, `, html: "<p>{{ .Status }}</p>"`), step("a", "web-1", 1, omen.ChangeOpened, noon)); err != nil {
		t.Fatal(err)
	}
	header, parts := smtp.got()[0].parts(t)
	if !strings.HasPrefix(header.Get("Content-Type"), "multipart/mixed") || !strings.HasPrefix(parts["image/png"], isPNG) || parts["text/html"] != "<p>firing</p>" {
		t.Errorf("%s, parts %q", header.Get("Content-Type"), parts["text/html"])
	}
}

// An incident's mails answer one and the same; another incident's another one.
func TestMailsOfOneIncidentAreOneThread(t *testing.T) {
	smtp := newMailSink(t)
	text := emailTo(smtp, "")
	for _, c := range []omen.Change{
		step("a", "web-1", 1, omen.ChangeOpened, noon), step("a", "web-1", 2, omen.ChangeEscalated, noon), step("b", "web-2", 1, omen.ChangeOpened, noon),
	} {
		r := newRelay(t, nil, text)
		if err := r.channels[0].sender.Send(t.Context(), messageOf(r.view, c)); err != nil {
			t.Fatal(err)
		}
	}
	var roots, ids []string
	for _, m := range smtp.got() {
		header, _ := m.parts(t)
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
			smtp := newMailSink(t, func(s *mailSink) {
				s.script = func(verb, _ string) string {
					if verb == c.verb {
						return c.answer
					}
					return ""
				}
			})
			text := emailTo(smtp, c.extra)
			if strings.Contains(c.extra, "require_tls") {
				text = strings.Replace(text, "require_tls: false, ", "", 1)
			}
			err := sendOne(t, text)
			if (err == nil) != c.ok || permanent(err) != c.permanent || retryAfter(err) != 0 {
				t.Errorf("%v: permanent %v", err, permanent(err))
			}
			if strings.Contains(fmt.Sprint(err), "wrong") {
				t.Errorf("the password shows in %v", err)
			}
			if want := map[bool]int{true: 1}[c.ok]; len(smtp.got()) != want {
				t.Errorf("%d mails taken, want %d", len(smtp.got()), want)
			}
		})
	}
}

// However far a server goes before it hangs, the mail ends with its context.
func TestHangingMailServers(t *testing.T) {
	for _, verb := range []string{"EHLO", "AUTH", "MAIL", "RCPT", "DATA"} {
		t.Run(verb, func(t *testing.T) {
			smtp := newMailSink(t, func(s *mailSink) {
				s.script = func(v, _ string) string {
					if v == verb {
						return "hang"
					}
					return ""
				}
			})
			r := newRelay(t, nil, emailTo(smtp, `, auth_username: u, auth_password: p`))
			ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, fmt.Errorf("no answer within 200 ms"))
			defer cancel()
			begun := time.Now()
			err := r.channels[0].sender.Send(ctx, messageOf(r.view, step("a", "h", 1, omen.ChangeOpened, noon)))
			if err == nil || permanent(err) || time.Since(begun) > 5*time.Second || !strings.Contains(err.Error(), "no answer within 200 ms") {
				t.Errorf("%v after %s", err, time.Since(begun))
			}
		})
	}
}

// Credentials go over TLS, which require_tls, on by default, begins.
func TestMailOverTLSWithALogin(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	smtp := newMailSink(t, func(s *mailSink) { s.secure = &tls.Config{Certificates: web.TLS.Certificates} })
	text := strings.Replace(emailTo(smtp, `, auth_username: u, auth_password: p`), "require_tls: false, ", "", 1)
	if err := sendOne(t, text); err == nil || permanent(err) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger's certificate: %v", err)
	}
	if len(smtp.logins) != 0 {
		t.Fatalf("a stranger heard %q", smtp.logins)
	}
	if err := sendOne(t, strings.Replace(text, "auth_username", "tls_config: {insecure_skip_verify: true}, auth_username", 1)); err != nil {
		t.Fatal(err)
	}
	if len(smtp.got()) != 1 || fmt.Sprintf("%q", smtp.logins) != `["\x00u\x00p"]` {
		t.Errorf("%d mails, logins %q", len(smtp.got()), smtp.logins)
	}
}
