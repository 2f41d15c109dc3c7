//go:build e2e

// Package test holds the whole-program tests: bin/omen as it is shipped, with
// real Prometheus, VictoriaMetrics, Alertmanager, node_exporter, stress-ng,
// systemd and a browser. `make e2e` runs them. Start at TestThisHost.
//
// They refuse to look inside: what they know of Omen is its command line, its
// HTTP API, its messages and its files. Nothing here waits for a fixed time;
// [until] polls for a condition and says what it waited for when time is up.
package test
