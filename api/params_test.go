package api

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/internal/must"
	"github.com/omenhq/omen/mute"
)

// Every parameter that a handler reads is in the document, with the type, default
// and bound that it is read by, and every one that is documented is read.
func TestParametersAreThoseThatAreRead(t *testing.T) {
	src := readSource(t)
	found := 0
	for _, r := range (&API{}).routes() {
		name := handlerName(r)
		if src.reads[name] == nil {
			t.Errorf("%s %s is handled by %q, which is no function of the package", r.method, r.path, name)
			continue
		}
		read := src.of(name, map[string]bool{})
		var declared []string
		for _, p := range r.query {
			declared = append(declared, p.name)
			if how, ok := read[p.name]; ok {
				found++
				if want, is := how.kind(), described(r.kind(p.name)); want != "" && is != want {
					t.Errorf("%s %s: %s is declared as %s and read as %s: put it into kinds", r.method, r.path, p.name, is, want)
				}
			}
		}
		slices.Sort(declared)
		if have := slices.Sorted(maps.Keys(read)); !slices.Equal(have, declared) {
			t.Errorf("%s %s: %s reads %q, and %q are declared", r.method, r.path, name, have, declared)
		}
	}
	if found < 30 {
		t.Errorf("%d parameters were found to be read: this test does not see how handlers read them any more", found)
	}
	for path, of := range kinds {
		for name := range of {
			if !slices.ContainsFunc((&API{}).routes(), func(r route) bool {
				return r.path == path && slices.ContainsFunc(r.query, func(p param) bool { return p.name == name })
			}) {
				t.Errorf("kinds has %s of %s, which does not take it", name, path)
			}
		}
	}
}

func described(k kind) string {
	switch {
	case k.one["type"] == "integer":
		return fmt.Sprintf("integer from %v to %v, else %v", k.one["minimum"], k.one["maximum"], k.otherwise)
	case k.one["type"] == "boolean":
		return fmt.Sprintf("boolean, else %v", k.otherwise)
	case k.one["anyOf"] != nil:
		return "instant"
	}
	return "text"
}

// Each parameter takes every value that the document allows, and no other.
func TestParametersTakeWhatIsDocumented(t *testing.T) {
	f := newFixture(t)
	f.open(t, "i1")
	for _, r := range f.api.routes() {
		if r.method != http.MethodGet || r.handle == nil || !strings.HasPrefix(r.path, base) {
			continue
		}
		i := slices.IndexFunc(calls, func(c struct{ method, route, path, body string }) bool {
			return c.method == r.method && c.route == r.path
		})
		if i < 0 {
			continue // TestEveryRouteAnswersAsDocumented says so
		}
		path := calls[i].path
		if path == "" {
			path = r.path
		}
		for _, p := range r.query {
			k := r.kind(p.name)
			good, bad := values(k)
			for value, wanted := range merge(good, bad) {
				asked := must.Get(url.Parse(path))(t)
				q := asked.Query()
				if p.name == "from" || p.name == "to" { // each by itself is within a span that the other ends
					q.Set("from", "2026-03-01T11:00:00Z")
					q.Set("to", "2026-03-01T13:00:00Z")
				}
				q.Set(p.name, value)
				asked.RawQuery = q.Encode()
				status, body, _ := f.call(t, r.method, asked.String(), "")
				if refused := status == http.StatusBadRequest; refused == wanted {
					t.Errorf("%s: %d %s, want it taken: %t", asked, status, body, wanted)
				}
			}
		}
	}
}

// values are some that a kind allows, and some that it does not.
func values(k kind) (good, bad []string) {
	switch {
	case k.enum != nil:
		good = slices.DeleteFunc(append(stringsOf(k.enum), k.also...), func(v string) bool { return v == "" })
		if k.list {
			good = append(good, strings.Join(good, ","))
		} else {
			bad = append(bad, strings.Join(good, ","))
		}
		return good, append(bad, "nonsense")
	case k.one["type"] == "integer":
		least, most := k.one["minimum"].(int), k.one["maximum"].(int)
		return []string{strconv.Itoa(least), strconv.Itoa(most)}, []string{strconv.Itoa(least - 1), strconv.Itoa(most + 1), "x", "1.5"}
	case k.one["type"] == "boolean":
		return []string{"true", "false"}, []string{"yes", "1", "True"}
	case k.one["anyOf"] != nil:
		return []string{"2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "1772366400", "1772366400.5"}, []string{"yesterday", "2026-03-01"}
	}
	return nil, nil
}

func merge(good, bad []string) map[string]bool {
	all := map[string]bool{}
	for _, v := range good {
		all[v] = true
	}
	for _, v := range bad {
		all[v] = false
	}
	return all
}

// The document's enums are all constants of their type, and no others.
func TestEnumsAreTheConstants(t *testing.T) {
	constants := map[string]map[string]bool{}
	for _, dir := range []string{".", "..", "../mute"} {
		for _, name := range must.Get(filepath.Glob(filepath.Join(dir, "*.go")))(t) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, d := range must.Get(parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution))(t).Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
					for _, spec := range g.Specs {
						if v := spec.(*ast.ValueSpec); v.Type != nil && len(v.Values) == 1 {
							of := selected(v.Type)
							if constants[of] == nil {
								constants[of] = map[string]bool{}
							}
							constants[of][literal(v.Values[0])] = true
						}
					}
				}
			}
		}
	}
	for _, kind := range []omen.Severity{omen.Info, omen.Warning, omen.Critical} {
		if !constants["Severity"][string(kind)] {
			t.Fatalf("the constants of Severity are %v: this test does not find them any more", constants["Severity"])
		}
	}
	for of := range enums {
		if of == reflect.TypeFor[OccurrenceKind]() {
			continue // those of events are of another type: TestOccurrenceKinds
		}
		want := slices.Collect(maps.Keys(constants[of.Name()]))
		without := func(all []string) []string {
			all = slices.DeleteFunc(all, func(v string) bool { return v == "" }) // not known, or not given
			slices.Sort(all)
			return all
		}
		if have, want := without(stringsOf(of)), without(want); !slices.Equal(have, want) {
			t.Errorf("%s: the document has %q, the constants are %q", of, have, want)
		}
	}
}

// What happens to a host can be on a calendar.
func TestOccurrenceKinds(t *testing.T) {
	for _, kind := range stringsOf(reflect.TypeFor[mute.EventKind]()) {
		if !slices.Contains(occurrenceKinds, OccurrenceKind(kind)) {
			t.Errorf("an event of kind %s has no kind of occurrence", kind)
		}
	}
}

// stringsOf are the values of an enum.
func stringsOf(t reflect.Type) (all []string) {
	list := reflect.ValueOf(enums[t]["enum"])
	for i := range list.Len() {
		all = append(all, list.Index(i).String())
	}
	return all
}

// Every route refuses what the document says that it refuses.
func TestEveryRouteFailsAsDocumented(t *testing.T) {
	f := newFixture(t)
	_, made, _ := f.call(t, "POST", "/api/v1/omen/silences", `{"match":[{"name":"host","value":"a","isRegex":false,"isEqual":true}],"until":"2099-01-01T00:00:00Z","by":"ann","reason":"moving"}`)
	var silence Silence
	must.OK(t, json.Unmarshal([]byte(made), &silence))
	h := New(Options{Store: f.store, Manager: f.manager, Runtime: f, Access: own{"localhost"}}).Handler()
	ask := func(r route, change func(*http.Request)) int {
		name := "none"
		if r.method == http.MethodPut {
			name = silence.ID // it is looked for before the body is read
		}
		path := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(r.path, name)
		req := httptest.NewRequestWithContext(t.Context(), r.method, path, strings.NewReader("{"))
		req.Host = "localhost"
		req.Header.Set("Content-Type", "application/json")
		change(req)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code
	}
	for _, r := range (&API{}).routes() {
		if r.answerMedia == mediaEvents {
			continue // it does not end; TestStream has it
		}
		for status, change := range map[int]func(*http.Request){
			http.StatusMisdirectedRequest: func(q *http.Request) { q.Host = "evil.example" },
			http.StatusForbidden:          func(q *http.Request) { q.Header.Set("Sec-Fetch-Site", "cross-site") },
		} {
			if refused := ask(r, change) == status; refused == r.public {
				t.Errorf("%s %s: refused with %d: %t, public: %t", r.method, r.path, status, refused, r.public)
			}
		}
		provoked := map[int]func(*http.Request){}
		if r.body != nil {
			provoked[http.StatusBadRequest] = func(*http.Request) {}
			provoked[http.StatusUnsupportedMediaType] = func(q *http.Request) { q.Header.Set("Content-Type", "text/plain") }
			provoked[http.StatusRequestEntityTooLarge] = func(q *http.Request) { q.ContentLength = maxBody + 1 }
		} else if r.handle != nil && strings.HasPrefix(r.path, base) {
			provoked[http.StatusBadRequest] = func(q *http.Request) { q.URL.RawQuery = "nonsense=1" }
			if r.method == http.MethodGet && strings.Contains(r.path, "{") && !slices.Contains(r.fails(), http.StatusNotImplemented) {
				provoked[http.StatusNotFound] = func(*http.Request) {}
			}
		}
		for status, change := range provoked {
			if got := ask(r, change); got != status || !slices.Contains(r.fails(), status) {
				t.Errorf("%s %s: %d, want %d, which is documented: %v", r.method, r.path, got, status, r.fails())
			}
		}
		if got := ask(r, func(*http.Request) {}); got >= 400 && !slices.Contains(r.fails(), got) {
			t.Errorf("%s %s: %d, documented are %v", r.method, r.path, got, r.fails())
		}
		for _, status := range r.fails() {
			if failures[status] == "" {
				t.Errorf("%s %s: %d is not described", r.method, r.path, status)
			}
		}
	}
	for of := range otherFailures {
		method, path, _ := strings.Cut(of, " ")
		if routeOf(method, strings.NewReplacer("{", "", "}", "").Replace(path)) != path {
			t.Errorf("otherFailures has %s, which is no route", of)
		}
	}
}

// A list of at most none is a mistake, whichever it is, and the answer says what is
// taken.
func TestNoListHasNoRows(t *testing.T) {
	f, asked := newFixture(t), 0
	for _, r := range (&API{}).routes() {
		if !slices.ContainsFunc(r.query, func(p param) bool { return p.name == "limit" }) {
			continue
		}
		asked++
		code, body, _ := f.call(t, r.method, r.path+"?limit=0", "")
		if code != http.StatusBadRequest || !strings.Contains(body, "limit=0: want a number from 1 to ") {
			t.Errorf("%s: %d %s", r.path, code, body)
		}
	}
	if asked < 5 {
		t.Errorf("%d lists have a limit", asked)
	}
}
