package mute

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
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
		`{"service.name"="a,b", "team"!=x}`:   {`"service.name"="a,b"`, `team!="x"`},
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
	for _, bad := range []string{"host", `host="a" role=b`, "host=a,,role=b", `host=~"(", role=b`, "{", "{host=a", "{}}", `service.name="a"`, `""=a`} {
		if all, err := ParseMatchers(bad); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%q: %s, %v, want ErrInvalid", bad, all, err)
		}
	}
}

// FuzzParseMatcher: what is read is written so that it is read as the same,
// alone and in a list, and says the opposite when it is turned around.
func FuzzParseMatcher(f *testing.F) {
	for _, text := range []string{`host=~"db-.*"`, " role != web ", "a=`b`", `a="\"`, `{a=b,c!~"d"}`, `"service.name"=a`, `"\d"=~b`} {
		f.Add(text, "db-1")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
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
		of := func(string) string { return value }
		holds, err := Compile([]Matcher{m})
		m.IsEqual = !m.IsEqual
		if opposite, err2 := Compile([]Matcher{m}); err != nil || err2 != nil || holds(of) == opposite(of) {
			t.Errorf("%s and its opposite say the same of %q: %v, %v", m, value, err, err2)
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
		holds := must.Get(Compile(c.match))(t)
		if got := holds(value); got != c.want {
			t.Errorf("%s: %v, want %v", c.match, got, c.want)
		}
	}
	for _, bad := range []string{"(", "a)|(.*"} { // the second would be good within our brackets, and match every host
		if _, err := Compile([]Matcher{m("host", bad, true, true)}); !errors.Is(err, omen.ErrInvalid) {
			t.Errorf("%s, a bad expression: %v", bad, err)
		}
	}
}
