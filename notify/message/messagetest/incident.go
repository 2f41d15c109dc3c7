package messagetest

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	omen "github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message"
	"github.com/omenhq/omen/store"
)

// Noon is an instant of the past.
var Noon = time.Date(2025, 11, 24, 12, 0, 0, 0, time.UTC)

// Step is the n-th change of an incident of a host, as the manager would make
// it.
func Step(id, host string, n int, kind omen.ChangeKind, at time.Time) omen.Change {
	in := omen.Incident{
		ID: id, Kind: omen.HostIncident, Host: omen.Host{Source: "local", Profile: "node", Name: host},
		State: omen.Open, Severity: omen.Warning, Grade: omen.Established,
		Since: at.Add(-time.Duration(n) * time.Second), OpenedAt: at, UpdatedAt: at, Score: 4.2, Peak: 6.1,
		Causes: []omen.Cause{
			{Feature: "disk_write", Unit: omen.BytesPerSecond, Share: .7, Actual: 240e6, Expected: 11e6, Lower: 8e6, Upper: 15e6, Clears: true},
			{Feature: "cpu_iowait", Unit: omen.Ratio, Share: .2, Actual: .41, Expected: .02, Lower: 0, Upper: .05},
			{Feature: "forks", Unit: omen.PerSecond, Share: .1, Actual: 9, Expected: 8, Lower: 7, Upper: 8.5, Trivial: true},
		},
		Reason: omen.ReasonAnomalous, ChangeNumber: n,
	}
	switch kind {
	case omen.ChangeClosed:
		in.State, in.ClosedAt, in.Reason = omen.Closed, at, omen.ReasonRecovered
	case omen.ChangeEscalated:
		in.Severity = omen.Critical
	case omen.ChangeAcknowledged:
		in.State, in.AckedBy = omen.Acknowledged, "ada"
	}
	return omen.Change{Kind: kind, At: at, Incident: in, Reason: in.Reason}
}

// Opened is the first change of incident a of host web-1.
func Opened() omen.Change { return Step("a", "web-1", 1, omen.ChangeOpened, Noon) }

// View is how the incidents look; its Omen is at https://omen.example.
func View() message.View {
	return message.View{External: &url.URL{Scheme: "https", Host: "omen.example"}}
}

// About is a message about changes, one for each incident.
func About(changes ...omen.Change) message.Message {
	first := changes[0]
	group := model.LabelSet{"incident": model.LabelValue(first.Incident.ID)}
	m := message.Message{
		Key: first.Key(), GroupKey: fmt.Sprintf("{}:%s", group), Group: group,
		Reason: amnotify.ReasonFirstNotification, At: first.At.Add(time.Second),
	}
	for _, c := range changes {
		m.Alerts = append(m.Alerts, View().Alert(c.Incident, []omen.Change{c}, m.At))
	}
	if len(changes) == 1 {
		m.Incident = &first.Incident
	}
	return m
}

// named is a message in which everything that others name has one name.
func named(name string) message.Message {
	c := Step("a", name, 1, omen.ChangeAcknowledged, Noon)
	c.Incident.Causes[0].Feature, c.Comment, c.Incident.AckedBy = name, name, name
	c.Incident.Remedy = name
	return About(c)
}

// hostileNames are names that somebody who can name a host may use.
var hostileNames = []string{
	"<!channel>", "<!here|x>", "<@U123>", "@everyone @here @channel", "<http://evil|Open the incident>",
	"*bold* _it_ ~no~ `code`", "[click](http://evil)", "a](http://evil)", `\`, `\*`, "!", "(x)", "#1 + 1 = 2 - {y} | z.",
	"<b>x", "</b></a>", `"><script>alert(1)</script>`, "&amp; &lt;", "a\r\nBcc: eve@evil.example", "a\nb", "\x00\x07\u202egnp.exe",
	"\xff\xfe", strings.Repeat("x", 10_000), "{{ .ExternalURL }}", "<https://omen.example/feedback?t=x|Real>", "```", "||spoiler||",
}

// Points are a score history in which the incident is seen.
func Points(in omen.Incident) []omen.ScorePoint {
	return []omen.ScorePoint{{At: in.Since.Add(-message.ChartBefore), Value: .4}, {At: in.Since, Value: .4}, {At: in.Since.Add(10 * time.Minute), Value: 3}}
}

// Store is an empty store, closed with the test.
func Store(t testing.TB) *store.DB {
	t.Helper()
	db := must.Get(store.Open(t.Context(), filepath.Join(t.TempDir(), "omen.db"), nil))(t)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Append puts changes into a store's journal.
func Append(t testing.TB, db *store.DB, changes ...omen.Change) {
	t.Helper()
	must.OK(t, db.Append(t.Context(), changes...))
}

// PNG begins every chart.
const PNG = "\x89PNG\r\n\x1a\n"

// Charted is a message with a chart.
func Charted(t testing.TB, c omen.Change) message.Message {
	t.Helper()
	m := About(c)
	var err error
	if m.Chart, err = message.Chart(c.Incident, Points(c.Incident)); err != nil {
		t.Fatal(err)
	}
	return m
}

// Renderer has the built-in templates, for receiver r.
func Renderer(t testing.TB) message.Renderer {
	t.Helper()
	tmpl := must.Get(message.Templates(nil, View().External))(t)
	return message.Renderer{Templates: tmpl, Receiver: "r", Log: Log(t)}
}

// Receiver is a receiver of a configuration, with Alertmanager's defaults.
func Receiver(t testing.TB, format string, args ...any) (r amconfig.Receiver) {
	t.Helper()
	var c amconfig.Config
	d := yaml.NewDecoder(bytes.NewBufferString("route: {receiver: r}\nreceivers: [{name: r, " + fmt.Sprintf(format, args...) + "}]\n"))
	d.KnownFields(true)
	must.OK(t, d.Decode(&c))
	return c.Receivers[0]
}

// Log shows the log with -v only.
func Log(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("path", t.Name())
}
