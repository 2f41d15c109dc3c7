//go:build e2e

package test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/notify/message/messagetest"
)

// ahead is how far into the future the machines' history reaches: as far as a
// clock is set ahead here, and then some.
const ahead = 80 * time.Minute

// watchRecorded runs Omen over a VictoriaMetrics that has all of the machines'
// life, past and future, until the machines are scored.
func watchRecorded(t *testing.T, dir string, all []*machine, receiver *messagetest.Server) (o *omen, config string) {
	t.Helper()
	victoria := binary(t, "victoria-metrics")
	address := freeAddress(t)
	start(t, victoria, "-storageDataPath="+t.TempDir(), "-httpListenAddr="+address, "-search.latencyOffset=1s", "-retentionPeriod=1d", "-memory.allowedPercent=10")
	base := "http://" + address
	until(t, 30*time.Second, "victoria-metrics answers", answers(base+"/health"))
	now := time.Now()
	importInto(t, base, history(all, now.Add(-past), now.Add(ahead), scrapeInterval))
	file := write(t, t.TempDir(), "omen.yml", "local: {enabled: false}\nsources: [{name: victoria, url: '"+base+"', step: 5s}]\n"+
		"receivers: [{name: ops, webhook_configs: [{url: '"+receiver.URL+"'}]}]\n")
	o = serve(t, dir, "--config.file="+file)
	var names []string
	for _, m := range all {
		names = append(names, m.name)
	}
	until(t, time.Minute, "models of all hosts", o.scored(names...))
	return o, "--config.file=" + file
}

// alerts are all alerts that a receiver got, in order, as "status kind of whom":
// a host, or one of Omen's own troubles.
func alerts(t *testing.T, receiver *messagetest.Server) (all []string) {
	t.Helper()
	for _, r := range receiver.Got() {
		for _, a := range messagetest.Decode[messagetest.Payload](t, r.Body).Alerts {
			all = append(all, a.Status+" "+a.Labels["kind"]+" "+a.Labels["instance"]+a.Labels["trouble"])
		}
	}
	return all
}

// gets is nil once a receiver got all of these alerts.
func gets(t *testing.T, receiver *messagetest.Server, want ...string) func() error {
	return func() error {
		got := alerts(t, receiver)
		for _, w := range want {
			if !slices.Contains(got, w) {
				return fmt.Errorf("no %q among %q", w, got)
			}
		}
		return nil
	}
}

// notReady is nil once /-/ready answers 503 with a text, and /metrics says that
// nothing is stored.
func (o *omen) notReady(why string) func() error {
	return func() error {
		if err := answers(o.url + "/-/ready")(); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), why) {
			return fmt.Errorf("/-/ready: %v, want 503 and %q", err, why)
		}
		return o.shows("omen_store_up 0")
	}
}

// shows is nil if /metrics has a line.
func (o *omen) shows(line string) error {
	metrics, err := get(o.url + "/metrics")
	if err == nil && !strings.Contains(metrics, "\n"+line+"\n") {
		err = fmt.Errorf("/metrics does not show %s", line)
	}
	return err
}

// does asks for an action on an incident and gives the answer's status.
func (o *omen) does(t *testing.T, id, action string) int {
	t.Helper()
	r := must.Get(client.Post(o.url+"/api/v1/omen/incidents/"+url.PathEscape(id)+"/"+action, "application/json", strings.NewReader(`{"by":"ada","comment":"looking"}`)))(t)
	_ = r.Body.Close()
	return r.StatusCode
}

// one is the only open incident of a host.
func (o *omen) one(t *testing.T, host string) incident {
	t.Helper()
	open := must.Get(o.incidents("state=active&host=" + host))(t)
	if len(open) != 1 {
		t.Fatalf("open incidents of %s: %+v, want one", host, open)
	}
	return open[0]
}

// opened waits for a host's incident, and for the message about it.
func (o *omen) opened(t *testing.T, receiver *messagetest.Server, host string) incident {
	t.Helper()
	until(t, 3*time.Minute, "people are notified of "+host, gets(t, receiver, "firing host "+host))
	return o.one(t, host)
}

// fill takes all space of a file system.
func fill(t *testing.T, path string) {
	t.Helper()
	f := must.Get(os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600))(t)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for {
			_, err := f.Write(make([]byte, size))
			if errors.Is(err, syscall.ENOSPC) {
				break
			}
			must.OK(t, err)
		}
	}
}

// The disk is full for OMEN_DISK_FULL (20 s; it was ten minutes in which this
// went wrong) while a host goes wrong: people hear of both, /-/ready says why,
// and with space again everything that was notified or confirmed is there, after
// a kill -9 too.
func TestADiskThatIsFullWhileAHostGoesWrong(t *testing.T) {
	omenBinary(t)
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=200m"); err != nil {
		t.Skip("no right to mount a disk: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	receiver := messagetest.NewServer(t, "ok", nil)
	all := machines()[1:]
	sick := time.Now().Add(50 * time.Second)
	all[1].sick.Store(sick.UnixMilli())
	o, config := watchRecorded(t, dir, all, receiver)

	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	until(t, time.Minute, "/-/ready and /metrics say that the disk is full", o.notReady("full"))
	until(t, 30*time.Second, "people are notified of the disk", gets(t, receiver, "firing omen storage"))
	if time.Now().After(sick) {
		t.Fatal("the host went wrong before the disk was full: this machine is too slow for this test")
	}
	in := o.opened(t, receiver, "db-1")
	acknowledged := o.does(t, in.ID, "ack")
	if acknowledged != http.StatusOK && acknowledged != http.StatusInsufficientStorage {
		t.Errorf("an acknowledgement is answered with %d, want 200 or 507", acknowledged)
	}
	full := time.Now()
	must.OK(t, o.notReady("full")())
	select {
	case <-time.After(setting(t, "OMEN_DISK_FULL", 20*time.Second)): // that it lasts is what is tested
	case <-o.done:
		t.Fatal("omen ended")
	}
	must.OK(t, o.notReady("full")())
	for _, a := range alerts(t, receiver) {
		if strings.HasPrefix(a, "resolved") {
			t.Errorf("while it lasted people heard %q", a)
		}
	}
	must.OK(t, os.Remove(ballast))
	t.Logf("full for %s after the incident", time.Since(full).Round(time.Second))
	until(t, time.Minute, "with space again people hear that it is over", gets(t, receiver, "resolved omen storage"))
	until(t, 30*time.Second, "ready", answers(o.url+"/-/ready"))
	until(t, 30*time.Second, "what is stored lasts", func() error { return o.shows("omen_store_up 1") })
	until(t, 30*time.Second, "scores are stored again", func() error { return o.storesScores() })

	o.kill()
	o = serve(t, dir, config)
	after := o.one(t, "db-1")
	if after.ID != in.ID || (acknowledged == http.StatusOK) != (after.State == "acknowledged") {
		t.Errorf("after the start there is %+v, want %s, acknowledged with %d", after, in.ID, acknowledged)
	}
	journal := map[string]bool{}
	for _, one := range must.Get(o.incidents("limit=500"))(t) {
		for _, c := range one.Changes {
			journal[c.Key] = true
		}
	}
	for _, r := range receiver.Got() {
		for _, a := range messagetest.Decode[messagetest.Payload](t, r.Body).Alerts {
			for key := range strings.FieldsSeq(a.Annotations["changes"]) {
				if !journal[key] {
					t.Errorf("people were notified of %s, which is lost", key)
				}
			}
		}
	}
}

// storesScores is nil if the embedded store has a score of the last seconds.
func (o *omen) storesScores() error {
	var answer struct {
		Data struct {
			Result []any `json:"result"`
		} `json:"data"`
	}
	err := getJSON(o.url+"/api/v1/query?query="+url.QueryEscape("count_over_time(anomaly_score[15s])"), &answer)
	if err == nil && len(answer.Data.Result) == 0 {
		err = errors.New("no score is stored")
	}
	return err
}

// The clock of Omen's machine is set ahead by an hour, back, and right again,
// while one host is in trouble and acknowledged: nobody is notified of a host
// that is well, the incident stays as it is, and hosts are judged again each
// time but while the hour comes again, of which Omen says so.
func TestTheClockIsSetByAnHour(t *testing.T) {
	omenBinary(t)
	t.Parallel()
	receiver := messagetest.NewServer(t, "ok", nil)
	all := machines()
	all[2].sick.Store(time.Now().Add(30 * time.Second).UnixMilli())
	o, _ := watchRecorded(t, t.TempDir(), all, receiver)
	in := o.opened(t, receiver, "db-1")
	if code := o.does(t, in.ID, "ack"); code != http.StatusOK {
		t.Fatalf("an acknowledgement is answered with %d", code)
	}
	before := len(alerts(t, receiver))
	const hour = time.Hour
	for _, set := range []struct {
		to   time.Duration // beside the right time
		says []string
	}{{hour, nil}, {0, []string{"firing omen clock"}}, {hour, []string{"firing omen clock", "resolved omen clock"}}} {
		setClock(t, o.process, set.to)
		by := time.Now().Add(set.to + 30*time.Second) // time enough for what is false to be notified
		if set.to == hour {
			until(t, 2*time.Minute, "all hosts are judged by the new time", func() error {
				for _, m := range all {
					if err := o.judged(m.name, by); err != nil {
						return err
					}
				}
				return answers(o.url + "/-/ready")()
			})
		} else {
			until(t, time.Minute, "Omen says that the hour comes again", func() error { return o.shows("omen_ready 0") })
		}
		until(t, time.Minute, "people hear of the hour that comes again, and of nothing else", func() error {
			if got := alerts(t, receiver)[before:]; !slices.Equal(got, set.says) {
				return fmt.Errorf("they hear %q, want %q", got, set.says)
			}
			return nil
		})
	}
	if now := o.one(t, "db-1"); now.ID != in.ID || now.State != "acknowledged" {
		t.Errorf("the incident is %+v, want %s, acknowledged", now, in.ID)
	}
	hosts := must.Get(o.hosts())(t)
	if len(hosts) != len(all) {
		t.Errorf("hosts %+v, want all three", hosts)
	}
}

// judged is nil once a host was judged at an instant or later, by Omen's clock.
func (o *omen) judged(host string, from time.Time) error {
	var h hostRow
	err := getJSON(o.url+"/api/v1/omen/hosts/"+host, &h)
	if err == nil && h.ScoredAt.Before(from) {
		err = fmt.Errorf("%s was judged at %s, not since %s", host, h.ScoredAt, from)
	}
	return err
}

// The data directory is removed while Omen runs: within a minute it is not
// ready, says so in its metric, and its receivers have been notified.
func TestTheDataDirectoryIsRemoved(t *testing.T) {
	omenBinary(t)
	t.Parallel()
	receiver := messagetest.NewServer(t, "ok", nil)
	dir := filepath.Join(t.TempDir(), "data")
	o := serve(t, dir, "--config.file="+write(t, t.TempDir(), "omen.yml", "receivers: [{name: ops, webhook_configs: [{url: '"+receiver.URL+"'}]}]\n"))
	until(t, time.Minute, "ready", answers(o.url+"/-/ready"))
	must.OK(t, os.RemoveAll(dir))
	removed := time.Now()
	until(t, time.Minute, "not ready, and the metric", o.notReady("removed"))
	until(t, time.Until(removed.Add(time.Minute)), "people are notified", gets(t, receiver, "firing omen storage"))
	if r := must.Get(client.Post(o.url+"/-/reload", "", nil))(t); r.StatusCode/100 == 2 {
		text := must.Get(io.ReadAll(r.Body))(t)
		t.Errorf("a reload, which would lose what is known, is answered with %s: %s", r.Status, text)
	}
	if _, err := os.Stat(filepath.Join(dir, "omen.db")); err == nil {
		t.Error("an empty database was begun in its place")
	}
}
