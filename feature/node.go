package feature

// Node is the built-in profile for Linux hosts, from node_exporter's metrics.
func Node() Profile { return Profile{Name: "node"} }
