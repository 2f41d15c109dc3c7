package notify

import (
	"fmt"
	"reflect"
	"strings"
)

// withTexts is a copy of a receiver's configuration in which every text is what
// f makes of it, given its key such as headers.Subject or fields[0].value. A
// text in a mapping of which nothing is left is left out. HTTP settings and
// secrets are as they were.
func withTexts(conf any, f func(key, text string) string) any {
	return copied(reflect.ValueOf(conf), "", func(key, text string, secret bool) string {
		if secret {
			return text
		}
		return f(key, text)
	}).Interface()
}

// secrets are the secrets of a receiver's configuration by key.
func secrets(conf any) map[string]string {
	all := map[string]string{}
	copied(reflect.ValueOf(conf), "", func(key, text string, secret bool) string {
		if secret && text != "" {
			all[key] = text
		}
		return text
	})
	return all
}

// texts are the texts of a receiver's configuration by key.
func texts(conf any) map[string]string {
	all := map[string]string{}
	withTexts(conf, func(key, text string) string {
		if text != "" {
			all[key] = text
		}
		return text
	})
	return all
}

// defaults are the texts of a configuration of the same kind that says nothing.
func defaults(conf any) map[string]string {
	empty := reflect.New(reflect.TypeOf(conf).Elem()).Interface()
	if d, ok := empty.(interface{ UnmarshalYAML(func(any) error) error }); ok {
		_ = d.UnmarshalYAML(func(any) error { return nil }) // fills in the defaults, then misses what is required
	}
	return texts(empty)
}

// visitor is given a value of a configuration and gives what takes its place.
type visitor func(key, text string, secret bool) string

func copied(v reflect.Value, key string, f visitor) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(f(key, v.String(), v.Type().Name() == "Secret")).Convert(v.Type())
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() || v.Kind() == reflect.Pointer && !ofAlertmanager(v.Type().Elem()) {
			return v
		}
		if v.Kind() == reflect.Interface {
			return copied(v.Elem(), key, f)
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(copied(v.Elem(), key, f))
		return out
	case reflect.Struct:
		return copiedStruct(v, key, f)
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(copied(v.Index(i), fmt.Sprintf("%s[%d]", key, i), f))
		}
		return out
	case reflect.Map:
		if v.IsNil() || v.Type().Key().Kind() != reflect.String {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for entry := v.MapRange(); entry.Next(); {
			value := copied(entry.Value(), joined(key, entry.Key().String()), f)
			if value.Kind() == reflect.String && value.String() == "" && !entry.Value().IsZero() {
				continue
			}
			out.SetMapIndex(entry.Key(), value)
		}
		return out
	}
	return v
}

func copiedStruct(v reflect.Value, key string, f visitor) reflect.Value {
	if !ofAlertmanager(v.Type()) {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if !field.IsExported() || name == "http_config" || name == "-" {
			continue
		}
		at := joined(key, name)
		if options == "inline" {
			at = key
		}
		out.Field(i).Set(copied(v.Field(i), at, f))
	}
	return out
}

func ofAlertmanager(t reflect.Type) bool {
	return t.Kind() != reflect.Struct || strings.HasPrefix(t.PkgPath(), "github.com/prometheus/alertmanager/")
}

func joined(key, name string) string {
	if key == "" || name == "" {
		return key + name
	}
	return key + "." + name
}
