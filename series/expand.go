package series

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/omenhq/omen"
)

// expand writes the expression out.
func (e Expr) expand(window time.Duration, by []string) string {
	text, _ := e.expandFrom(window, by)
	return text
}

// expandFrom writes the expression out, and gives the place of a byte of it, from 0,
// in the expression as it is written.
func (e Expr) expandFrom(window time.Duration, by []string) (text string, from func(int) int) {
	var b strings.Builder
	var cuts [][2]int // where a text begins that is written as it is: expanded, and as written
	done := 0
	for _, at := range variable.FindAllStringIndex(e.PromQL, -1) {
		becomes := ""
		switch e.PromQL[at[0]:at[1]] {
		case "$window":
			becomes = model.Duration(window).String()
		case "$by":
			becomes = strings.Join(by, ", ")
		default:
			continue
		}
		b.WriteString(e.PromQL[done:at[0]])
		cuts = append(cuts, [2]int{b.Len(), at[0]})
		b.WriteString(becomes)
		done = at[1]
		cuts = append(cuts, [2]int{b.Len(), done})
	}
	b.WriteString(e.PromQL[done:])
	return b.String(), func(at int) int {
		written := at
		for i, c := range cuts {
			if at < c[0] {
				break
			}
			if written = c[1] + at - c[0]; i%2 == 0 { // within what a name became
				written = c[1]
			}
		}
		return min(written, len(e.PromQL))
	}
}

var (
	// variable is what looks like $by; $1 is label_replace's.
	variable = regexp.MustCompile(`\$[a-zA-Z_][a-zA-Z0-9_]*`)
	// stray is the same outside of strings and comments, which come first.
	stray = regexp.MustCompile(`(?s)"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|` + "`[^`]*`" + `|#[^\n]*|\$\{?[a-zA-Z_][a-zA-Z0-9_]*\}?`)
)

// unknownName is an error for the first $name that means nothing; nil: there is none.
func (e Expr) unknownName() error {
	for _, at := range stray.FindAllStringIndex(e.PromQL, -1) {
		name := e.PromQL[at[0]:at[1]]
		if name[0] != '$' || name == "$by" || name == "$window" {
			continue
		}
		return omen.WithHint(fmt.Errorf("%s at %s of the expression means nothing: %w", name, lineColumn(e.PromQL, at[0]), omen.ErrInvalid),
			"write $by for the labels that identify a host, or [$window] for the range of rates")
	}
	return nil
}

// lineColumn is where a byte is in a text, as line and column from 1.
func lineColumn(text string, at int) string {
	before := text[:at]
	line := strings.Count(before, "\n") + 1
	return fmt.Sprintf("%d:%d", line, len([]rune(before[strings.LastIndex(before, "\n")+1:]))+1)
}
