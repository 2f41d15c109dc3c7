// Package notify tells people and machines of incidents. Its key type is
// [Relay]: it reads the journal and delivers what is worth telling to the
// receivers of the configuration, which is written in Alertmanager's own
// format, and to real Alertmanagers.
//
// # How it works
//
// Every integration of a receiver (one entry of its webhook_configs and so on)
// is a lane: a goroutine with its own durable cursor in the journal. What a
// lane knows is a book, a pure state machine into which changes and instants
// go and out of which messages come; how a message is sent is a [Sender]. A
// lane that is slow, refused or hanging holds back nobody but itself, and the
// journal is its queue.
//
// # What it promises
//
// At least once, with a stable key: a change is done with when its delivery is
// on record, and only then. A crash between the two doubles one message per
// lane at most, under the same key. An incident that its receiver was told of
// is also told to be over.
//
// # What it refuses to do
//
// It decides nothing about incidents: whether one is open, severe or
// suppressed is what the journal says. It never reads the journal for more
// than one lane at once, never drops a change silently (what is not delivered
// is recorded as given up or skipped, and why), and never sends the values of
// labels unescaped into a channel that reads markup.
package notify
