package config

import (
	"strings"
	"testing"
)

const goodPlaybook = `remedy:
  mode: approve
  approvers: {users: [ann], telegram: [12345]}
  playbooks:
    - name: restart-leaking-shop
      match: ['profile="workload"']
      mode: approve
      do: {rollout_restart: {}}
`

func TestRemedyIsOffUnlessItIsSaid(t *testing.T) {
	if r := mustParse(t, "").Remedy; r.Mode != "" || len(r.Playbooks) != 0 {
		t.Errorf("%+v", r)
	}
	c := mustParse(t, goodPlaybook)
	if name, with := c.Remedy.Playbooks[0].Do.Step(); name != "rollout_restart" || with == nil {
		t.Errorf("does %q %v", name, with)
	}
	if text := c.String(); !strings.Contains(text, "rollout_restart: {}") {
		t.Errorf("it is not printed: %s", text)
	}
	again := mustParse(t, c.String())
	if name, _ := again.Remedy.Playbooks[0].Do.Step(); name != "rollout_restart" {
		t.Error("what is printed does not read the same")
	}
}

// What a webhook of a playbook is asked with is printed without its secrets.
func TestSecretsOfPlaybooksAreNotPrinted(t *testing.T) {
	text := mustParse(t, `remedy:
  playbooks:
    - name: ask
      match: ['profile="node"']
      do:
        webhook:
          url: 'http://ann:hunter2@awx/x?wait=true&token=hunter2&host={host}'
          undo_url: 'http://awx/undo?api_key=hunter2'
          body: {api_key: hunter2, deep: [{password: hunter2}], host: '{host}'}
`).String()
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret is printed:\n%s", text)
	}
	for _, want := range []string{"http://ann:<secret>@awx/x?wait=true&token=<secret>&host=", "http://awx/undo?api_key=<secret>", "host: '{host}'"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not printed:\n%s", want, text)
		}
	}
}

func TestBadRemedies(t *testing.T) {
	with := func(old, replacement string) string { return strings.Replace(goodPlaybook, old, replacement, 1) }
	for _, c := range []struct{ text, want string }{
		{with("mode: approve\n  app", "mode: aprove\n  app"), `2:9: remedy.mode: "aprove" is not known: did you mean "approve"?`},
		{with("approvers: {users: [ann], telegram: [12345]}", "budget: {fleet_per_hour: 3}"), `remedy.playbooks[0].mode: it needs somebody who may approve, undo and resolve: name them in remedy.approvers, or write suggest`},
		{strings.ReplaceAll(with("approvers: {users: [ann], telegram: [12345]}", "budget: {fleet_per_hour: 3}"), "approve", "automatic"), `remedy.playbooks[0].mode: it needs somebody who may approve, undo and resolve`},
		{with("users: [ann]", "users: [ann, omen]"), `remedy.approvers.users[1]: omen is what Omen itself is called`},
		{with("{rollout_restart: {}}", "{webhook: {url: 'http://x/', status: {url: 'http://x/', every: 1ms}}}"), `remedy.playbooks[0].do.webhook.status.every: 1ms is too often`},
		{with("12345", "-7"), `remedy.approvers.telegram[0]: -7 is no user ID`},
		{with("do: {rollout_restart: {}}", "do: {}"), `remedy.playbooks[0].do: is missing: write exactly one`},
		{with("{rollout_restart: {}}", "{rollout_restart: {}, cordon: {}}"), `remedy.playbooks[0].do: has cordon and rollout_restart: write exactly one`},
		{with("{rollout_restart: {}}", "{rollout_restrt: {}}"), `remedy.playbooks[0].do.rollout_restrt: unknown key: did you mean "rollout_restart"?`},
		{with("mode: approve\n      do", "limits: {per_day: 0}\n      do"), `remedy.playbooks[0].limits.per_day: 0 is no limit: write at least 1, or leave it out for 10`},
		{with("mode: approve\n      do", "limits: {cooldown: 0s}\n      do"), `remedy.playbooks[0].limits.cooldown: 0s would be no cool-down at all`},
		{with("mode: approve\n      do", "limits: {min_healthy: 0}\n      do"), `remedy.playbooks[0].limits.min_healthy: 0 is no limit`},
		{with("mode: approve\n  app", "budget: {fleet_per_hour: 0}\n  app"), `remedy.budget.fleet_per_hour: 0 is no limit: write at least 1, or leave it out for 5`},
		{with("match: ['profile=\"workload\"']", "match: []"), `remedy.playbooks[0].match: is missing`},
		{with("mode: approve\n      do", "approve_within: 3h\n      do"), `remedy.playbooks[0].approve_within: 3h is too long: write at most 2h`},
		{with("mode: approve\n      do", "holdout: 0.9\n      do"), `remedy.playbooks[0].holdout: 0.9 is no share from 0 to 0.5`},
		{with("mode: approve\n      do", "kinds: [fleet]\n      do"), `remedy.playbooks[0].kinds[0]: "fleet" is not acted on: write host or forecast`},
		{with("mode: approve\n      do", "min_severity: bad\n      do"), `remedy.playbooks[0].min_severity: "bad" is no severity`},
		{with("{rollout_restart: {}}", "{webhook: {url: 'http://awx', secret: a, secret_file: b}}"), `remedy.playbooks[0].do.webhook.secret: is given beside secret_file`},
		{with("mode: approve\n  app", "kubernetes: {context: x}\n  app"), `remedy.kubernetes.kubeconfig_file: is missing`},
	} {
		if _, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngives %v\nwant %s", c.text, err, c.want)
		}
	}
}
