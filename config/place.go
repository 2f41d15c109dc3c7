package config

import (
	"fmt"
	"path/filepath"
)

// Place is where a value of a configuration comes from.
type Place struct {
	File string // empty: there was no file
	Line int    // from 1; 0: it is written nowhere, and its default holds
}

// String is the place as people name it: omen.yml:12, or default.
func (p Place) String() string {
	if p.Line == 0 {
		return "default"
	}
	return fmt.Sprintf("%s:%d", filepath.Base(p.File), p.Line)
}

// Place is where the value at a key such as sources[0].step is written. Other
// than [Config.At] it does not look above the key.
func (c *Config) Place(key string) Place {
	if c.written == nil {
		return Place{}
	}
	p := Place{File: c.written.file}
	if n, ok := c.written.places[key]; ok && n.Tag != "!!null" {
		p.Line = n.Line
	}
	return p
}
