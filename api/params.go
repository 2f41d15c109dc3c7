package api

import (
	"maps"
	"math"
	"reflect"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

// kind is which values a query parameter takes. The zero kind is any text.
type kind struct {
	one       object       // the JSON schema of a value
	enum      reflect.Type // instead of one: a type that has only some values, see enums
	also      []string     // values beside those of enum
	otherwise any          // the value where none is given; nil: there is none, or it depends
	list      bool         // several are taken, separated by commas
	most      int          // how often the parameter may be given; 0: once
}

var (
	anInstant = kind{one: object{"anyOf": []any{object{"type": "string", "format": "date-time"}, object{"type": "number", "description": "seconds since 1970"}}}}
	somePoint = integer(1, 11000, 1000)
)

// usualKinds are those of parameters that mean the same wherever they are.
var usualKinds = map[string]kind{"from": anInstant, "to": anInstant, "at": anInstant, "points": somePoint}

// kinds are those of each path's other parameters that are not any text. What
// they say is what the handlers read, and a test compares the two.
var kinds = map[string]map[string]kind{
	base + "/hosts": {
		"state": oneOf[omen.HostState](), "sort": oneOf(HostsByAttention), "limit": integer(1, 1000, 100), "offset": integer(0, math.MaxInt32, 0),
	},
	base + "/hosts/{host}/features": {"feature": {most: 16}},
	base + "/heat":                  {"last": oneOf(Heat12h), "rows": integer(1, mostHeatRows, 200)},
	base + "/forecasts":             {"likely": yesNo(false), "limit": integer(1, 10000, 100)},
	base + "/incidents": {
		"state": someOf[omen.IncidentState]("active"), "kind": someOf[omen.IncidentKind](), "members": yesNo(false), "quiet": yesNo(true),
		"sort": oneOf(IncidentsBySince), "limit": integer(1, 500, 50), "points": integer(0, 120, 0),
	},
	base + "/events":                 {"kind": someOf[mute.EventKind]()},
	base + "/incidents/{id}/members": {"points": integer(1, 500, 120)},
	base + "/trust":                  {"limit": integer(1, 200, 50), "offset": integer(0, math.MaxInt32, 0)},
	base + "/models":                 {"all": yesNo(false)},
	base + "/silences":               {"ended": yesNo(false)},
	base + "/actions":                {"state": someOf[omen.ActionState](), "limit": integer(1, 1000, 100)},
}

func integer(least, most, otherwise int) kind {
	return kind{one: object{"type": "integer", "minimum": least, "maximum": most}, otherwise: otherwise}
}

func yesNo(otherwise bool) kind { return kind{one: object{"type": "boolean"}, otherwise: otherwise} }

// oneOf is one of a type's values; a default may be given.
func oneOf[T ~string](otherwise ...T) kind {
	k := kind{enum: reflect.TypeFor[T]()}
	if len(otherwise) > 0 {
		k.otherwise = otherwise[0]
	}
	return k
}

// someOf is one or more of a type's values, or of others.
func someOf[T ~string](also ...string) kind {
	return kind{enum: reflect.TypeFor[T](), also: also, list: true}
}

// kind is that of one of the route's query parameters.
func (r route) kind(name string) kind {
	if k, ok := kinds[r.path][name]; ok {
		return k
	}
	return usualKinds[name]
}

// parameters describes what a route takes in its path and query.
func (s schemas) parameters(r route) []any {
	params := []any{}
	for _, m := range pathParam.FindAllStringSubmatch(r.path, -1) {
		params = append(params, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string", "minLength": 1}, "description": pathDocs[m[1]]})
	}
	for _, q := range r.query {
		k := r.kind(q.name)
		p := object{"name": q.name, "in": "query", "description": q.doc, "schema": s.ofParam(k)}
		if k.list {
			p["style"], p["explode"] = "form", false
		}
		params = append(params, p)
	}
	return params
}

// pathDocs says what the parameters in paths are.
var pathDocs = map[string]string{
	"host": "a host's name if only one has it, or its id; escape slashes as %2F",
	"id":   "an id, as the lists give it",
	"name": "a name, as the lists give it",
}

func (s schemas) ofParam(k kind) object {
	schema := object{"type": "string"}
	switch {
	case k.enum != nil && k.also != nil:
		schema = object{"anyOf": []any{s.of(k.enum), object{"type": "string", "enum": k.also}}}
	case k.enum != nil:
		schema = s.of(k.enum)
	case k.one != nil:
		schema = maps.Clone(k.one)
	}
	switch {
	case k.list:
		schema = object{"type": "array", "items": schema}
	case k.most > 0:
		schema = object{"type": "array", "items": schema, "minItems": 1, "maxItems": k.most}
	}
	if k.otherwise != nil {
		schema["default"] = k.otherwise
	}
	return schema
}
