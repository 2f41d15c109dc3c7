package main

import (
	"os"
	"strings"
	"testing"
)

// Every constant of the list is in the code, and is a variable in what is built:
// who renames one finds it here.
func TestRewritten(t *testing.T) {
	t.Chdir("../..")
	overlay, err := rewritten(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range overlay {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, c := range constants {
		if c.value == "" || !strings.Contains(all.String(), `scaledConstant("`+c.name()+`"`) {
			t.Errorf("%s is no variable; its value is %q", c.name(), c.value)
		}
	}
}
