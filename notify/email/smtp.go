package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/omenhq/omen/notify/message"
)

// deliver hands the mail of a message's key to the smarthost, for those who have
// not got it. However the server behaves, it ends with ctx.
func (s *Sender) deliver(ctx context.Context, key string, msg *mail.Msg, now time.Time) error {
	port, err := strconv.Atoi(s.conf.Smarthost.Port)
	if err != nil {
		return message.Refuse("smarthost %s: its port is no number", s.conf.Smarthost)
	}
	secure, err := s.tlsConfig()
	if err != nil {
		return message.Refusal{Err: err, Permanent: true}
	}
	implicit := s.conf.Smarthost.Port == "465"
	if s.conf.ForceImplicitTLS != nil {
		implicit = *s.conf.ForceImplicitTLS
	}
	line := &smtpLine{tls: secure, implicit: implicit}
	defer line.close()
	options := []mail.Option{
		mail.WithPort(port), mail.WithTimeout(message.SendTimeout), mail.WithTLSConfig(secure), mail.WithoutNoop(), mail.WithoutRset(),
		mail.WithDialContextFunc(func(_ context.Context, network, address string) (net.Conn, error) {
			return line.dial(ctx, network, address)
		}),
	}
	if s.conf.Hello != "" {
		options = append(options, mail.WithHELO(s.conf.Hello))
	}
	client, err := mail.NewClient(s.conf.Smarthost.Host, options...)
	if err != nil {
		return message.Refusal{Err: err, Permanent: true}
	}
	client.SetTLSPolicy(mail.NoTLS)
	if !implicit && (s.conf.RequireTLS == nil || *s.conf.RequireTLS) {
		client.SetTLSPolicy(mail.TLSMandatory)
	}
	all, err := msg.GetRecipients()
	if err != nil {
		return message.Refusal{Err: err, Permanent: true}
	}
	to := s.recipients.left(key, all)
	refused, err := s.converse(ctx, client, msg, to)
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	case err != nil:
		return judge(err)
	}
	err = s.recipients.settle(key, to, refused, now)
	if unsaid := s.recipients.say(ctx); unsaid != nil && ctx.Err() == nil {
		s.render.Log.Warn("receiver's trouble not recorded, trying again with the next message", "err", unsaid)
	}
	return err
}

// converse is one conversation: greeting, authentication where the server
// offers it, the mail. What comes after the server took that does not matter.
func (s *Sender) converse(ctx context.Context, client *mail.Client, msg *mail.Msg, to []string) (refused map[string]error, err error) {
	c, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil && strings.Contains(err.Error(), "does not support STARTTLS") {
		return nil, fmt.Errorf("connect to %s: it offers no STARTTLS; if it has no TLS at all, set require_tls: false, or smtp_require_tls: false under global", s.conf.Smarthost)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.conf.Smarthost, err)
	}
	if offers, mechanisms := c.Extension("AUTH"); offers && s.conf.AuthUsername != "" {
		auth, err := s.auth(strings.Fields(mechanisms))
		if err != nil {
			return nil, fmt.Errorf("authenticate at %s: %w", s.conf.Smarthost, err)
		}
		if err := c.Auth(auth); err != nil {
			return nil, fmt.Errorf("authenticate at %s: %w", s.conf.Smarthost, err)
		}
	}
	if refused, err = transfer(c, msg, to); err != nil {
		return nil, err
	}
	_ = c.Quit()
	return refused, nil
}

// auth is the first of the server's mechanisms for which there is a secret, as
// in Alertmanager. PLAIN wants TLS or this very machine.
func (s *Sender) auth(mechanisms []string) (smtp.Auth, error) {
	var errs []error
	for _, mechanism := range mechanisms {
		if !slices.Contains([]string{"CRAM-MD5", "PLAIN", "LOGIN"}, mechanism) {
			continue
		}
		value, file := s.conf.AuthPassword, s.conf.AuthPasswordFile
		if mechanism == "CRAM-MD5" {
			value, file = s.conf.AuthSecret, s.conf.AuthSecretFile
		}
		secret, err := message.Secret(string(value), file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		switch {
		case secret == "":
			errs = append(errs, fmt.Errorf("no secret for %s", mechanism))
		case mechanism == "CRAM-MD5":
			return smtp.CRAMMD5Auth(s.conf.AuthUsername, secret), nil
		case mechanism == "PLAIN":
			return smtp.PlainAuth(s.conf.AuthIdentity, s.conf.AuthUsername, secret, s.conf.Smarthost.Host, false), nil
		default:
			return smtp.LoginAuth(s.conf.AuthUsername, secret, s.conf.Smarthost.Host, true), nil
		}
	}
	return nil, errors.Join(append(errs, fmt.Errorf("the server offers %s", strings.Join(mechanisms, ", ")))...)
}

func (s *Sender) tlsConfig() (*tls.Config, error) {
	c := s.conf.TLSConfig
	if c == nil {
		c = &promconfig.TLSConfig{}
	}
	out, err := promconfig.NewTLSConfig(c)
	if err != nil {
		return nil, fmt.Errorf("tls_config: %w", err)
	}
	if out.ServerName == "" {
		out.ServerName = s.conf.Smarthost.Host
	}
	return out, nil
}

// smtpLine is the one connection of a conversation. It is closed when its
// context ends, so that no read waits longer.
type smtpLine struct {
	tls      *tls.Config
	implicit bool
	conn     net.Conn
	stop     func() bool
}

func (l *smtpLine) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var err error
	if l.implicit {
		l.conn, err = (&tls.Dialer{Config: l.tls}).DialContext(ctx, network, address)
	} else {
		l.conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	conn := l.conn
	l.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, nil
}

func (l *smtpLine) close() {
	if l.conn != nil && l.stop != nil {
		l.stop()
		_ = l.conn.Close() // closed before, if all went well
	}
}
