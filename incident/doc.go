// Package incident turns scores into incidents that people can live with. Its
// key types are [Tracker], a pure state machine that says when an incident
// opens, escalates and closes and why, be it of scores or of forecasts, and [Manager], the one goroutine that owns
// it, makes every change durable and carries out what operators ask.
//
// It refuses to read the clock in the tracker (instants come in with the
// scores), to notify anybody (readers of the store's journal do, and
// only what is durable), and to judge a host that sends nothing: silence
// neither opens nor closes an incident.
package incident
