package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/omenhq/omen/internal/spelling"
)

// Load reads and checks a file. File names inside it are made relative to its
// directory. With an error there may be a configuration all the same, as of [Parse].
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, err := parse(path, text)
	if err != nil {
		return c, err
	}
	dir := filepath.Dir(path)
	for i := range c.Sources {
		if c.Sources[i].HTTPConfig != nil {
			c.Sources[i].HTTPConfig.SetDirectory(dir)
		}
	}
	for i := range c.Remedy.Playbooks {
		if h := c.Remedy.Playbooks[i].Do.Webhook; h != nil && h.HTTPConfig != nil {
			h.HTTPConfig.SetDirectory(dir)
		}
	}
	c.Remedy.setDirectory(func(name string) string {
		if name == "" || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	})
	for i, k := range c.Calendars {
		if !filepath.IsAbs(k.File) {
			c.Calendars[i].File = filepath.Join(dir, k.File)
		}
	}
	return c, nil
}

// Parse checks a file's text. Its error joins one [Error] for each thing that
// is wrong. An empty text is a valid configuration: all defaults. With an error,
// a configuration that is not nil holds what could be read: it is good for finding
// what else is wrong, but for what [Config.Follows].
func Parse(text []byte) (*Config, error) { return parse("configuration", text) }

func parse(file string, text []byte) (*Config, error) {
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		c := &Config{}
		c.fill()
		return c, nil
	case err != nil:
		return nil, syntax(file, err)
	}
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, &Error{File: file, Problem: "has a second document (after ---), or text after its end: write one document"}
	}
	w := &walker{file: file, places: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}, meant: map[string]bool{}}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode && root.Tag != "!!null" {
		w.fail(root, "", "want keys with values, such as sources:, not %s", spelling.Shape(root))
		return nil, joined(w.errs)
	}
	w.walk(root, reflect.TypeFor[Config](), "", 0)
	w.prune()
	w.early = len(w.errs)
	c := &Config{written: w}
	if err := doc.Decode(c); err != nil {
		if len(w.errs) > 0 {
			return nil, joined(w.errs)
		}
		return nil, syntax(file, err)
	}
	c.fill()
	c.check(w)
	if len(w.errs) > 0 {
		return c, joined(w.errs)
	}
	return c, nil
}

var lineIn = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?((?s:.*))$`)

// syntax is a YAML error as one of ours. The library counts lines, not columns.
func syntax(file string, err error) error {
	e := &Error{File: file, Problem: err.Error()}
	if m := lineIn.FindStringSubmatch(err.Error()); m != nil {
		e.Problem = "is not YAML: " + m[2]
		if strings.Contains(m[2], "cannot start any token") {
			e.Problem += ": indent with spaces, not tabs, and quote what begins with @"
		}
		if line, bad := strconv.Atoi(m[1]); bad == nil {
			e.Line, e.Column = line, 1
		}
	}
	return e
}
