//go:build e2e

package test

import (
	"fmt"
	"testing"
	"time"
)

// Pages under people's hands, with hosts that really fall ill while somebody points
// at them: lists hold still and say what waits, a page is paused, charts have sizes, a
// person is asked once, a heat map shows a chosen time, and many hosts with one
// trouble say what they have in common.
func TestPagesHoldStill(t *testing.T) {
	browser(t)
	omenBinary(t)
	t.Parallel()
	const hosts = 48
	f := newFleet(t, hosts)
	o := f.serve(t, "step: 5s, window: 15s, history: 3h")
	until(t, 5*time.Minute, "all hosts have a score", func() error {
		var page struct {
			Hosts []hostRow `json:"hosts"`
		}
		if err := getJSON(o.url+"/api/v1/omen/hosts?state=normal&limit=100", &page); err != nil {
			return err
		}
		if len(page.Hosts) < hosts {
			return fmt.Errorf("%d hosts are normal", len(page.Hosts))
		}
		return nil
	})
	drive(t, o.url, "e2e/held.mjs", "OMEN_FLEET="+f.URL)
}
