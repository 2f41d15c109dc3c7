package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// deliver hands a mail to the smarthost. However the server behaves, it ends
// with ctx.
func (e *email) deliver(ctx context.Context, msg *mail.Msg) error {
	port, err := strconv.Atoi(e.conf.Smarthost.Port)
	if err != nil {
		return refusal{error: fmt.Errorf("smarthost %s: %w", e.conf.Smarthost, err), permanent: true}
	}
	secure, err := e.tlsConfig()
	if err != nil {
		return refusal{error: err, permanent: true}
	}
	implicit := e.conf.Smarthost.Port == "465"
	if e.conf.ForceImplicitTLS != nil {
		implicit = *e.conf.ForceImplicitTLS
	}
	line := &smtpLine{tls: secure, implicit: implicit}
	defer line.close()
	options := []mail.Option{
		mail.WithPort(port), mail.WithTimeout(sendTimeout), mail.WithTLSConfig(secure), mail.WithoutNoop(), mail.WithoutRset(),
		mail.WithDialContextFunc(func(_ context.Context, network, address string) (net.Conn, error) {
			return line.dial(ctx, network, address)
		}),
	}
	if e.conf.Hello != "" {
		options = append(options, mail.WithHELO(e.conf.Hello))
	}
	client, err := mail.NewClient(e.conf.Smarthost.Host, options...)
	if err != nil {
		return refusal{error: err, permanent: true}
	}
	client.SetTLSPolicy(mail.NoTLS)
	if !implicit && (e.conf.RequireTLS == nil || *e.conf.RequireTLS) {
		client.SetTLSPolicy(mail.TLSMandatory)
	}
	err = e.converse(ctx, client, msg)
	switch {
	case err == nil || msg.IsDelivered(): // what comes after the server took it does not matter
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	return mailRefused(err)
}

// converse is one conversation: greeting, authentication where the server
// offers it, the mail.
func (e *email) converse(ctx context.Context, client *mail.Client, msg *mail.Msg) error {
	c, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", e.conf.Smarthost, err)
	}
	if offers, mechanisms := c.Extension("AUTH"); offers && e.conf.AuthUsername != "" {
		auth, err := e.auth(strings.Fields(mechanisms))
		if err != nil {
			return fmt.Errorf("authenticate at %s: %w", e.conf.Smarthost, err)
		}
		if err := c.Auth(auth); err != nil {
			return fmt.Errorf("authenticate at %s: %w", e.conf.Smarthost, err)
		}
	}
	if err := client.SendWithSMTPClient(c, msg); err != nil {
		return err
	}
	_ = c.Quit()
	return nil
}

// auth is the first of the server's mechanisms for which there is a secret, as
// in Alertmanager. PLAIN wants TLS or this very machine.
func (e *email) auth(mechanisms []string) (smtp.Auth, error) {
	var errs []error
	for _, mechanism := range mechanisms {
		if !slices.Contains([]string{"CRAM-MD5", "PLAIN", "LOGIN"}, mechanism) {
			continue
		}
		value, file := e.conf.AuthPassword, e.conf.AuthPasswordFile
		if mechanism == "CRAM-MD5" {
			value, file = e.conf.AuthSecret, e.conf.AuthSecretFile
		}
		secret, err := secretOf(string(value), file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		switch {
		case secret == "":
			errs = append(errs, fmt.Errorf("no secret for %s", mechanism))
		case mechanism == "CRAM-MD5":
			return smtp.CRAMMD5Auth(e.conf.AuthUsername, secret), nil
		case mechanism == "PLAIN":
			return smtp.PlainAuth(e.conf.AuthIdentity, e.conf.AuthUsername, secret, e.conf.Smarthost.Host, false), nil
		default:
			return smtp.LoginAuth(e.conf.AuthUsername, secret, e.conf.Smarthost.Host, true), nil
		}
	}
	return nil, errors.Join(append(errs, fmt.Errorf("the server offers %s", strings.Join(mechanisms, ", ")))...)
}

// secretOf is a secret of the configuration, or of a file that it names.
func secretOf(value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func (e *email) tlsConfig() (*tls.Config, error) {
	c := e.conf.TLSConfig
	if c == nil {
		c = &promconfig.TLSConfig{}
	}
	out, err := promconfig.NewTLSConfig(c)
	if err != nil {
		return nil, fmt.Errorf("tls_config: %w", err)
	}
	if out.ServerName == "" {
		out.ServerName = e.conf.Smarthost.Host
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
