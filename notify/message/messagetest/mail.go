package messagetest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// MailServer is an SMTP server (RFC 5321) that takes every mail.
type MailServer struct {
	net.Listener
	script MailScript
	secure *tls.Config
	mu     sync.Mutex
	mails  []Mail
	logins []string
	ended  chan struct{}
}

// Mail is a mail and its envelope.
type Mail struct {
	From string
	To   []string
	data string
}

// MailScript answers an SMTP command instead of the server; "": it does not,
// "hang": nobody does, "drop": the connection ends.
type MailScript func(verb string) string

// NewMailServer starts a server for a test. Script may be nil; secure is for
// STARTTLS, nil: not offered.
func NewMailServer(t testing.TB, script MailScript, secure *tls.Config) *MailServer {
	l := must.Get(new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"))(t)
	s := &MailServer{Listener: l, script: script, secure: secure, ended: make(chan struct{})}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.talk(conn, false) })
		}
	})
	t.Cleanup(func() {
		close(s.ended)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		open.Wait()
	})
	return s
}

func (s *MailServer) talk(conn net.Conn, secured bool) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	if !secured {
		say("220 sink ESMTP")
	}
	var e Mail
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		verb = strings.ToUpper(verb)
		if s.script != nil {
			switch answer := s.script(verb); answer {
			case "":
			case "hang":
				<-s.ended
				return
			case "drop":
				return
			default:
				say(answer)
				continue
			}
		}
		switch verb {
		case "EHLO", "HELO":
			if s.secure != nil && !secured {
				say("250-sink\r\n250 STARTTLS")
			} else {
				say("250-sink\r\n250 AUTH PLAIN LOGIN")
			}
		case "STARTTLS":
			say("220 go on")
			s.talk(tls.Server(conn, s.secure), true)
			return
		case "AUTH":
			_, secret, _ := strings.Cut(rest, " ")
			login, _ := base64.StdEncoding.DecodeString(secret)
			s.mu.Lock()
			s.logins = append(s.logins, string(login))
			s.mu.Unlock()
			say("235 welcome")
		case "MAIL":
			e = Mail{From: rest}
			say("250 ok")
		case "RCPT":
			e.To = append(e.To, rest)
			say("250 ok")
		case "DATA":
			say("354 go on")
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				e.data += strings.TrimPrefix(line, ".")
			}
			s.mu.Lock()
			s.mails = append(s.mails, e)
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 what")
		}
	}
}

// Logins are AUTH's arguments, decoded.
func (s *MailServer) Logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logins)
}

// Got are the mails that it took.
func (s *MailServer) Got() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Parts is a mail's headers and its parts by media type, decoded. A chart's
// part is under its Content-ID too.
func (e Mail) Parts(t testing.TB) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(e.data))
	if err != nil {
		t.Fatalf("%v in %q", err, e.data)
	}
	out := map[string]string{}
	partsOf(t, textproto.MIMEHeader(m.Header), m.Body, out)
	return m.Header, out
}

func partsOf(t testing.TB, header textproto.MIMEHeader, body io.Reader, out map[string]string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			partsOf(t, p.Header, p, out)
		}
	}
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text := must.Get(io.ReadAll(body))(t)
	out[kind] = string(text)
	if id := header.Get("Content-Id"); id != "" {
		out[strings.Trim(id, "<>")] = string(text)
	}
}

// subject is the mail's subject, decoded.
func (e Mail) subject(t testing.TB) string {
	header, _ := e.Parts(t)
	return must.Get(new(mime.WordDecoder).DecodeHeader(header.Get("Subject")))(t)
}
