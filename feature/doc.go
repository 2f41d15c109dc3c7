// Package feature says which numbers describe a host, and turns what a source
// answered into clean vectors of them.
//
// The key type is [Schema]: an ordered, checked and hashed list of features
// made from a [Profile]. A profile is a named list of features, each a PromQL
// expression or a rule that derives it from others, with unit, physical range,
// the direction that matters and the smallest deviation worth waking somebody
// for. [Node] is the built-in one for Linux hosts.
//
// It refuses to guess: a value that is missing, infinite or physically
// impossible becomes a gap (NaN) and stays one, it is never filled in. It does
// not read sources and knows nothing of models.
package feature
