package promrules

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen"
)

const (
	nullTag  = "!!null"
	mergeTag = "!!merge"
	strTag   = "!!str"

	maxAliased = 1 << 18 // nodes
)

// unfolding is what one document is made to that can be taken apart and written again:
// it has no aliases, no merged mappings and no comments, and each of its scalars has a
// line of its own.
type unfolding struct{ aliased int }

// node is a copy of a node. Copies of what is aliased are counted, since there may be many
// of them, or no end.
func (u *unfolding) node(n *yaml.Node, aliased bool) (*yaml.Node, error) {
	if n.Kind == yaml.AliasNode {
		n, aliased = n.Alias, true
	}
	if aliased {
		u.aliased++
	}
	if u.aliased > maxAliased {
		return nil, fmt.Errorf("%d:%d: aliases make more than %d nodes of it, or have no end: %w", n.Line, n.Column, maxAliased, omen.ErrInvalid)
	}
	to := &yaml.Node{Kind: n.Kind, Style: n.Style & yaml.TaggedStyle, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	switch {
	case n.Kind != yaml.ScalarNode:
	case n.ShortTag() == nullTag:
		to.Value = "null"
	case n.ShortTag() == strTag:
		to.Style |= yaml.DoubleQuotedStyle
	}
	for _, child := range n.Content {
		child, err := u.node(child, aliased)
		if err != nil {
			return nil, err
		}
		to.Content = append(to.Content, child)
	}
	if n.Kind == yaml.MappingNode {
		return to, merge(to)
	}
	return to, nil
}

// merge gives a mapping the keys of those that << names and that it has not itself.
func merge(n *yaml.Node) error {
	var own, from []*yaml.Node
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch key, value := n.Content[i], n.Content[i+1]; {
		case key.ShortTag() != mergeTag:
			own = append(own, key, value)
			seen[key.Value] = true
		case value.Kind == yaml.SequenceNode:
			from = append(from, value.Content...)
		default:
			from = append(from, value)
		}
	}
	for _, other := range from {
		if other.Kind != yaml.MappingNode {
			return fmt.Errorf("%d:%d: << names no mapping: %w", other.Line, other.Column, omen.ErrInvalid)
		}
		for i := 0; i+1 < len(other.Content); i += 2 {
			if key := other.Content[i]; !seen[key.Value] {
				own = append(own, key, other.Content[i+1])
				seen[key.Value] = true
			}
		}
	}
	n.Content = own
	return nil
}
