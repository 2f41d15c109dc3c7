// Package api is Omen's HTTP side: the versioned API under /api/v1/omen, the
// prediction endpoint, /metrics, health and reload. Start at [API] and [Runtime]; a
// [Client] asks it.
//
// What goes over the wire are this package's own structs (wire.go), which the
// command line reads too: a field that moves in package omen does not move in
// the API. Every route is declared once, in routes.go, with its parameters and
// the types that it takes and gives; the mux and the OpenAPI document are both
// made from that table, and the web UI's types from the document (openapi.json).
//
// It refuses to decide anything of detection or of incidents: it asks the
// running Omen that package app hands it ([Runtime]), the store, and the incident
// manager. It keeps no state of its own but the last few minutes of scores, for
// sparklines and event streams.
package api
