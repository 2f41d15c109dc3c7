package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"
	"github.com/wneessen/go-mail"
)

// email sends mails, configured as Alertmanager's email_configs. Its own
// notifier takes no picture, and reads from a server without a deadline.
type email struct {
	conf     *amconfig.EmailConfig
	tmpl     *template.Template
	receiver string
	log      *slog.Logger
}

// newEmail completes the configuration: a text part beside the HTML part, and
// the headers that Alertmanager would write.
func newEmail(c *amconfig.EmailConfig, t *template.Template, receiver string, log *slog.Logger) (*email, error) {
	headers := map[string]string{"Subject": amconfig.DefaultEmailSubject, "To": c.To, "From": c.From}
	for name, text := range c.Headers {
		headers[textproto.CanonicalMIMEHeaderKey(name)] = text
	}
	c.Headers = headers
	if c.Text == "" {
		c.Text = `{{ template "email.default.text" . }}`
	}
	e := &email{c, t, receiver, log}
	if _, err := e.tlsConfig(); err != nil {
		return nil, err
	}
	return e, nil
}

// Send implements [Sender].
func (e *email) Send(ctx context.Context, m Message) error {
	msg, err := e.compose(ctx, m)
	if err != nil {
		return refusal{error: fmt.Errorf("write mail: %w", err), permanent: true}
	}
	return e.deliver(ctx, msg)
}

// compose writes the mail: multipart/alternative of text and HTML, within
// multipart/related if the HTML shows the picture, or multipart/mixed if it
// does not (a configuration's own template), with the picture attached.
func (e *email) compose(ctx context.Context, m Message) (*mail.Msg, error) {
	alerts := escaped(m.Alerts, escapeNone)
	contentID := ""
	if m.Picture != nil && len(alerts) == 1 {
		contentID = "graph." + identifier(m.Key) + "@" + e.domain()
		alerts[0].Annotations["picture"] = model.LabelValue(contentID)
	}
	data := amnotify.GetTemplateData(notifyContext(ctx, e.receiver, m, escapeNone), e.tmpl, alerts, e.log)
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	if err := e.address(msg, data); err != nil {
		return nil, err
	}
	if err := e.head(msg, data, m); err != nil {
		return nil, err
	}
	text, err := e.tmpl.ExecuteTextString(e.conf.Text, data)
	if err != nil {
		return nil, fmt.Errorf("text: %w", err)
	}
	msg.SetBodyString(mail.TypeTextPlain, text)
	html := ""
	if e.conf.HTML != "" {
		if html, err = e.tmpl.ExecuteHTMLString(e.conf.HTML, data); err != nil {
			return nil, fmt.Errorf("html: %w", err)
		}
		msg.AddAlternativeString(mail.TypeTextHTML, html)
	}
	if contentID == "" {
		return msg, nil
	}
	add, options := msg.AttachReader, []mail.FileOption{mail.WithFileContentType("image/png"), mail.WithFileDescription("score and causes")}
	if strings.Contains(html, "cid:"+contentID) {
		add, options = msg.EmbedReader, append(options, mail.WithFileContentID(contentID))
	}
	if err := add("incident.png", bytes.NewReader(m.Picture), options...); err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	return msg, nil
}

// address sets whom the mail is from and to. The envelope's are the
// configuration's from and to; headers of that name may show others.
func (e *email) address(msg *mail.Msg, data *template.Data) error {
	from, err := e.addresses("from", e.conf.From, data)
	if err != nil {
		return err
	}
	if len(from) != 1 {
		return fmt.Errorf("from: want one address, got %d", len(from))
	}
	to, err := e.addresses("to", e.conf.To, data)
	if err != nil {
		return err
	}
	msg.EnvelopeFromMailAddress(from[0])
	msg.BccMailAddress(to...) // the envelope; the header is written from headers
	return nil
}

func (e *email) addresses(what, text string, data *template.Data) ([]*netmail.Address, error) {
	text, err := e.tmpl.ExecuteTextString(text, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	all, err := netmail.ParseAddressList(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}

// addressHeaders hold addresses, whose names alone may be encoded (RFC 2047,
// section 5); reservedHeaders say how the body is written, which is not for a
// configuration to say.
var (
	addressHeaders  = []string{"From", "To", "Cc", "Reply-To", "Sender"}
	reservedHeaders = []string{"Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Bcc"}
)

// maxSubject is how long a subject may be, in characters; programs show fewer.
const maxSubject = 250

// head writes the headers. No value brings a line break with it.
func (e *email) head(msg *mail.Msg, data *template.Data, m Message) error {
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(e.messageID(m))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes, please
	if root := e.thread(m); root != "" {
		msg.SetGenHeader(mail.HeaderReferences, root)
		msg.SetGenHeader(mail.HeaderInReplyTo, root)
	}
	for name, text := range e.conf.Headers {
		value, err := e.tmpl.ExecuteTextString(text, data)
		if err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		value = oneLine(value)
		if name == "Subject" {
			value, _ = amnotify.TruncateInRunes(value, maxSubject)
		}
		switch {
		case slices.Contains(reservedHeaders, name):
		case name == "Message-Id":
			msg.SetMessageIDWithValue(strings.Trim(value, "<>"))
		case slices.Contains(addressHeaders, name):
			all, err := netmail.ParseAddressList(value)
			if err != nil {
				return fmt.Errorf("header %s: %w", name, err)
			}
			if name == "From" { // else the envelope's would be written, too
				msg.FromMailAddress(all[0])
				continue
			}
			shown := make([]string, len(all))
			for i, a := range all {
				shown[i] = a.String()
			}
			msg.SetGenHeaderPreformatted(mail.Header(name), strings.Join(shown, ",\r\n "))
		default:
			msg.SetGenHeader(mail.Header(name), value)
		}
	}
	return nil
}

// messageID is the message's key: a mail that is sent twice after a crash has
// the same one, so that mail servers and programs can drop the second.
func (e *email) messageID(m Message) string {
	key := m.Key
	if len(m.Alerts) > 0 {
		if own := string(m.Alerts[0].Annotations["key"]); own != "" {
			key = own
		}
	}
	return fmt.Sprintf("%s.%d@%s", identifier(key), len(m.Alerts), e.domain())
}

// thread is the mail that this one answers, which never was sent: programs
// show all that answer it as one conversation (JWZ's algorithm). It stands for
// the incident, or for the group if a mail tells of several; with the
// configuration's own threading for what Alertmanager says.
func (e *email) thread(m Message) string {
	own := e.conf.Threading.Enabled
	if !own && (e.conf.Headers["References"] != "" || e.conf.Headers["In-Reply-To"] != "") {
		return ""
	}
	name := "group-" + amnotify.Key(m.GroupKey).Hash()[:16]
	switch {
	case own && e.conf.Threading.ThreadByDate == "daily":
		name += "-" + m.At.Format("2006-01-02")
	case !own && m.Incident != nil:
		name = "incident-" + identifier(m.Incident.ID)
	}
	return "<" + name + "@" + e.domain() + ">"
}

// domain is the right side of identifiers: the external URL's host.
func (e *email) domain() string {
	if host := identifier(e.tmpl.ExternalURL.Hostname()); host != "" {
		return host
	}
	return "omen"
}

// identifier is s with the characters that an RFC 5322 identifier takes on
// either side without quotes, and that need no escape in a URL.
func identifier(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return '.'
	}, s), ".")
}

// mailRefused is what an SMTP answer means to us: 5yz will not change (RFC
// 5321, section 4.2.1), all else may.
func mailRefused(err error) error {
	code := 0
	var answer *textproto.Error
	var sent *mail.SendError
	switch {
	case errors.As(err, &answer):
		code = answer.Code
	case errors.As(err, &sent):
		code = sent.ErrorCode()
	}
	return refusal{error: err, permanent: code/100 == 5}
}
