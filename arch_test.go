package omen_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/omenhq/omen"

// mayImport is the house's import table: which of our packages a package's
// code (tests aside) may import. A package that is not listed may not exist.
// "." is package omen.
var mayImport = map[string][]string{
	".":           {},
	"config":      {},
	"autoencoder": {"internal/simd"},
	"series":      {"."},
	"host":        {".", "series"},
	"feature":     {".", "series"},
	"detect":      {".", "feature", "autoencoder", "internal/simd"},
	"bench":       {".", "detect", "feature", "series", "autoencoder", "incident"},
	"store":       {"."},
	"incident":    {".", "store"},
	"notify":      {".", "store"},
	"watch":       {".", "detect", "feature", "series", "store"},
	"api":         {".", "incident", "store"},
	"web":         {".", "api"},
	"app": {
		".", "config", "host", "series", "feature", "detect", "watch", "bench",
		"store", "incident", "notify", "api", "web",
	},
	"internal/simd":       {},
	"bench/faults/record": {".", "feature", "series"},
	"cmd/omen":            {".", "app", "config", "bench", "detect", "feature", "series", "store"},
}

// onlyIn says which package alone may import a heavy library.
var onlyIn = map[string]string{
	"github.com/prometheus/prometheus/tsdb": "series",
	"github.com/prometheus/node_exporter":   "host",
	"modernc.org/sqlite":                    "store",
	"github.com/pressly/goose":              "store",
	"github.com/prometheus/alertmanager":    "notify",
	"github.com/wneessen/go-mail":           "notify",
	"github.com/alecthomas/kong":            "cmd/omen",
}

// banned are package names that say nothing about what is inside.
var banned = []string{
	"util", "utils", "common", "helper", "helpers", "base", "types", "models",
	"manager", "service", "core", "pkg", "misc", "shared", "lib",
}

// source is one Go file of ours that is not a test.
type source struct {
	dir, name string // dir relative to the module, "." for its root
	file      *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case "node_modules", "testdata", "data", "bin", "dist":
				return fs.SkipDir
			}
			if p != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		out = append(out, source{filepath.ToSlash(filepath.Dir(p)), d.Name(), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("found %d source files: the walk is broken", len(out))
	}
	return out
}

func imports(f *ast.File) []string {
	var out []string
	for _, i := range f.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

// ours turns an import path into our package's folder.
func ours(imp string) (string, bool) {
	if imp == module {
		return ".", true
	}
	return strings.CutPrefix(imp, module+"/")
}

func TestImportsGoDown(t *testing.T) {
	for _, s := range sources(t) {
		whole := strings.HasPrefix(s.dir, "test") // whole-program tests import nothing of ours
		allowed, known := mayImport[s.dir]
		if !known && !whole {
			t.Errorf("%s: package is not in the import table of arch_test.go", s.dir)
			continue
		}
		for _, imp := range imports(s.file) {
			dep, own := ours(imp)
			if !own {
				continue
			}
			if whole || !slices.Contains(allowed, dep) {
				t.Errorf("%s/%s imports %s, which the import table forbids", s.dir, s.name, dep)
			}
		}
	}
}

func TestHeavyLibrariesHaveOneHome(t *testing.T) {
	for _, s := range sources(t) {
		for _, imp := range imports(s.file) {
			for lib, home := range onlyIn {
				if (imp == lib || strings.HasPrefix(imp, lib+"/")) && s.dir != home {
					t.Errorf("%s/%s imports %s, whose home is %s", s.dir, s.name, imp, home)
				}
			}
		}
	}
}

func TestRootImportsOnlyTheStandardLibrary(t *testing.T) {
	for _, s := range sources(t) {
		if s.dir != "." {
			continue
		}
		for _, imp := range imports(s.file) {
			if first, _, _ := strings.Cut(imp, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s: package omen takes nothing but the standard library", s.name, imp)
			}
		}
	}
}

func TestEveryPackageIsDocumentedOnce(t *testing.T) {
	docs := map[string]int{}
	for _, s := range sources(t) {
		if s.file.Doc != nil {
			docs[s.dir]++
			if len(s.file.Doc.Text()) < 60 {
				t.Errorf("%s/%s: the package comment says too little", s.dir, s.name)
			}
		} else {
			docs[s.dir] += 0
		}
	}
	for dir, n := range docs {
		if n != 1 {
			t.Errorf("%s: has %d package comments, want exactly one", dir, n)
		}
	}
}

func TestNoBannedPackageNames(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains(banned, path.Base(s.dir)) || slices.Contains(banned, s.file.Name.Name) {
			t.Errorf("%s: %q says nothing about what is inside", s.dir, s.file.Name.Name)
		}
	}
}

func TestNoInitRegistries(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s/%s: has an init function; build things where they are used", s.dir, s.name)
			}
		}
	}
}

func TestArchitectureStaysReadable(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 200 {
		t.Errorf("ARCHITECTURE.md has %d lines, want at most 200", n)
	}
	for dir := range mayImport {
		if dir != "." && !strings.Contains(string(text), dir+"/") {
			t.Errorf("ARCHITECTURE.md does not mention %s/", dir)
		}
	}
}
