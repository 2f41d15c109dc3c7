package promrules

import "testing"

// A label queries where its template calls query, whatever else has the word in it.
func TestTemplatesThatQuery(t *testing.T) {
	for text, want := range map[string]bool{
		`{{ $labels.query_name }}`:                                    false,
		`the query {{ $value }}`:                                      false,
		`{{ "query" }}`:                                               false,
		`{{ with $labels }}{{ .query }}{{ end }}`:                     false,
		`{{ $lables.`:                                                 false,
		`{{ query "up" }}`:                                            true,
		`{{ "up" | query | first | value }}`:                          true,
		`{{ if $value }}x{{ else }}{{ query "up" }}{{ end }}`:         true,
		`{{ range query "up" }}{{ .Value }}{{ end }}`:                 true,
		`{{ (query "up").x }}`:                                        true,
		`{{ define "a" }}{{ query "up" }}{{ end }}{{ template "a" }}`: true,
	} {
		if got := queries(text); got != want {
			t.Errorf("%s: queries: %v, want %v", text, got, want)
		}
	}
}
