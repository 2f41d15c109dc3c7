package message

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	omen "github.com/omenhq/omen"
)

// Sender hands a message to one channel. Send returns nil once the channel has
// taken it; other errors are plain (trying again later may help) or carry a
// [Refusal]. It ends with ctx, however the channel behaves, and may be called
// by several goroutines. Package messagetest has the tests of a Sender.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Message is one notification: some alerts of one group.
type Message struct {
	Key      string // stable: the same message has the same key however often it is sent
	GroupKey string // the conversation that it belongs to, for channels that keep one
	Group    model.LabelSet
	Alerts   []*alert.Alert // at least one
	Reason   amnotify.NotifyReason
	Incident *omen.Incident // the only incident that the message is about; nil if there are more or none
	Chart    []byte         // a PNG for channels that show one; nil: none
	ChartURL string         // where channels may fetch the chart; empty: nowhere
	Replies  []Reply        // the buttons of a message about one incident; nil: none
	Waiting  []omen.Action  // what waits for approval on that incident; the alert says what each of them does
	At       time.Time
}

// Reply is a button: one verdict that the reader may give, or one decision on an
// action.
type Reply struct {
	Label string // what it says
	Token string // what a chat sends back when it is pressed
	Link  string // the page that takes the verdict; empty: no link does what the button does
}

// Press is a button pressed in a chat.
type Press struct {
	ID      string // what the chat calls the press
	Token   string
	Account int64  // who pressed it, by the number that the chat's server has proven; 0: it did not say
	Name    string // what that account calls itself: anybody may take any name
	Known   bool   // in a chat that is notified
	Message Shown  // below which it was pressed
}

// By is how a verdict names who pressed.
func (p Press) By() string { return p.Name + " (Telegram)" }

// Shown is a message as a chat shows it.
type Shown struct {
	Chat, ID int64
	Text     string           // empty: it is not known any more
	Marks    []map[string]any // the text's markup, as the chat writes it
	Picture  bool             // the text is below a picture
	Buttons  []Reply          // labels and tokens
}

// Renderer writes messages with the templates of one receiver.
type Renderer struct {
	Templates *template.Template
	Receiver  string
	Log       *slog.Logger
}

// Data is what templates see of a message, with every value made harmless by
// escape; nil leaves values as they are.
func (r Renderer) Data(ctx context.Context, m Message, escape Escape) *template.Data {
	return amnotify.GetTemplateData(Context(ctx, r.Receiver, m, escape), r.Templates, Escaped(m.Alerts, escape), r.Log)
}

// Context is what Alertmanager's notifiers expect to find in a context.
func Context(ctx context.Context, receiver string, m Message, escape Escape) context.Context {
	ctx = amnotify.WithReceiverName(ctx, receiver)
	ctx = amnotify.WithGroupKey(ctx, m.GroupKey)
	ctx = amnotify.WithGroupLabels(ctx, escapedSet(m.Group, escape))
	ctx = amnotify.WithNow(ctx, m.At)
	return amnotify.WithNotificationReason(ctx, m.Reason)
}
