package omen_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayBeUnused is what is exported although no other package's code needs it, and
// why. It is exact, as the import table is, but for methods.
var mayBeUnused = map[string]string{
	"feature.Workload":             "the built-in profile by itself, for tests of others",
	"incident.Tracker.Idle":        trackerAlone,
	"incident.Tracker.Prepare":     trackerAlone,
	"incident.Tracker.RestoreSeen": trackerAlone,
	"incident.Tracker.Seen":        trackerAlone,
	"internal/simd.Plainly":        "the plain kernels, which tests of others compare with",
	"notify/message.Fan":           "the chart of a forecast by itself, as its tests draw it",
	"promrules.Builtin":            "the names that Load takes, for a program that offers them",
	"remedy.Approvers.May":         policyAlone,
	"remedy.Chronic":               policyAlone,
	"remedy.Chronics":              policyAlone,
	"remedy.Grace":                 policyAlone,
	"remedy.Playbook.Horizon":      policyAlone,
	"remedy.Playbook.Measure":      policyAlone,
	"remedy.ReadControls":          "the switches that a store holds, where no loop runs",
	"remedy.StormHold":             policyAlone,
	"remedy/kube.Action":           "an annotation that people read on objects",
	"remedy/kube.Exclude":          "an annotation that people set on objects",
	"remedy/kube.Steps":            "what a playbook may do, for a program that writes one",
	"remedy/systemd.NewRestart":    handAlone,
	"remedy/systemd.NewScript":     handAlone,
	"remedy/systemd.Restart":       handAlone,
	"remedy/systemd.Script":        handAlone,
	"remedy/webhook.Fields":        "what a body may have filled in, for a program that writes one",
	"remedy/webhook.Sent":          "the body that other programs decode",
	"replay.NewHost":               "the part of a replay without incidents",
	"replay.Write":                 "the tables of timelines that belong to no report",
	"series.NewFrame":              "frames for sources of one's own, such as those of tests",
	"training.Schedule.FirstStage": "when a first model is due, for tests of others",
}

// Why several are exported together.
const (
	trackerAlone = "the tracker is whole without its manager, as scenarios and a library's user run it"
	policyAlone  = "the policy is whole without its loop, as tests and a library's user run it"
	handAlone    = "a hand by itself, without a playbook's settings"
)

// forTests are packages that tests alone import: there their uses are.
var forTests = []string{"autoencoder/onnxtest", "internal/must", "notify/message/messagetest", "series/sourcetest"}

// wire is the package whose types are the API: their names are those of its
// documents, and of programs that read it in Go.
const wire = "api"

// calledByLibraries are methods that no code of ours calls by name.
var calledByLibraries = []string{"Describe", "MarshalJSON", "MarshalYAML", "UnmarshalJSON"}

// exports is what a package exports: of each name the own types that it mentions
// and, of a constant, its type and the others of its group.
type exports struct {
	mentions map[string]map[string]bool
	methods  map[string]bool // as Type.Method
	types    map[string]bool
}

// users are the packages that use something: qualified names as folder.Name, and
// whatever is selected by its name alone.
type users struct{ names, selected map[string]map[string]bool }

func add(to map[string]map[string]bool, what, dir string) {
	if to[what] == nil {
		to[what] = map[string]bool{}
	}
	to[what][dir] = true
}

// read takes up what a file of a folder uses.
func (u *users) read(dir string, f *ast.File) {
	folders := map[string]string{}
	for _, i := range f.Imports {
		folder, own := ours(strings.Trim(i.Path.Value, `"`))
		switch {
		case !own:
		case i.Name != nil:
			folders[i.Name.Name] = folder
		case folder == ".":
			folders["omen"] = folder
		default:
			folders[path.Base(folder)] = folder
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			add(u.selected, n.Sel.Name, dir)
			if x, ok := n.X.(*ast.Ident); ok && folders[x.Name] != "" {
				add(u.names, folders[x.Name]+"."+n.Sel.Name, dir)
			}
		case *ast.InterfaceType: // its package calls its methods
			for _, m := range n.Methods.List {
				for _, name := range m.Names {
					add(u.selected, name.Name, dir)
				}
			}
		}
		return true
	})
}

// by reports whether another folder uses something.
func by(folders map[string]bool, dir string) bool {
	for user := range folders {
		if user != dir {
			return true
		}
	}
	return false
}

// mentioned are the names in a node; of a struct those of its exported fields.
func mentioned(n ast.Node, into map[string]bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			into[n.Name] = true
		case *ast.StructType:
			for _, f := range n.Fields.List {
				if len(f.Names) == 0 || f.Names[0].IsExported() {
					mentioned(f.Type, into)
				}
			}
			return false
		}
		return true
	})
}

// receiver is the type that a method belongs to; empty for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	t := f.Recv.List[0].Type
	for {
		switch e := t.(type) {
		case *ast.StarExpr:
			t = e.X
		case *ast.IndexExpr:
			t = e.X
		case *ast.IndexListExpr:
			t = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// read takes up what a file exports.
func (x *exports) read(f *ast.File) {
	of := func(name string) map[string]bool {
		if x.mentions[name] == nil {
			x.mentions[name] = map[string]bool{}
		}
		return x.mentions[name]
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch t := receiver(d); {
			case !d.Name.IsExported():
			case d.Recv == nil:
				mentioned(d.Type, of(d.Name.Name))
			case ast.IsExported(t):
				mentioned(d.Type, of(t))
				x.methods[t+"."+d.Name.Name] = true
			}
		case *ast.GenDecl:
			var group []string
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						mentioned(s.Type, of(s.Name.Name))
						x.types[s.Name.Name] = true
					}
				case *ast.ValueSpec:
					if t, ok := s.Type.(*ast.Ident); ok && d.Tok == token.CONST && t.IsExported() {
						group = append(group, t.Name)
					}
					for _, name := range s.Names {
						if name.IsExported() {
							mentioned(s, of(name.Name))
							group = append(group, name.Name)
						}
					}
				}
			}
			if d.Tok != token.CONST {
				continue
			}
			for _, name := range group { // an enumeration is used as a whole, with its type
				for _, other := range group {
					of(name)[other] = true
				}
			}
		}
	}
}

// unused are the exported names of a folder that nothing needs from outside: no
// other folder names them, and nothing that is needed mentions them.
func (x *exports) unused(dir string, u *users) []string {
	var reached []string
	for name := range x.mentions {
		if dir == wire && x.types[name] || by(u.names[dir+"."+name], dir) {
			reached = append(reached, name)
		}
	}
	seen := map[string]bool{}
	for len(reached) > 0 {
		name := reached[len(reached)-1]
		reached = reached[:len(reached)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		for other := range x.mentions[name] {
			if x.mentions[other] != nil {
				reached = append(reached, other)
			}
		}
	}
	var out []string
	for name := range x.mentions {
		if ast.IsExported(name) && !seen[name] {
			out = append(out, name)
		}
	}
	for method := range x.methods {
		t, name, _ := strings.Cut(method, ".")
		if seen[t] && !by(u.selected[name], dir) && !slices.Contains(calledByLibraries, name) {
			out = append(out, method)
		}
	}
	slices.Sort(out)
	return out
}

// testFiles are the files of ours that are tests, by folder.
func testFiles(t *testing.T) map[string][]*ast.File {
	out := map[string][]*ast.File{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || p != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case !strings.HasSuffix(p, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		dir := filepath.ToSlash(filepath.Dir(p))
		out[dir] = append(out[dir], f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What is exported is used by another package's code: what tests alone use, or its
// own package, is not exported, or not there.
func TestNothingIsExportedForNobody(t *testing.T) {
	code := &users{map[string]map[string]bool{}, map[string]map[string]bool{}}
	tests := &users{map[string]map[string]bool{}, map[string]map[string]bool{}}
	packages := map[string]*exports{}
	for _, s := range sources(t) {
		code.read(s.dir, s.file)
		if s.file.Name.Name == "main" {
			continue
		}
		if packages[s.dir] == nil {
			packages[s.dir] = &exports{map[string]map[string]bool{}, map[string]bool{}, map[string]bool{}}
		}
		packages[s.dir].read(s.file)
	}
	for dir, files := range testFiles(t) {
		for _, f := range files {
			tests.read(dir, f)
		}
	}
	found := map[string]bool{}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		u := code
		if slices.Contains(forTests, dir) {
			u = tests
		}
		for _, name := range packages[dir].unused(dir, u) {
			name = dir + "." + name
			if found[name] = true; mayBeUnused[name] == "" {
				t.Errorf("%s is exported, and no other package uses it: make it the package's own, or remove it", name)
			}
		}
	}
	for name := range mayBeUnused {
		method := strings.Count(path.Base(name), ".") > 1 // whose uses are found by its name alone, as others may have it
		if !found[name] && !method {
			t.Errorf("%s is listed as unused, and is used or not there", name)
		}
	}
}
