// Package message is what an integration of package notify and its dispatcher
// say to each other: a [Message] goes to a [Sender], which returns nil or an
// error that says whether, and when, sending it again may help. It also has
// what every integration needs to write a message: how an incident looks as an
// alert ([View]), templates, escaping and charts.
//
// It decides nothing about who is notified of what and when (package notify
// does), keeps no state, and knows no channel.
package message
