package notify

import (
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
)

// Two messages that no incident stands behind are two, also of one second, which comes
// again where the clock was set back: who receives them drops what has a key that it knows.
func TestMessagesOfOneSecondAreTwo(t *testing.T) {
	r := must.Get(NewRelay(Options{Settings: load(t, "receivers: [{name: r, webhook_configs: [{url: 'http://127.0.0.1:1'}]}]\n")}))(t)
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	first, again := r.ownMessage(alertWatchdog, "alive", "", now, now), r.ownMessage(alertWatchdog, "alive", "", now, now)
	if first.Key == again.Key || first.GroupKey != again.GroupKey {
		t.Errorf("keys %q and %q, groups %q and %q", first.Key, again.Key, first.GroupKey, again.GroupKey)
	}
	if key := string(first.Alerts[0].Annotations["key"]); key != first.Key {
		t.Errorf("the alert's key is %q, the message's %q", key, first.Key)
	}
}
