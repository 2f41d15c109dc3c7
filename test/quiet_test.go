//go:build e2e

package test

import "testing"

// What suppresses notifications is on one page, with one calendar; the pages of
// before still have their addresses.
func TestQuietPage(t *testing.T) {
	t.Parallel()
	drive(t, serve(t, t.TempDir()).url, "e2e/quiet.mjs")
}
