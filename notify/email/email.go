// Package email sends mails, configured as Alertmanager's email_configs. Its key
// type is [Sender]. It speaks to one smarthost and keeps no queue: what is not
// taken is an error. A recipient whom the server refuses keeps the mail from
// nobody else.
package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"
	"github.com/wneessen/go-mail"

	"github.com/omenhq/omen/notify/message"
)

// Sender is one entry of email_configs. Alertmanager's own notifier takes no
// chart, and reads from a server without a deadline.
type Sender struct {
	conf       *amconfig.EmailConfig
	render     message.Renderer
	recipients *recipients
}

// Options are what a [Sender] needs to say that a recipient is refused.
type Options struct {
	Name     string           // the channel's, such as oncall/email
	Troubles message.Troubles // nil: nobody hears of it
}

// New completes the configuration: a text part beside the HTML part, and the
// headers that Alertmanager would write.
func New(c *amconfig.EmailConfig, r message.Renderer, o Options) (*Sender, error) {
	headers := map[string]string{"Subject": amconfig.DefaultEmailSubject, "To": c.To, "From": c.From}
	for name, text := range c.Headers {
		headers[textproto.CanonicalMIMEHeaderKey(name)] = text
	}
	c.Headers = headers
	if c.Text == "" {
		c.Text = `{{ template "email.default.text" . }}`
	}
	s := &Sender{c, r, newRecipients(o)}
	if _, err := s.tlsConfig(); err != nil {
		return nil, err
	}
	return s, nil
}

// Send implements [message.Sender].
func (s *Sender) Send(ctx context.Context, m message.Message) error {
	msg, err := s.compose(ctx, m)
	if err != nil {
		return message.Refuse("write mail: %w", err)
	}
	return s.deliver(ctx, m.Key, msg, m.At)
}

// compose writes the mail: multipart/alternative of text and HTML, within
// multipart/related if the HTML shows the chart, or multipart/mixed if it
// does not (a configuration's own template), with the chart attached.
func (s *Sender) compose(ctx context.Context, m message.Message) (*mail.Msg, error) {
	m.Alerts = message.Escaped(m.Alerts, message.Plain) // copies, which may be annotated
	contentID := ""
	if m.Chart != nil && len(m.Alerts) == 1 {
		contentID = "graph." + message.Identifier(m.Key) + "@" + s.domain()
		m.Alerts[0].Annotations["picture"] = model.LabelValue(contentID)
	}
	data := s.render.Data(ctx, m, message.Plain)
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	if err := s.address(msg, data); err != nil {
		return nil, err
	}
	if err := s.head(msg, data, m); err != nil {
		return nil, err
	}
	text, err := s.render.Templates.ExecuteTextString(s.conf.Text, data)
	if err != nil {
		return nil, fmt.Errorf("text: %w", err)
	}
	msg.SetBodyString(mail.TypeTextPlain, text)
	html := ""
	if s.conf.HTML != "" {
		if html, err = s.render.Templates.ExecuteHTMLString(s.conf.HTML, data); err != nil {
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
	if err := add("incident.png", bytes.NewReader(m.Chart), options...); err != nil {
		return nil, fmt.Errorf("chart: %w", err)
	}
	return msg, nil
}

// address sets whom the mail is from and to. The envelope's are the
// configuration's from and to; headers of that name may show others.
func (s *Sender) address(msg *mail.Msg, data *template.Data) error {
	from, err := s.addresses("from", s.conf.From, data)
	if err != nil {
		return err
	}
	if len(from) != 1 {
		return fmt.Errorf("from: want one address, got %d", len(from))
	}
	to, err := s.addresses("to", s.conf.To, data)
	if err != nil {
		return err
	}
	msg.EnvelopeFromMailAddress(from[0])
	msg.BccMailAddress(to...) // the envelope; the header is written from headers
	return nil
}

func (s *Sender) addresses(what, text string, data *template.Data) ([]*netmail.Address, error) {
	text, err := s.render.Templates.ExecuteTextString(text, data)
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
func (s *Sender) head(msg *mail.Msg, data *template.Data, m message.Message) error {
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(s.messageID(m))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes, please
	if root := s.thread(m); root != "" {
		msg.SetGenHeader(mail.HeaderReferences, root)
		msg.SetGenHeader(mail.HeaderInReplyTo, root)
	}
	for name, text := range s.conf.Headers {
		value, err := s.render.Templates.ExecuteTextString(text, data)
		if err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
		value = message.OneLine(value)
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
func (s *Sender) messageID(m message.Message) string {
	key := m.Key
	if len(m.Alerts) > 0 {
		if own := string(m.Alerts[0].Annotations["key"]); own != "" {
			key = own
		}
	}
	return fmt.Sprintf("%s.%d@%s", message.Identifier(key), len(m.Alerts), s.domain())
}

// thread is the mail that this one answers, which never was sent: programs
// show all that answer it as one conversation (JWZ's algorithm). It stands for
// the incident, or for the group if a mail is about several; with the
// configuration's own threading for what Alertmanager says.
func (s *Sender) thread(m message.Message) string {
	own := s.conf.Threading.Enabled
	if !own && (s.conf.Headers["References"] != "" || s.conf.Headers["In-Reply-To"] != "") {
		return ""
	}
	name := "group-" + amnotify.Key(m.GroupKey).Hash()[:16]
	switch {
	case own && s.conf.Threading.ThreadByDate == "daily":
		name += "-" + m.At.Format("2006-01-02")
	case !own && m.Incident != nil:
		name = "incident-" + message.Identifier(m.Incident.ID)
	}
	return "<" + name + "@" + s.domain() + ">"
}

// domain is the right side of identifiers: the external URL's host.
func (s *Sender) domain() string {
	if host := message.Identifier(s.render.Templates.ExternalURL.Hostname()); host != "" {
		return host
	}
	return "omen"
}

// judge is what an SMTP answer means to us.
func judge(err error) error { return message.Refusal{Err: err, Permanent: permanent(err)} }

// permanent reports whether trying again is pointless: 5yz will not change (RFC
// 5321, section 4.2.1), all else may. Of several answers the first counts.
func permanent(err error) bool {
	var answer *textproto.Error
	return errors.As(err, &answer) && answer.Code/100 == 5
}
