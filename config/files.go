package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Unreadable are the files that a configuration names by a key that ends in
// _file, such as a receiver's token, and that cannot be read now: an [Error]
// each. That is no mistake of the configuration, since a secret may come later,
// but until then whatever needs it fails.
func Unreadable(path string) ([]error, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, syntax(path, err)
	}
	var missing []error
	var look func(n *yaml.Node)
	look = func(n *yaml.Node) {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 && c.Kind == yaml.ScalarNode && c.Value != "" && strings.HasSuffix(n.Content[i-1].Value, "_file") {
				if err := readable(filepath.Dir(path), c.Value); err != nil {
					missing = append(missing, &Error{File: path, Line: c.Line, Column: c.Column, Key: n.Content[i-1].Value, Problem: err.Error()})
				}
			}
			look(c)
		}
	}
	look(&doc)
	return missing, nil
}

// readable opens a file that is named relative to dir.
func readable(dir, name string) error {
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	f, err := os.Open(name)
	var why *fs.PathError
	if errors.As(err, &why) {
		return fmt.Errorf("%s: %w", name, why.Err)
	}
	if err != nil {
		return err
	}
	return f.Close()
}
