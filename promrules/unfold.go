package promrules

import "go.yaml.in/yaml/v3"

const (
	nullTag  = "!!null"
	mergeTag = "!!merge"

	maxAliased = 1 << 18 // nodes
)

// unfolding is what one document is made to that can be taken apart:
// it has no aliases, no merged mappings and no comments.
type unfolding struct{ aliased int }

// node is a copy of a node. Copies of what is aliased are counted, since there may be many
// of them, or no end.
func (u *unfolding) node(n *yaml.Node, aliased bool) (*yaml.Node, *mistake) {
	if n.Kind == yaml.AliasNode {
		n, aliased = n.Alias, true
	}
	if aliased {
		u.aliased++
	}
	if u.aliased > maxAliased {
		return nil, mistaken(n, "aliases make more than %d nodes of it, or have no end: write it without them", maxAliased)
	}
	to := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	for _, child := range n.Content {
		child, wrong := u.node(child, aliased)
		if wrong != nil {
			return nil, wrong
		}
		to.Content = append(to.Content, child)
	}
	if n.Kind == yaml.MappingNode {
		return to, merge(to)
	}
	return to, nil
}

// merge gives a mapping the keys of those that << names and that it has not itself.
func merge(n *yaml.Node) *mistake {
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
			return mistaken(other, "<< names no mapping: name an anchor of keys with values")
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
