package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
)

//go:generate go test -run TestTheDocumentIsCommitted . -update

type object = map[string]any

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

// document is the OpenAPI 3.1 document of a table of routes.
func document(routes []route, version string) []byte {
	s := schemas{}
	paths := object{"/metrics": object{"get": object{
		"summary": "Metrics in Prometheus' text format", "operationId": "getMetrics",
		"responses": object{"200": object{"description": "metrics", "content": object{mediaText: object{"schema": object{"type": "string"}}}}},
	}}}
	for _, r := range routes {
		var schema object
		media := "application/json"
		if r.answerMedia != "" {
			media, schema = r.answerMedia, object{"type": "string"}
			if media == "application/json" {
				schema = object{"type": "object"}
			}
		} else {
			schema = s.of(reflect.TypeOf(r.answer))
		}
		op := object{
			"summary": r.summary, "operationId": operation(r), "parameters": s.parameters(r),
			"responses": s.responses(r, object{"description": "success", "content": object{media: object{"schema": schema}}}),
		}
		if r.public {
			op["security"] = []any{}
		}
		if least := r.needs(); least != RoleRead {
			op["description"] = "Needs the role " + string(least) + "."
		}
		if r.body != nil {
			op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": s.of(reflect.TypeOf(r.body))}}}
		}
		item, _ := paths[r.path].(object)
		if item == nil {
			item = object{}
			paths[r.path] = item
		}
		item[strings.ToLower(r.method)] = op
	}
	out, err := json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Omen", "version": version,
			"description": "A score of 1.0 is a host's calibrated limit; above it the host is anomalous. Numbers that are unknown are null. Times are RFC 3339 in UTC.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"paths": paths, "components": object{"schemas": s, "responses": s.errors(), "securitySchemes": object{"password": object{
			"type": "http", "scheme": "basic", "description": "a user of the web configuration file (--web.config.file); where it has none, nobody is asked",
		}}},
		"security": []any{object{"password": []any{}}, object{}},
	})
	if err != nil {
		panic(err) // maps, strings and bools only
	}
	return out
}

// operation is a route's name for generated clients: getHostsHostScore.
func operation(r route) string {
	var b strings.Builder
	b.WriteString(strings.ToLower(r.method))
	for _, part := range strings.FieldsFunc(strings.TrimPrefix(r.path, base), func(c rune) bool { return strings.ContainsRune("/{}-.", c) }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// schemas collects the JSON schemas of wire structs and enums by name.
type schemas object

var plainTypes = map[reflect.Type]object{
	reflect.TypeFor[Number]():          {"type": []string{"number", "null"}},
	reflect.TypeFor[Seconds]():         {"type": "number"},
	reflect.TypeFor[Instant]():         {"type": []string{"string", "null"}, "format": "date-time"},
	reflect.TypeFor[json.RawMessage](): {"type": []string{"object", "null"}},
}

// actionStates are those of an action.
var actionStates = []omen.ActionState{
	omen.ActionSuggested, omen.ActionRefused, omen.ActionWaiting, omen.ActionDeclined, omen.ActionExpired, omen.ActionApproved,
	omen.ActionStarted, omen.ActionDone, omen.ActionFailed, omen.ActionUnknown, omen.ActionStuck, omen.ActionMeasuring,
	omen.ActionHelped, omen.ActionNotHelped, omen.ActionWorse, omen.ActionUnmeasurable, omen.ActionInterrupted, omen.ActionUndone,
}

// enums are the values of each string type that has only some. Empty ones are
// of what is not known yet, or was not given.
var enums = enumsOf(
	omen.Units(), allRoles(),
	[]omen.HostState{omen.HostLearning, omen.HostNormal, omen.HostAnomalous, omen.HostSilent},
	[]omen.SourceState{omen.SourceStarting, omen.SourceUp, omen.SourcePartial, omen.SourceDown},
	[]omen.Grade{"", omen.Provisional, omen.Learning, omen.Established},
	[]omen.IncidentKind{omen.HostIncident, omen.FleetIncident, omen.SourceIncident, omen.OwnIncident, omen.ForecastIncident},
	[]omen.IncidentState{omen.Open, omen.Acknowledged, omen.Closed},
	[]omen.Severity{omen.Info, omen.Warning, omen.Critical},
	[]omen.Verdict{omen.NoVerdict, omen.Real, omen.NotAProblem, omen.Expected},
	actionStates,
	[]omen.ActionMode{omen.ModeOff, omen.ModeSuggest, omen.ModeApprove, omen.ModeAutomatic},
	[]mute.Effect{"", mute.EffectSilence, mute.EffectExclude, mute.EffectShift},
	[]mute.EventKind{mute.EventBoot, mute.EventRestart, mute.EventDeploy, mute.EventNote},
	occurrenceKinds,
	[]HostOrder{HostsByAttention, HostsByScore, HostsByName, HostsByModelAge},
	[]IncidentOrder{IncidentsBySince, IncidentsByWeight},
	[]HeatSpan{Heat1h, Heat12h, Heat24h, Heat7d},
	[]Question{AskedSample, AskedModel, AskedScore, AskedEvidence, AskedIncident, AskedSuppressed, AskedDelivered},
	[]omen.ChangeKind{
		omen.ChangeOpened, omen.ChangeEscalated, omen.ChangeUpdated, omen.ChangeAcknowledged, omen.ChangeAssigned, omen.ChangeCommented,
		omen.ChangeJudged, omen.ChangeSuppressed, omen.ChangeReopened, omen.ChangeActed, omen.ChangeClosed,
	},
)

func enumsOf(lists ...any) map[reflect.Type]object {
	all := map[reflect.Type]object{}
	for _, values := range lists {
		all[reflect.TypeOf(values).Elem()] = object{"type": "string", "enum": values}
	}
	return all
}

// of is the schema of a type, by reference where it is a struct or has only
// some values. A type that it does not know is a bug that every test of the
// package finds.
func (s schemas) of(t reflect.Type) object {
	if o, ok := plainTypes[t]; ok {
		return o
	}
	if o, ok := enums[t]; ok {
		s[t.Name()] = o
		return object{"$ref": "#/components/schemas/" + t.Name()}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "propertyNames": s.of(t.Key()), "additionalProperties": s.of(t.Elem())}
	case reflect.Pointer:
		return object{"oneOf": []any{s.of(t.Elem()), object{"type": "null"}}}
	case reflect.Struct:
		name := t.Name()
		if _, ok := s[name]; !ok {
			s[name] = nil // a struct may hold itself
			properties, required := object{}, []string{}
			s.fields(t, properties, &required)
			s[name] = object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
		}
		return object{"$ref": "#/components/schemas/" + name}
	}
	panic("no JSON schema for " + t.String())
}

func (s schemas) fields(t reflect.Type, properties object, required *[]string) {
	for f := range t.Fields() {
		if f.Anonymous {
			s.fields(f.Type, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		property := maps.Clone(s.of(f.Type))
		if doc := f.Tag.Get("doc"); doc != "" {
			property["description"] = doc
		}
		if f.Tag.Get("null") == "never" {
			property["type"] = property["type"].([]string)[0]
		}
		properties[name] = property
		if !strings.Contains(options, "omitempty") {
			*required = append(*required, name)
		}
	}
}

func (a *API) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(a.document)
}
