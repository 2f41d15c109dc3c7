// Package alertmanager is what Omen has of Alertmanager's: a [Client] that keeps
// real Alertmanagers informed of what is open, and a [Notifier] that sends
// through one of Alertmanager's own notifiers, as the compiled-in library has
// them. It reads no journal (the dispatcher hands changes over) and chooses no
// receiver.
package alertmanager
