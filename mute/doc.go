// Package mute says what keeps Omen quiet, and when: silences, maintenance
// windows with their recurrence, iCalendar files, and the grace after an event.
// All of them choose incidents by [Matcher]s, whose one text form
// [ParseMatcher] reads. [Rules] hold what is in force; their compiled form, a
// [Set], gives the reason for which an incident is suppressed.
//
// It is pure: instants come in, nothing is stored, no clock and no file is
// read. It does not know why people find an incident unimportant (package
// feedback does) and never decides whether an incident is recorded: it only
// says of whom nobody is notified, and which times a training leaves out.
package mute
