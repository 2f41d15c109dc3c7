// Package store is Omen's one database: the journal of changes and the
// incidents that it adds up to, readers' cursors, models, deliveries,
// silences, windows, feedback, settings and the audit. Start at [DB].
//
// What a method has returned nil for survives kill -9 and a power cut: every
// write is one SQLite transaction with synchronous=FULL. A reader of the
// journal keeps its own durable cursor, sees every change in order and at
// least once, under the stable name [omen.Change.Key].
//
// It refuses to decide anything: it neither opens nor closes an incident,
// never looks inside a model, and never repairs or replaces a damaged database
// by itself, since that could lose an incident that somebody was promised.
package store
