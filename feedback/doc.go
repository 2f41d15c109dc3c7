// Package feedback says what follows from what people did, or did not do, about
// incidents: a verdict becomes a [Pattern], which suppresses what is like the
// judged incident or lowers the limit for it; what recurs and nobody acts on is
// expected or learned; and of each incident it is known whether people were
// notified, whether anybody acted on it, and whether a model is to learn its time.
// Start at [Pattern] and [Past].
//
// It refuses to look anything up, to keep anything and to read the clock: who
// asks hands over what was found.
package feedback
