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
// code (tests aside) imports. It is exact: an arrow that is missing here fails,
// and so does one that no code has. A package that is not listed may not exist.
// "." is package omen.
var mayImport = map[string][]string{
	".":   {},
	"api": {".", "feedback", "incident", "internal/accept", "mute", "remedy", "store"},
	"app": {
		".", "api", "config", "detect", "feature", "feedback", "host", "incident", "mute", "notify",
		"promapi", "remedy", "remedy/kube", "remedy/systemd", "remedy/webhook", "replay", "series", "store", "training", "tsdb", "watch", "web",
	},
	"autoencoder":          {"internal/simd"},
	"autoencoder/onnxtest": {"internal/must"},
	"bench":                {".", "detect", "feature", "replay", "series"},
	"bench/baseline":       {".", "autoencoder", "bench"},
	"bench/exhaustion":     {".", "forecast", "series"},
	"cmd/omen": {
		".", "api", "app", "bench", "bench/baseline", "bench/exhaustion", "config", "detect", "feature", "promrules", "replay",
		"series", "store", "training", "tsdb",
	},
	"config":            {"internal/spelling"},
	"detect":            {".", "autoencoder", "feature", "internal/simd"},
	"event":             {".", "feature", "mute", "series"},
	"feature":           {".", "series"},
	"feedback":          {"."},
	"forecast":          {"."},
	"host":              {".", "tsdb"},
	"incident":          {".", "feedback", "forecast", "mute", "store"},
	"internal/accept":   {},
	"internal/must":     {},
	"internal/sign":     {},
	"internal/simd":     {},
	"internal/spelling": {},
	"mute":              {"."},
	"notify": {
		".", "notify/alertmanager", "notify/email", "notify/message", "notify/reply", "notify/slack",
		"notify/telegram", "notify/webhook", "store",
	},
	"notify/alertmanager":        {".", "notify/message", "store"},
	"notify/email":               {".", "notify/message"},
	"notify/message":             {"."},
	"notify/message/messagetest": {".", "internal/must", "notify/message", "store"},
	"notify/reply":               {".", "notify/message", "store"},
	"notify/slack":               {"notify/message", "store"},
	"notify/telegram":            {".", "notify/message", "store"},
	"notify/webhook":             {"internal/sign", "notify/message"},
	"promapi":                    {".", "series", "tsdb"},
	"promrules":                  {".", "internal/spelling", "series", "tsdb"},
	"remedy":                     {".", "feedback", "mute", "store"},
	"remedy/kube":                {".", "remedy"},
	"remedy/systemd":             {".", "remedy"},
	"remedy/webhook":             {".", "internal/sign", "remedy"},
	"replay": {
		".", "detect", "feature", "feedback", "forecast", "incident", "promrules", "series", "training",
	},
	"series":            {"."},
	"series/sourcetest": {".", "internal/must", "series", "tsdb"},
	"store":             {".", "feedback", "mute"},
	"tools/constants":   {},
	"tools/record":      {".", "feature", "series", "tsdb"},
	"training":          {".", "detect", "feature", "series"},
	"tsdb":              {".", "series"},
	"watch":             {".", "detect", "event", "feature", "forecast", "mute", "series", "store", "training"},
	"web":               {"internal/accept"},
}

// onlyIn says which packages alone may import a heavy library ("notify/..." is
// those below notify too); of several entries that match, the longest decides.
var onlyIn = map[string][]string{
	"github.com/prometheus/prometheus":               {"tsdb", "promapi"},
	"github.com/prometheus/prometheus/tsdb":          {"tsdb"},
	"github.com/prometheus/prometheus/promql/parser": {"tsdb", "promapi", "promrules", "series"},
	"github.com/prometheus/prometheus/model/rulefmt": {"promrules"},
	"github.com/prometheus/prometheus/template":      {"promrules"},
	"github.com/prometheus/prometheus/model/labels":  {"tsdb", "promapi", "series"},
	"github.com/prometheus/node_exporter":            {"host"},
	"modernc.org/sqlite":                             {"store"},
	"github.com/pressly/goose":                       {"store"},
	"github.com/prometheus/alertmanager":             {"notify/..."},
	"github.com/wneessen/go-mail":                    {"notify/email"},
	"github.com/alecthomas/kong":                     {"cmd/omen"},
	"github.com/teambition/rrule-go":                 {"mute"},
	"github.com/arran4/golang-ical":                  {"mute"},
	"github.com/go-faster/jx":                        {"series", "api"},
	"k8s.io":                                         {"remedy/kube"},
	"github.com/coreos/go-systemd":                   {"remedy/systemd"},
	"github.com/godbus/dbus":                         {"remedy/systemd"},
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
	used := map[string]map[string]bool{}
	for _, s := range sources(t) {
		allowed, known := mayImport[s.dir]
		if !known {
			t.Errorf("%s: package is not in the import table of arch_test.go", s.dir)
		}
		if used[s.dir] == nil {
			used[s.dir] = map[string]bool{}
		}
		for _, imp := range imports(s.file) {
			dep, own := ours(imp)
			if !own {
				continue
			}
			used[s.dir][dep] = true
			if !slices.Contains(allowed, dep) {
				t.Errorf("%s/%s imports %s, which the import table forbids", s.dir, s.name, dep)
			}
		}
	}
	for dir, allowed := range mayImport {
		if used[dir] == nil {
			t.Errorf("%s: the import table has a package that does not exist", dir)
		}
		for _, dep := range allowed {
			if !used[dir][dep] {
				t.Errorf("%s: the import table allows %s, which no code imports", dir, dep)
			}
		}
	}
}

func TestHeavyLibrariesHaveOneHome(t *testing.T) {
	for _, s := range sources(t) {
		for _, imp := range imports(s.file) {
			heavy := ""
			for lib := range onlyIn {
				if within(imp, lib) && len(lib) > len(heavy) {
					heavy = lib
				}
			}
			home := func(h string) bool {
				above, below := strings.CutSuffix(h, "/...")
				return s.dir == above || below && within(s.dir, above)
			}
			if heavy != "" && !slices.ContainsFunc(onlyIn[heavy], home) {
				t.Errorf("%s/%s imports %s, whose home is %s", s.dir, s.name, imp, onlyIn[heavy])
			}
		}
	}
}

// within reports whether a path is another or below it.
func within(path, above string) bool { return path == above || strings.HasPrefix(path, above+"/") }

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
