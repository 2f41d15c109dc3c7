package api

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/omenhq/omen/internal/must"
)

// This file finds what the package's own handlers read of a request's query.

// routeOf is the path of the route that a request meets; empty: it meets none.
func routeOf(method, path string) string {
	mux := http.NewServeMux()
	for _, r := range (&API{}).routes() {
		mux.Handle(r.method+" "+r.path, http.NotFoundHandler())
	}
	_, pattern := mux.Handler(httptest.NewRequest(method, path, nil))
	_, route, _ := strings.Cut(pattern, " ")
	return route
}

// reading is how a function reads a query parameter: by which of intParam,
// boolParam and timeParam, with which literals; as text without.
type reading struct{ by, otherwise, least, most string }

// source is what the package's functions read of a request's query and which
// functions they call, by name: methods and functions of one name count as one.
type source struct {
	reads     map[string]map[string]reading
	calls     map[string][]string
	constants map[string]string // by name, those that are a literal
}

// readSource reads the package's own files.
func readSource(t *testing.T) source {
	t.Helper()
	s := source{map[string]map[string]reading{}, map[string][]string{}, map[string]string{}}
	var functions []*ast.FuncDecl
	for _, name := range must.Get(filepath.Glob("*.go"))(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, d := range must.Get(parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution))(t).Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Body != nil {
					functions = append(functions, d)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.CONST && len(v.Values) == 1 {
						s.constants[v.Names[0].Name] = literal(v.Values[0])
					}
				}
			}
		}
	}
	for _, f := range functions {
		s.add(f)
	}
	return s
}

func (s source) add(f *ast.FuncDecl) {
	name, queries := f.Name.Name, map[string]bool{} // variables that hold a query
	if s.reads[name] == nil {
		s.reads[name] = map[string]reading{}
	}
	isQuery := func(e ast.Expr) bool {
		if id, ok := e.(*ast.Ident); ok {
			return queries[id.Name]
		}
		call, ok := e.(*ast.CallExpr)
		return ok && selected(call.Fun) == "Query"
	}
	// parameter is the one that an expression reads: q.Get("x"), q["x"].
	parameter := func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.CallExpr:
			if fun, ok := e.Fun.(*ast.SelectorExpr); ok && fun.Sel.Name == "Get" && len(e.Args) == 1 && isQuery(fun.X) {
				return literal(e.Args[0])
			}
		case *ast.IndexExpr:
			if isQuery(e.X) {
				return literal(e.Index)
			}
		}
		return ""
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, right := range n.Rhs {
				if id, ok := n.Lhs[i].(*ast.Ident); ok && isQuery(right) {
					queries[id.Name] = true
				}
			}
		case *ast.CallExpr:
			s.calls[name] = append(s.calls[name], selected(n.Fun))
			if reader := selected(n.Fun); strings.HasSuffix(reader, "Param") && len(n.Args) > 2 && parameter(n.Args[0]) != "" {
				r := reading{by: reader, otherwise: literal(n.Args[2])}
				if len(n.Args) > 4 {
					r.least, r.most = literal(n.Args[3]), literal(n.Args[4])
					if value, is := s.constants[r.most]; is {
						r.most = value
					}
				}
				s.reads[name][parameter(n.Args[0])] = r
			}
		}
		if e, ok := n.(ast.Expr); ok {
			if p := parameter(e); p != "" {
				if _, known := s.reads[name][p]; !known {
					s.reads[name][p] = reading{}
				}
			}
		}
		return true
	})
}

// selected is the name of what is called or selected.
func selected(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// literal is a string's or number's value, or a name.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return text
		}
		if n, err := strconv.ParseInt(e.Value, 0, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// of is what a function reads, by itself and through what it calls.
func (s source) of(name string, seen map[string]bool) map[string]reading {
	all := map[string]reading{}
	if seen[name] {
		return all
	}
	seen[name] = true
	for _, called := range s.calls[name] {
		maps.Copy(all, s.of(called, seen))
	}
	maps.Copy(all, s.reads[name])
	return all
}

var inner = regexp.MustCompile(`(\.func\d+|\.\d+|-fm)+$`)

// handlerName is the function or method that handles a route, or that made what does.
func handlerName(r route) string {
	f := reflect.ValueOf(r.handle)
	if r.raw != nil {
		f = reflect.ValueOf(r.raw)
	}
	name := inner.ReplaceAllString(runtime.FuncForPC(f.Pointer()).Name(), "")
	return name[strings.LastIndex(name, ".")+1:]
}

// kind is how a reading reads; empty: as text, of which the values are checked by
// the one that reads it.
func (r reading) kind() string {
	switch r.by {
	case "intParam":
		if _, err := strconv.Atoi(r.most); err != nil { // no literal
			return ""
		}
		return fmt.Sprintf("integer from %s to %s, else %s", r.least, r.most, r.otherwise)
	case "boolParam":
		return "boolean, else " + r.otherwise
	case "timeParam":
		return "instant"
	}
	return ""
}
