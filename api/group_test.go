package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/omenhq/omen"
)

// A host is compared with those that share a label with it and have the same
// features, without itself; of many some are read, evenly and always the same.
func TestGroupOfAHost(t *testing.T) {
	f := newFixture(t)
	add := func(source, profile, name, role string) {
		f.hosts = append(f.hosts, omen.HostStatus{Host: omen.Host{Source: source, Profile: profile, Name: name}, Labels: map[string]string{"role": role}})
	}
	add("prom", "node", "one", "db")
	add("prom", "node", "other", "web")
	add("prom", "k8s", "pod", "db")
	add("two", "node", "far", "db")
	for i := range 3 {
		add("prom", "node", fmt.Sprint("db-", i), "db")
	}
	got := read[Group](t, f, "hosts/one/group?label=role")
	if got.Host != "prom/node/one" || got.Value != "db" || got.Hosts != 3 || got.Read != 3 || got.Elsewhere != 2 || !slices.Equal(f.others, []string{"db-0", "db-1", "db-2"}) {
		t.Errorf("%+v of %v", got, f.others)
	}
	if s := got.Features[0]; len(got.Features) != 1 || s.Feature != "load" || s.Hosts[0] != 3 || got.Step != 60 || got.Failed[0] != "disk_write" {
		t.Errorf("features %+v", got)
	}
	f.others = nil
	if alone := read[Group](t, f, "hosts/other/group?label=role"); alone.Hosts != 0 || alone.Read != 0 || len(alone.Features) != 0 || f.others != nil {
		t.Errorf("alone: %+v, %v were read", alone, f.others)
	}
	for i := range 500 {
		add("prom", "node", fmt.Sprintf("many-%d-%03d", i/250, i), "db")
	}
	many := read[Group](t, f, "hosts/one/group?label=role")
	first, half := f.others, 0
	for _, name := range first {
		if strings.HasPrefix(name, "many-0") {
			half++
		}
	}
	if many.Hosts != 503 || many.Read != 40 || len(first) != 40 || half < 10 || half > 30 {
		t.Errorf("of %d hosts %d are read, %d of the first half", many.Hosts, len(first), half)
	}
	if read[Group](t, f, "hosts/one/group?label=role"); !slices.Equal(first, f.others) {
		t.Error("asked again, others are read")
	}
	for query, says := range map[string]string{"": "has no such label", "?label=rack": "[\\\"role\\\"]", "?label=role&from=5&to=1": "not before"} {
		if status, answer, _ := f.call(t, "GET", "/api/v1/omen/hosts/one/group"+query, ""); status != http.StatusBadRequest || !strings.Contains(answer, says) {
			t.Errorf("%q: %d %s, want 400 and %q", query, status, answer, says)
		}
	}
}
