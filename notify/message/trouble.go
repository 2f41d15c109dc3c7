package message

import (
	"context"
	"time"

	amnotify "github.com/prometheus/alertmanager/notify"

	omen "github.com/omenhq/omen"
)

// Troubles is where trouble of Omen's own is reported, so that the receivers
// that work hear of one that does not. It keeps one incident for each key from
// the first report until the key is resolved; both may be said again and again.
// An incident.Manager is one.
type Troubles interface {
	Report(ctx context.Context, key string, severity omen.Severity, summary string) error
	Resolve(ctx context.Context, key string) error
}

// TroubleKey is the key of what is the matter with a channel.
func TroubleKey(channel string) string { return "receiver/" + channel }

// ChatKey is the key of what a person has to change in a channel's
// configuration, although messages arrive.
func ChatKey(channel string) string { return TroubleKey(channel) + "/chat" }

// RecipientKey is the key of those of a channel's recipients who are refused,
// although others get its messages.
func RecipientKey(channel string) string { return TroubleKey(channel) + "/recipient" }

// TemplateKey is the key of a channel's template that cannot be rendered.
func TemplateKey(channel string) string { return TroubleKey(channel) + "/template" }

// ButtonsKey is the key of buttons in a chat that nobody hears being pressed,
// although messages arrive.
func ButtonsKey(channel string) string { return TroubleKey(channel) + "/buttons" }

const (
	// FailingAfter is how long a channel may refuse or not answer before that is
	// Omen's own trouble, although the message may still arrive.
	FailingAfter = time.Minute
	// sayWithin bounds how long a channel's worker waits to have a trouble
	// recorded; it tries again.
	sayWithin = 5 * time.Second
	// SayAgain is when it tries again.
	SayAgain = 10 * time.Second
	// maxTrouble bounds a summary, in characters.
	maxTrouble = 300
)

// Trouble is one key's trouble as its one owner knows it. It remembers what is
// to be said until that is said. The zero value and one without Troubles say
// nothing.
type Trouble struct {
	To  Troubles
	Key string

	severity omen.Severity
	summary  string // empty: there is none
	unsaid   bool
	resolved bool // whatever was reported before this process was resolved
}

// Is says that there is a trouble.
func (t *Trouble) Is(severity omen.Severity, summary string) {
	summary, _ = amnotify.TruncateInRunes(OneLine(summary), maxTrouble)
	t.unsaid = t.unsaid || severity != t.severity || summary != t.summary
	t.severity, t.summary = severity, summary
}

// Over says that there is none.
func (t *Trouble) Over() {
	t.unsaid = t.unsaid || t.summary != "" || !t.resolved
	t.severity, t.summary = "", ""
}

// Say has what is unsaid recorded; an error means that it is to be tried again.
func (t *Trouble) Say(ctx context.Context) error {
	if t.To == nil || !t.unsaid {
		return nil
	}
	ctx, cancel := WithTimeout(ctx, sayWithin)
	defer cancel()
	var err error
	if t.summary == "" {
		err = t.To.Resolve(ctx, t.Key)
	} else {
		err = t.To.Report(ctx, t.Key, t.severity, t.summary)
	}
	if err == nil {
		t.unsaid, t.resolved = false, t.summary == ""
	}
	return err
}
