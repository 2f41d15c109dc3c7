package config

import (
	"bytes"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// String is the whole effective configuration as YAML, with secrets as
// <secret>.
func (c *Config) String() string {
	var all yaml.Node
	if err := all.Encode(c); err != nil {
		return "# " + err.Error() + "\n"
	}
	for i := 0; i+1 < len(all.Content); i += 2 {
		switch key := all.Content[i].Value; key {
		case "receivers", "global", "notify", "alertmanagers", "route", "remedy":
			hide(all.Content[i+1], key == "alertmanagers" || key == "remedy", 0)
		}
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&all); err != nil {
		return "# " + err.Error() + "\n"
	}
	return b.String()
}

// secretKey are the keys of Alertmanager's format that hold a secret. A
// webhook's address is one: everybody who knows it can post.
var secretKey = regexp.MustCompile(`password|secret|token|key|credentials|api_url|webhook_url|^urls?$|values`)

// hide replaces secrets below a node. In a list of Alertmanagers, and in what
// playbooks ask, the address itself is shown, without what is secret in it.
func hide(n *yaml.Node, addresses bool, depth int) {
	if depth > maxDepth {
		return
	}
	n.LineComment, n.HeadComment, n.FootComment = "", "", "" // a comment may hold what it comments out
	if n.Kind != yaml.MappingNode {
		for _, child := range n.Content {
			hide(child, addresses, depth+1)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		key.LineComment, key.HeadComment, key.FootComment = "", "", ""
		switch {
		case addresses && key.Value == "url" && value.Kind == yaml.ScalarNode:
			if !strings.Contains(value.Value, "<secret>") { // it is hidden already, and no address any more
				value.Value = Address(value.Value).Redacted()
			}
		case secretKey.MatchString(key.Value) && !strings.HasSuffix(key.Value, "_file") && !strings.HasSuffix(key.Value, "_files"):
			*value = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "<secret>"}
		default:
			hide(value, addresses, depth+1)
		}
	}
}
