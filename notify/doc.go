// Package notify notifies people and machines of incidents. Its key type is
// [Relay]: it reads the journal and delivers what is worth a notification to
// the receivers of the configuration, which is written in Alertmanager's own
// format, and to real Alertmanagers.
//
// # How it works
//
// Every integration of a receiver (one entry of its webhook_configs and so on)
// is a channel with a worker: a goroutine with its own durable cursor in the
// journal. What it has to deliver is a queue, a pure state machine into which
// changes and instants go and out of which messages come; how a message is sent
// is a [message.Sender], and each integration is a package below this one. A
// channel that is slow, refuses or hangs holds back nobody but itself, and the
// journal is its backlog.
//
// # What it promises
//
// At least once, with a stable key: a change is done with when its delivery is
// on record, and only then. A crash between the two doubles one message per
// channel at most, under the same key. A receiver that was notified of an
// incident is also notified of its end.
//
// # What it refuses to do
//
// It decides nothing about incidents: whether one is open, severe or
// suppressed is what the journal says. It never drops a change silently (what
// is not delivered is recorded as given up or skipped, and why), and never
// sends the values of labels unescaped into a channel that reads markup.
package notify
