package spelling

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// shapeMost is how many letters of a text are shown.
const shapeMost = 40

// Shape is what a node of a file is, in words: "keys with values", "a list", or the text
// as it was written, quoted and cut short.
func Shape(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	}
	text := []rune(n.Value)
	if len(text) > shapeMost {
		text = append(text[:shapeMost:shapeMost], '…')
	}
	return fmt.Sprintf("%q", string(text))
}
