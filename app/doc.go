// Package app puts Omen together: it opens what is on disk, builds every part
// from one configuration file, runs the parts, swaps them when the file is read
// again, and stops them in the right order. Start at [Run].
//
// What lives as long as the process (the database, the embedded time series,
// the listener) is in process; what follows from the configuration file (manager,
// relay, watches, API) is a generation, and a reload replaces the whole of it.
//
// It refuses to decide anything: it translates the configuration's structs to
// each package's options and hands values from one part to another.
package app
