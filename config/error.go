package config

import (
	"fmt"
	"strings"
)

// Error is one thing wrong with a file.
type Error struct {
	File         string
	Line, Column int    // from 1; 0: the file as a whole
	Key          string // such as sources[0].step
	Problem      string // what is wrong, and what to write instead
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	b.WriteString(": " + e.Problem)
	return b.String()
}
