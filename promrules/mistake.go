package promrules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen"
)

// mistake is one thing that is wrong with a file.
type mistake struct {
	file         string
	line, column int    // from 1; 0: the file as a whole, or the line
	what         string // and what to write instead
	kind         error  // such as [omen.ErrInvalid]
}

func (m *mistake) Error() string {
	var b strings.Builder
	b.WriteString(m.file)
	for _, n := range []int{m.line, m.column} {
		if n > 0 {
			fmt.Fprintf(&b, ":%d", n)
		}
	}
	return b.String() + ": " + m.what
}

func (m *mistake) Unwrap() error { return m.kind }

// mistaken is a mistake at a node.
func mistaken(n *yaml.Node, format string, args ...any) *mistake {
	return &mistake{line: n.Line, column: n.Column, what: fmt.Sprintf(format, args...), kind: omen.ErrInvalid}
}

// report is all that is wrong with a file, each once: what is aliased may be in
// several rules.
type report struct {
	wrong []*mistake
	seen  map[mistake]bool
}

// add adds a mistake; where says in which group and rule it is, and may be empty.
func (r *report) add(where string, m *mistake) {
	if r.seen[*m] {
		return
	}
	if r.seen == nil {
		r.seen = map[mistake]bool{}
	}
	r.seen[*m] = true
	if where != "" {
		m.what = where + ": " + m.what
	}
	r.wrong = append(r.wrong, m)
}

// in are the mistakes of a file, in the order of their places.
func (r *report) in(file string) []error {
	slices.SortStableFunc(r.wrong, func(a, b *mistake) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	all := make([]error, len(r.wrong))
	for i, m := range r.wrong {
		m.file = file
		all[i] = m
	}
	return all
}
