package mute

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/omenhq/omen"
)

func ExampleParseMatcher() {
	m, err := ParseMatcher(`host=~"db-.*"`)
	fmt.Println(m.Name, m.Value, m.IsRegex, m.IsEqual, err)
	// Output: host db-.* true true <nil>
}

func TestParseMatcher(t *testing.T) {
	for text, want := range map[string]string{
		`host=~"db-.*"`:            `host=~"db-.*"`,
		` role != "web server" `:   `role!="web server"`,
		"env=prod":                 `env="prod"`,
		`zone!~"a|b"`:              `zone!~"a|b"`,
		"host=~`db\\..*`":          `host=~"db\\..*"`,
		`host=~"db\..*"`:           `host=~"db\\..*"`, // as Alertmanager reads a lone backslash
		`host=~"db\\..*"`:          `host=~"db\\..*"`,
		`host=~db\..{1,3}`:         `host=~"db\\..{1,3}"`,
		"team=":                    `team=""`,
		`text="say \"hi\", twice"`: `text="say \"hi\", twice"`,
	} {
		m, err := ParseMatcher(text)
		if err != nil || m.String() != want {
			t.Errorf("%s: %s, %v, want %s", text, m, err, want)
		}
	}
	for _, bad := range []string{"", "host", `host=~"("`, `="x"`, "ho st=x"} {
		if m, err := ParseMatcher(bad); !errors.Is(err, omen.ErrInvalid) || omen.Hint(err) == "" {
			t.Errorf("%q: %s, %v, want ErrInvalid and a hint", bad, m, err)
		}
	}
}

func TestParseMatchers(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                    {},
		`host="a", role!=web`:                 {`host="a"`, `role!="web"`},
		"host=a\n\n role=~\"b,c\",\n":         {`host="a"`, `role=~"b,c"`},
		`{host=~"db-.*",cause = cpu_user , }`: {`host=~"db-.*"`, `cause="cpu_user"`},
	} {
		all, err := ParseMatchers(text)
		got := []string{}
		for _, m := range all {
			got = append(got, m.String())
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for _, bad := range []string{"host", `host="a" role=b`, "host=a,,role=b", `host=~"(", role=b`} {
		if all, err := ParseMatchers(bad); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%q: %s, %v, want ErrInvalid", bad, all, err)
		}
	}
}

// FuzzParseMatcher: what is read is written so that it is read as the same,
// alone and in a list.
func FuzzParseMatcher(f *testing.F) {
	for _, text := range []string{`host=~"db-.*"`, " role != web ", "a=`b`", `a="\"`, `{a=b,c!~"d"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = ParseMatchers(text)
		m, err := ParseMatcher(text)
		if err != nil {
			return
		}
		if again, err := ParseMatcher(m.String()); err != nil || again != m {
			t.Errorf("%q is %+v, and %s is %+v, %v", text, m, m, again, err)
		}
		if all, err := ParseMatchers(m.String() + "," + m.String()); err != nil || len(all) != 2 || all[1] != m {
			t.Errorf("%s twice is %+v, %v", m, all, err)
		}
	})
}

func TestMatchersHold(t *testing.T) {
	host := omen.Host{Source: "prod", Profile: "node", Name: "web-1:9100"}
	value := HostValue(host, map[string]string{"role": "web"})
	m := func(name, value string, regex, equal bool) Matcher {
		return Matcher{Name: name, Value: value, IsRegex: regex, IsEqual: equal}
	}
	for _, c := range []struct {
		match []Matcher
		want  bool
	}{
		{[]Matcher{m("host", "web-1:9100", false, true)}, true},
		{[]Matcher{m("host", "web-1", false, true)}, false},
		{[]Matcher{m("host", "web-.*", true, true)}, true},
		{[]Matcher{m("host", "web-1", true, true)}, false}, // anchored
		{[]Matcher{m("host", "a|web-1:9100", true, true)}, true},
		{[]Matcher{m("role", "db", false, false)}, true},
		{[]Matcher{m("role", "w.*", true, false)}, false},
		{[]Matcher{m("team", "", false, true)}, true}, // a label that it lacks is empty
		{[]Matcher{m("source", "prod", false, true), m("profile", "pod", false, true)}, false},
	} {
		holds, err := Compile(c.match)
		if err != nil {
			t.Fatal(err)
		}
		if got := holds(value); got != c.want {
			t.Errorf("%s: %v, want %v", c.match, got, c.want)
		}
	}
	if _, err := Compile([]Matcher{m("host", "(", true, true)}); !errors.Is(err, omen.ErrInvalid) {
		t.Errorf("a bad expression: %v", err)
	}
}

// FuzzMatcher: a matcher that validates compiles, alone and among others, says
// the same each time, and the opposite when it is turned around. One that does
// not validate is ErrInvalid and breaks no other rule.
func FuzzMatcher(f *testing.F) {
	f.Add("host", "web-.*", true, true, "web-1")
	f.Add("job", "", false, false, "a\x00b")
	f.Add("cause", "(", true, true, "")
	f.Add("", "(?i:x)|y", true, false, "X")
	f.Fuzz(func(t *testing.T, name, value string, expression, equal bool, host string) {
		m := Matcher{Name: name, Value: value, IsRegex: expression, IsEqual: equal}
		good := Matcher{Name: MatchSource, Value: "prod", IsEqual: true}
		set, broken := Rules{Silences: []Silence{
			{ID: "fuzzed", Match: []Matcher{m}, From: noon, Until: noon.Add(time.Hour)},
			{ID: "good", Match: []Matcher{good}, From: noon, Until: noon.Add(time.Hour)},
		}}.Compile()
		if err := m.Validate(); err != nil {
			if !errors.Is(err, omen.ErrInvalid) || len(broken) != 1 {
				t.Fatalf("%v is not ErrInvalid, or not the one broken rule of %v", err, broken)
			}
		} else if len(broken) != 0 {
			t.Fatalf("it validates, and is broken: %v", broken)
		}
		in := &omen.Incident{Kind: omen.HostIncident, Host: omen.Host{Source: "prod", Profile: "node", Name: host}}
		who := []Subject{{in.Host, map[string]string{name: host}}}
		if why := set.Reason(in, who, noon); why != omen.ReasonSilenced {
			t.Fatalf("the good silence does not hold: %q", why)
		}
		holds, err := Compile([]Matcher{m})
		if err != nil {
			return
		}
		m.IsEqual = !m.IsEqual
		opposite, err := Compile([]Matcher{m})
		if err != nil {
			t.Fatal(err)
		}
		if holds.HoldsForAll(in, who) == opposite.HoldsForAll(in, who) {
			t.Fatalf("%s and its opposite say the same of %q", m, host)
		}
	})
}
