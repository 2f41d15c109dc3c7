package notify

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"
)

// section is file with every top-level key but the given ones blanked out, so
// that what remains can be decoded strictly and errors still name the line of
// the whole file. A document that is not a block mapping, or that has aliases
// from one section into another, is written again without the others; lines
// are lost then.
func section(file []byte, keys ...string) (kept []byte, lined bool, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return nil, true, clean(err)
	}
	if len(doc.Content) == 0 {
		return nil, true, nil
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, true, Mistakes{{Problem: "want a mapping of keys to values at the top"}}
	}
	if top.Style&yaml.FlowStyle != 0 || hasAlias(top) {
		kept, err = rewritten(top, keys)
		return kept, false, err
	}
	lines := bytes.Split(file, []byte("\n"))
	for i := 0; i < len(top.Content); i += 2 {
		if slices.Contains(keys, top.Content[i].Value) {
			continue
		}
		end := len(lines)
		if i+2 < len(top.Content) {
			end = top.Content[i+2].Line - 1
		}
		for l := top.Content[i].Line - 1; l < end; l++ {
			lines[l] = nil
		}
	}
	return bytes.Join(lines, []byte("\n")), true, nil
}

func hasAlias(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, hasAlias)
}

func rewritten(top *yaml.Node, keys []string) ([]byte, error) {
	kept := &yaml.Node{Kind: yaml.MappingNode, Tag: top.Tag}
	r := resolver{open: map[*yaml.Node]bool{}, left: maxResolved}
	for i := 0; i < len(top.Content); i += 2 {
		if !slices.Contains(keys, top.Content[i].Value) {
			continue
		}
		value, err := r.resolve(top.Content[i+1])
		if err != nil {
			return nil, err
		}
		kept.Content = append(kept.Content, top.Content[i], value)
	}
	return yaml.Marshal(kept)
}

// maxResolved bounds what aliases may grow a document to, in nodes: a few
// lines of aliases to aliases make billions.
const maxResolved = 100_000

// resolver copies nodes with each alias replaced by what it stands for.
type resolver struct {
	open map[*yaml.Node]bool // anchors within which we are
	left int                 // nodes that may still be made
}

func (r *resolver) resolve(n *yaml.Node) (*yaml.Node, error) {
	if r.left--; r.left < 0 {
		return nil, fmt.Errorf("line %d: aliases make this document too large", n.Line)
	}
	if n.Kind == yaml.AliasNode {
		return r.resolve(n.Alias)
	}
	if r.open[n] {
		return nil, fmt.Errorf("line %d: anchor %q contains itself", n.Line, n.Anchor)
	}
	r.open[n] = true
	defer delete(r.open, n)
	c := *n
	c.Anchor, c.Content = "", make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		var err error
		if c.Content[i], err = r.resolve(child); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// complete turns send_resolved on where the file does not say otherwise, and
// makes file names relative to the configuration's directory. Alertmanager
// leaves send_resolved off for mail, Slack and some more; Omen's messages come
// so rarely that not being notified of an end is worse.
//
// Its structs have no list of file names; what they have is a custom: a key
// whose Go name ends in File is one, and HTTPConfig knows its own.
func (s *Settings) complete(text []byte) error {
	var file struct {
		Receivers []map[string]any `yaml:"receivers"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return clean(err)
	}
	s.locateTemplates()
	for r := range s.alertmanager.Receivers {
		receiver := reflect.ValueOf(&s.alertmanager.Receivers[r]).Elem()
		for f := range receiver.NumField() {
			list := receiver.Field(f)
			if list.Kind() != reflect.Slice {
				continue
			}
			key, _, _ := strings.Cut(receiver.Type().Field(f).Tag.Get("yaml"), ",")
			entries, _ := file.Receivers[r][key].([]any)
			for i := range list.Len() {
				entry := list.Index(i).Elem()
				resolveFiles(entry, s.dir)
				said := false
				if i < len(entries) {
					keys, _ := entries[i].(map[string]any)
					_, said = keys["send_resolved"]
				}
				if resolved := entry.FieldByName("VSendResolved"); !said && resolved.IsValid() {
					resolved.SetBool(true)
				}
			}
		}
	}
	return nil
}

// locateTemplates makes the names of templates relative to the configuration's
// directory.
func (s *Settings) locateTemplates() {
	for i, t := range s.alertmanager.Templates {
		if !filepath.IsAbs(t) {
			s.alertmanager.Templates[i] = filepath.Join(s.dir, t)
		}
	}
}

// Doubts are what may be a mistake and is none for sure: patterns of templates that
// match no file yet.
func (s *Settings) Doubts() (all Mistakes) {
	for i, t := range s.alertmanager.Templates {
		if files, err := filepath.Glob(t); err == nil && len(files) == 0 {
			all = append(all, Mistake{Key: fmt.Sprintf("templates[%d]", i), Problem: "matches no file: " + t})
		}
	}
	return all
}

func resolveFiles(entry reflect.Value, dir string) {
	for i := range entry.NumField() {
		name, field := entry.Type().Field(i).Name, entry.Field(i)
		if h, ok := field.Interface().(*promconfig.HTTPClientConfig); ok && h != nil {
			h.SetDirectory(dir)
		}
		if strings.HasSuffix(name, "File") && field.Kind() == reflect.String {
			field.SetString(promconfig.JoinDir(dir, field.String()))
		}
	}
}
