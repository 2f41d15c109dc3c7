package incident

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
)

// dated has a round with a certificate of web-1, and of other hosts the same one.
func (c *clockwork) dated(after time.Duration, expires time.Time, hosts ...string) (steps []string) {
	c.now = c.now.Add(after)
	round := omen.Outlooks{Source: "prod", Profile: "node", At: c.now}
	for _, host := range append([]string{"web-1"}, hosts...) {
		round.Of = append(round.Of, omen.Outlook{
			Resource: omen.Resource{Host: hostNamed(host), Name: "certificate"}, Title: "certificate", Unit: omen.Seconds,
			Forecast: omen.Expiry(expires, c.now, omen.Notice{Warning: 14 * 24 * time.Hour, Critical: 3 * 24 * time.Hour}),
		})
	}
	changes := c.Foresee(round)
	c.all = append(c.all, changes...)
	for _, ch := range changes {
		step := strings.TrimSpace(string(ch.Kind) + " " + ch.Reason + " " + string(ch.Incident.Severity) + " " + ch.Incident.Suppressed)
		steps = append(steps, step+": "+ch.Incident.Summary)
	}
	return steps
}

const day = 24 * time.Hour

// A certificate is said two weeks before it expires, again three days before, and
// when it has; that it is renewed is no false forecast.
func TestADateExpires(t *testing.T) {
	c, expires := newClockwork(), noon.Add(20*day)
	same(t, "20 days before", c.dated(0, expires))
	same(t, "14 days before", c.dated(6*day, expires), "opened opened_forecast warning: certificate on web-1 expires in 14 d ("+expires.Format("2 Jan 15:04")+")")
	same(t, "a minute later", c.dated(time.Minute, expires))
	same(t, "3 days before", c.dated(11*day, expires), "escalated escalated_severity critical: certificate on web-1 expires in 3 d ("+expires.Format("2 Jan 15:04")+")")
	same(t, "expired", c.dated(3*day, expires), "escalated escalated_came_true critical: certificate on web-1 has expired ("+expires.Format("2 Jan 15:04")+")")
	same(t, "and an hour later", c.dated(time.Hour, expires))
	same(t, "renewed", c.dated(time.Minute, expires.Add(90*day)))
	if got := c.dated(11*time.Minute, expires.Add(90*day)); len(got) != 1 || !strings.HasPrefix(got[0], "closed closed_came_true critical") {
		t.Errorf("renewed for ten minutes: %q", got)
	}

	c = newClockwork()
	c.dated(0, noon.Add(9*day))
	if got := c.dated(time.Hour, noon.Add(99*day)); len(got) != 1 || !strings.HasPrefix(got[0], "closed closed_recovered warning") {
		t.Errorf("renewed in time: %q", got)
	}
	if c.outcomes[Outcome{"certificate", "averted"}] != 1 || len(c.outcomes) != 1 {
		t.Errorf("outcomes %v", c.outcomes)
	}
}

// One that had expired before Omen saw it is trouble, too; one certificate on
// many hosts is one.
func TestADateThatHasPassed(t *testing.T) {
	c := newClockwork()
	got := c.dated(0, noon.Add(-day), "web-2", "web-3")
	loud := 0
	for _, step := range got {
		if !strings.Contains(step, omen.ReasonSamePool) {
			loud++
		}
	}
	if len(got) != 3 || loud != 1 || !strings.HasPrefix(got[0], "opened opened_forecast critical: certificate on web-1 has expired") {
		t.Errorf("%q", got)
	}
}

// What somebody called no problem is none until it expires, or is another date,
// also after a restart.
func TestADateThatIsNoProblem(t *testing.T) {
	c, expires := newClockwork(), noon.Add(9*day)
	c.dated(0, expires)
	judge := func(v omen.Verdict) {
		t.Helper()
		for id := range c.open {
			in, _ := c.Incident(id)
			c.Commit(must.Get(c.Prepare(in, Command{Incident: id, Action: Judge, Verdict: v, By: "ann"}, c.now))(t))
		}
	}
	judge(omen.NotAProblem)
	if got := c.dated(time.Minute, expires); len(got) != 1 || !strings.HasPrefix(got[0], "suppressed opened_rejected_pattern") {
		t.Errorf("%q", got)
	}
	var memory Memory
	must.OK(t, json.Unmarshal(must.Get(json.Marshal(c.Memory()))(t), &memory))
	again := newClockwork()
	again.now = c.now
	again.Recall(memory)
	if got := again.dated(time.Minute, expires); len(got) != 1 || !strings.Contains(got[0], omen.ReasonFeedback) {
		t.Errorf("after a restart: %q", got)
	}
	c.dated(8*day, expires) // critical, and still no problem
	if got := c.dated(2*day, expires); len(got) != 2 || !strings.HasPrefix(got[1], "escalated escalated_lifted critical") {
		t.Errorf("expired: %q", got)
	}
	judge(omen.Expected)
	c.dated(time.Minute, expires)
	same(t, "nor that it has expired", c.dated(day, expires))
	if got := c.dated(time.Minute, c.now.Add(5*day)); len(got) == 0 || !strings.Contains(got[len(got)-1], "escalated_lifted") {
		t.Errorf("another date: %q", got)
	}
}
