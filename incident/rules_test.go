package incident

import "testing"

func TestRoleOfAHost(t *testing.T) {
	for _, c := range []struct {
		labels      map[string]string
		label, want string
	}{
		{map[string]string{"role": "db", "job": "node"}, "", "db"},
		{map[string]string{"job": "node"}, "", "node"},
		{map[string]string{"job": "node", "team": "shop"}, "team", "shop"},
		{map[string]string{"job": "node"}, "team", ""},
		{nil, "", ""},
	} {
		if got := roleOf(c.labels, c.label); got != c.want {
			t.Errorf("role of %v by %q is %q, want %q", c.labels, c.label, got, c.want)
		}
	}
}
