package config

import _ "embed"

//go:embed example.yml
var example string

// Example is a commented file to start from: it says what holds without it.
func Example() string { return example }
