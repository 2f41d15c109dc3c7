package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// scale is put beside the constants of each package: it reads what to scale from
// the environment.
const scale = `package %s

import (
	"math"
	"os"
	"strconv"
	_ "time"
)

func scaledConstant(name, of string, value float64, whole bool) float64 {
	by, err := strconv.ParseFloat(os.Getenv("OMEN_SCALE"), 64)
	if err != nil || os.Getenv("OMEN_CONSTANT") != name {
		return value
	}
	switch of {
	case "tail":
		value = 1 - (1-value)*by
	case "above":
		value = 1 + (value-1)*by
	default:
		value *= by
	}
	if whole {
		value = max(1, math.Round(value))
	}
	return value
}
`

// rewritten writes the packages' files with variables for the constants, and
// returns which file stands for which. It fills in the constants' values.
func rewritten(dir string) (overlay map[string]string, err error) {
	overlay = map[string]string{}
	put := func(path, text string) error {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("find %s: %w", path, err)
		}
		to := filepath.Join(dir, strings.ReplaceAll(path, string(filepath.Separator), "_"))
		overlay[absolute] = to
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write overlay: %w", err)
		}
		return nil
	}
	found := map[string]bool{}
	for _, pkg := range []string{"autoencoder", "detect", "incident", "feedback", "training"} {
		if err := put(filepath.Join(pkg, "scaled_constant.go"), fmt.Sprintf(scale, pkg)); err != nil {
			return nil, err
		}
		if s, ok := slow[pkg]; ok {
			if err := errors.Join(put(filepath.Join(pkg, "kept.go"), fmt.Sprintf(kept, pkg)), put(filepath.Join(pkg, "kept_"+strings.ToLower(s.id)+".go"), s.text)); err != nil {
				return nil, err
			}
		}
		files, err := filepath.Glob(filepath.Join(pkg, "*.go"))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", pkg, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, changed, err := rewrite(pkg, path, found)
			if err != nil {
				return nil, err
			}
			if changed {
				if err := put(path, text); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, c := range constants {
		if !found[c.name()] {
			return nil, fmt.Errorf("no constant %s any more: tools/constants/list.go names it", c.name())
		}
	}
	return overlay, nil
}

// edit replaces a stretch of a file.
type edit struct {
	from, to int
	text     string
}

// rewrite is one file with variables for its constants.
func rewrite(pkg, path string, found map[string]bool) (text string, changed bool, err error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", path, err)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, 0)
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", path, err)
	}
	at := func(p token.Pos) int { return files.Position(p).Offset }
	var edits []edit
	after := ""
	known := func(id string) int {
		return slices.IndexFunc(constants, func(c constant) bool { return c.pkg == pkg && c.id == id })
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if s, ok := slow[pkg]; ok && n.Recv == nil && n.Name.Name == s.id {
				edits = append(edits, edit{at(n.Name.Pos()), at(n.Name.End()), s.id + "Afresh"})
			}
			return n.Name.Name == "DefaultHysteresis"
		case *ast.ValueSpec:
			if k := known(n.Names[0].Name); k >= 0 && len(n.Values) == 1 && !found[constants[k].name()] {
				c := &constants[k]
				c.value = string(source[at(n.Values[0].Pos()):at(n.Values[0].End())])
				found[c.name()] = true
				edits = append(edits, edit{at(n.Pos()), at(n.End()), "_ = 0"})
				after += fmt.Sprintf("\nvar %s = %s\n", c.id, c.scaled(c.value))
			}
		case *ast.KeyValueExpr:
			id, ok := n.Key.(*ast.Ident)
			if !ok {
				return false
			}
			if k := known(id.Name); k >= 0 && pkg == "incident" {
				c := &constants[k]
				c.value = string(source[at(n.Value.Pos()):at(n.Value.End())])
				found[c.name()] = true
				value := c.scaled(c.value)
				if lit, ok := n.Value.(*ast.CompositeLit); ok {
					part := func(i int) string { return string(source[at(lit.Elts[i].Pos()):at(lit.Elts[i].End())]) }
					samples, span := *c, *c
					samples.typ, span.typ = "int", "time.Duration"
					value = fmt.Sprintf("Evidence{%s, %s}", samples.scaled(part(0)), span.scaled(part(1)))
				}
				edits = append(edits, edit{at(n.Value.Pos()), at(n.Value.End()), value})
			}
		}
		return true
	})
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from })
	text = string(source)
	for _, e := range edits {
		text = text[:e.from] + e.text + text[e.to:]
	}
	return text + after, len(edits) > 0, nil
}

// scaled is an expression for the constant as a variable.
func (c constant) scaled(value string) string {
	return fmt.Sprintf("%s(scaledConstant(%q, %q, float64(%s), %t))", c.typ, c.name(), c.of, value, c.typ == "int" || c.typ == "time.Duration")
}
