package incident

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	omen "github.com/omenhq/omen"
)

// Action is what an operator asks of an incident.
type Action string

// The actions of operators.
const (
	Acknowledge Action = "ack"
	Release     Action = "unack"
	Assign      Action = "assign"
	Comment     Action = "comment"
	Link        Action = "link"
	CloseNow    Action = "close"
	Judge       Action = "verdict"

	// Act is what the remedy loop asks: nobody else can.
	Act Action = "act"
	// Blame is what those ask who look at the pods of a node: nobody else can.
	Blame Action = "blame"
)

// Command is one request of an operator, for [Manager.Do].
type Command struct {
	Incident string
	Action   Action
	By       string       // required
	Comment  string       // free text; of Comment required
	Assignee string       // of Assign; empty: nobody
	Link     string       // of Link: an http or https URL
	Verdict  omen.Verdict // of Judge; empty takes the verdict back
	Role     bool         // of Judge: the pattern holds on every host of the same role
	NoEffect bool         // of Judge: record the verdict only, remember no pattern
	Force    bool         // of Judge: even if confirmed incidents would have been missed

	Do   *omen.Action     // of Act: the action as it is after its step
	From omen.ActionState // of Act: the state before; empty: it is new

	Found *omen.Blame // of Blame
}

// maxText bounds an operator's text; the journal carries it with each change.
const maxText = 8 << 10

// Validate reports what is missing or too long, as omen.ErrInvalid.
func (c Command) Validate() error {
	bad := func(what string) error {
		return fmt.Errorf("%s incident %s: %s: %w", c.Action, c.Incident, what, omen.ErrInvalid)
	}
	switch {
	case c.By == "":
		return bad("no author")
	case len(c.Comment)+len(c.Link)+len(c.Assignee)+len(c.By) > maxText:
		return bad(fmt.Sprintf("text is longer than %d bytes", maxText))
	case strings.ContainsFunc(c.By+c.Assignee, unicode.IsControl):
		return bad("a name has a line break or another control character in it")
	}
	switch c.Action {
	case Acknowledge, Release, Assign, CloseNow:
	case Comment:
		if strings.TrimSpace(c.Comment) == "" {
			return bad("the comment is empty")
		}
	case Link:
		u, err := url.Parse(c.Link)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return bad("the link is no http or https URL")
		}
	case Judge:
		if !slices.Contains([]omen.Verdict{omen.NoVerdict, omen.Real, omen.NotAProblem, omen.Expected}, c.Verdict) {
			return bad(fmt.Sprintf("verdict %q, want real, not_a_problem, expected_at_this_time or nothing", c.Verdict))
		}
	case Act:
		if c.Do == nil || c.Do.Incident != c.Incident {
			return bad("no action of this incident")
		}
	case Blame:
		if c.Found == nil {
			return bad("nothing was found")
		}
	default:
		return bad("no such action")
	}
	return nil
}

// apply carries a command out on an incident and returns the change that
// records it. What the incident's state does not allow is omen.ErrConflict.
func (c Command) apply(in *omen.Incident, at time.Time) (omen.Change, error) {
	if err := c.Validate(); err != nil {
		return omen.Change{}, err
	}
	clash := func(what string) error {
		return fmt.Errorf("%s incident %s: %s: %w", c.Action, c.Incident, what, omen.ErrConflict)
	}
	change := omen.Change{At: at.UTC(), By: c.By, Comment: c.Comment}
	closed := in.State == omen.Closed
	switch c.Action {
	case Acknowledge:
		if in.State != omen.Open {
			return change, clash("it is " + string(in.State) + byWhom(in.AckedBy))
		}
		change.Kind, in.State, in.AckedBy = omen.ChangeAcknowledged, omen.Acknowledged, c.By
	case Release:
		if in.State != omen.Acknowledged {
			return change, clash("it is " + string(in.State))
		}
		change.Kind, in.State, in.AckedBy = omen.ChangeUpdated, omen.Open, ""
	case Assign:
		change.Kind, in.Assignee = omen.ChangeAssigned, c.Assignee
	case Comment:
		change.Kind = omen.ChangeCommented
	case Link:
		if slices.Contains(in.Links, c.Link) {
			return change, clash("it has that link")
		}
		change.Kind, in.Links, change.Comment = omen.ChangeCommented, append(in.Links, c.Link), c.Link
	case CloseNow:
		if closed {
			return change, clash("it is closed")
		}
		change.Kind, change.Reason = omen.ChangeClosed, omen.ReasonByOperator
		in.State, in.ClosedAt, in.Reason = omen.Closed, at.UTC(), omen.ReasonByOperator
	case Judge:
		if in.Verdict == c.Verdict {
			return change, clash("that is its verdict")
		}
		change.Kind, in.Verdict, in.VerdictBy = omen.ChangeJudged, c.Verdict, c.By
		if c.Verdict == omen.NoVerdict {
			in.VerdictBy = ""
		}
	}
	switch c.Action {
	case Judge: // says what it is, and may be taken back
	case Blame:
		if closed {
			return change, clash("it is closed")
		}
		found := *c.Found
		change.Kind, change.Reason, change.Comment = omen.ChangeUpdated, omen.ReasonBlame, found.Text()
		in.Blame = &found
	case Act:
		do := *c.Do
		change.Kind, change.Reason, change.Action, change.Comment = omen.ChangeActed, omen.ReasonAction+string(do.State), &do, do.Why
		in.Remedy = cmp.Or(do.Text(), in.Remedy)
		if do.State == omen.ActionStarted { // as if by a person: what needed it is not normal
			in.Actions++
			by := do.By
			if !do.ByPerson() {
				by = "playbook " + do.Playbook
			}
			in.ActedBy = cmp.Or(in.ActedBy, by)
		}
	default:
		in.ActedBy = cmp.Or(in.ActedBy, c.By)
	}
	in.ChangeNumber++
	in.UpdatedAt = at.UTC()
	change.Incident = in.Clone()
	return change, nil
}

func byWhom(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

// Incident is an open incident as it is this moment.
func (t *Tracker) Incident(id string) (omen.Incident, bool) {
	in, ok := t.open[id]
	if !ok {
		return omen.Incident{}, false
	}
	return in.Clone(), true
}

// Prepare works out what a command does to an incident, without doing it:
// first to the incident itself, then to the members of a fleet that closes.
// in is the incident as the journal has it; an open one is known better here.
func (t *Tracker) Prepare(in omen.Incident, c Command, at time.Time) ([]omen.Change, error) {
	if mine, ok := t.Incident(in.ID); ok {
		in = mine
	} else if past := t.pastOf(in); past != nil {
		in = past.Clone()
	}
	first, err := c.apply(&in, at)
	if err != nil {
		return nil, err
	}
	changes := []omen.Change{first}
	f := t.fleets[in.ID]
	if f == nil || c.Action != CloseNow {
		return changes, nil
	}
	for _, h := range f.in.Members {
		if k := t.hosts[h]; k != nil && k.in != nil && k.in.Fleet == in.ID {
			member := k.in.Clone()
			ch, err := Command{Incident: member.ID, Action: CloseNow, By: c.By}.apply(&member, at)
			if err != nil {
				return nil, err
			}
			changes = append(changes, ch)
		}
	}
	return changes, nil
}

func (t *Tracker) pastOf(in omen.Incident) *omen.Incident {
	if f := t.fleets[in.ID]; f != nil {
		return f.in
	}
	for _, c := range t.conditions() {
		if c.past != nil && c.past.ID == in.ID {
			return c.past
		}
	}
	if k := t.hosts[in.Host]; k != nil && k.past != nil && k.past.ID == in.ID {
		return k.past
	}
	return nil
}

// Commit makes prepared changes, once they are durable, the tracker's own. No
// score may have been observed in between.
func (t *Tracker) Commit(changes []omen.Change) {
	for _, c := range changes {
		if c.Kind == omen.ChangeJudged && c.Incident.Kind == omen.ForecastIncident && c.Incident.Forecast != nil {
			t.accept(c.Incident, c.At)
		}
		in := t.open[c.Incident.ID]
		if in == nil {
			if in = t.pastOf(c.Incident); in == nil {
				continue
			}
		}
		*in = c.Incident.Clone()
		if c.Kind != omen.ChangeClosed {
			continue
		}
		delete(t.open, in.ID)
		t.letGo(in)
	}
}

// letGo forgets an incident that an operator closed.
func (t *Tracker) letGo(in *omen.Incident) {
	switch in.Kind {
	case omen.HostIncident:
		k := t.hosts[in.Host]
		if k == nil || k.in != in {
			return
		}
		if k.loud {
			k.hold(in)
		}
		k.in, k.past, k.quiet = nil, in, 0
		k.run.stop()
		k.forgetHeight()
		t.leave(k.host, omen.ReasonByOperator)
	case omen.FleetIncident:
		// It stays known, closed, so that a new one cannot take its name.
		if f := t.fleets[in.ID]; f != nil {
			clear(f.openHosts)
		}
	case omen.SourceIncident, omen.OwnIncident, omen.ForecastIncident:
		t.conditionOf(*in).letGo()
		if o := t.troubles[in.Trouble]; o != nil && !o.over.IsZero() {
			o.held = false // it was over already: the next one is another
		}
	}
}
