package notify

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of a search for who is to blame: entries that are left out in turn,
// and mistakes that are named at once.
const (
	maxTried  = 500
	maxBlamed = 10
)

// blame says which keys an error of Alertmanager's structs is about, since most
// of these errors name neither key nor line: those without which the error is
// another, or gone. Then it goes on with the next error, without them. check is what
// finds the errors of a file.
func blame(text []byte, wrong Mistakes, check func([]byte) Mistakes) Mistakes {
	var doc yaml.Node
	if wrong.lined() || yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
		return wrong
	}
	b := blamer{root: doc.Content[0], left: maxTried, check: check}
	var found Mistakes
	for next := b.verdict(); len(next) > 0 && len(found) < maxBlamed; next = b.verdict() {
		key, remove := b.search(next.problems())
		if key == "" {
			break // no key alone causes it
		}
		found = append(found, Mistake{Key: key, Problem: next.problems()})
		remove()
	}
	if len(found) == 0 {
		return wrong
	}
	return found
}

type blamer struct {
	root *yaml.Node
	left int

	check func(file []byte) Mistakes
}

// verdict is what the check says of what is left of the file.
func (b *blamer) verdict() Mistakes {
	text, err := yaml.Marshal(b.root)
	if err != nil {
		return Mistakes{{Problem: err.Error()}}
	}
	return b.check(text)
}

// search finds the deepest key without which the error is not the same.
// Receivers and routes themselves stay, since others name them.
func (b *blamer) search(problem string) (key string, remove func()) {
	for i := 0; i+1 < len(b.root.Content); i += 2 {
		name, value := b.root.Content[i].Value, b.root.Content[i+1]
		switch name {
		case "receivers":
			for j, r := range value.Content {
				if key, remove = b.below(r, fmt.Sprintf("receivers[%d]", j), problem); key != "" {
					return key, remove
				}
			}
		case "global", "route", "time_intervals", "mute_time_intervals":
			if key, remove = b.below(value, name, problem); key != "" {
				return key, remove
			}
		}
	}
	return "", nil
}

// below tries each entry of a list or mapping. A single value is to blame only
// if the problem quotes it, or there is none without it: without a value that
// is required, the error is another one as well. What remove removes is the
// whole entry of the outermost list, so that nothing of it is missing next.
func (b *blamer) below(n *yaml.Node, path, problem string) (key string, remove func()) {
	width := 1
	if n.Kind == yaml.MappingNode {
		width = 2
	}
	whole := n.Content
	for i := 0; i+width <= len(whole) && b.left > 0; i += width {
		at, child := fmt.Sprintf("%s[%d]", path, i), whole[i+width-1]
		if width == 2 {
			at = path + "." + whole[i].Value
		}
		if at == path+".name" || at == path+".receiver" {
			continue
		}
		without := slices.Delete(slices.Clone(whole), i, i+width)
		b.left--
		n.Content = without
		next := b.verdict().problems()
		n.Content = whole
		if next == problem || child.Kind == yaml.ScalarNode && next != "" && !strings.Contains(problem, child.Value) {
			continue
		}
		if key, remove = b.below(child, at, problem); key == "" {
			key = at
		}
		if remove == nil || width == 1 {
			remove = func() { n.Content = without }
		}
		return key, remove
	}
	return "", nil
}
