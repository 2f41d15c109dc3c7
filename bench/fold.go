package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/detect"
)

// Setting is a field of [detect.Options], by name and without regard to case
// (one of a field's own after a dot: Without.Season), and the values to try.
type Setting struct {
	Name   string
	Values []string
}

// mostSettings bounds a grid: each of its points is a whole run.
const mostSettings = 64

// ParseSetting reads name=value,value.
func ParseSetting(text string) (Setting, error) {
	name, values, ok := strings.Cut(text, "=")
	s := Setting{Name: name, Values: strings.Split(values, ",")}
	var o detect.Options
	if !ok {
		return s, omen.WithHint(fmt.Errorf("fold %q: %w: no values", text, omen.ErrInvalid), "write it like ridge=3,10,30")
	}
	for i, v := range s.Values {
		if err := set(&o, name, v); err != nil {
			return s, err
		}
		if slices.Contains(s.Values[:i], v) {
			return s, fmt.Errorf("fold %s: the value %s is there twice: %w", name, v, omen.ErrInvalid)
		}
	}
	return s, nil
}

// set sets one field.
func set(o *detect.Options, name, value string) error {
	v := reflect.ValueOf(o).Elem()
	for part := range strings.SplitSeq(name, ".") {
		if v.Kind() != reflect.Struct {
			v = reflect.Value{}
			break
		}
		v = v.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, part) })
		if !v.IsValid() {
			break
		}
	}
	var err error
	switch {
	case !v.IsValid():
		return omen.WithHint(fmt.Errorf("fold: no option %q: %w", name, omen.ErrInvalid), "options are the fields of detect.Options, such as ridge, epochs or without.season")
	case v.Kind() == reflect.Float64:
		var x float64
		x, err = strconv.ParseFloat(value, 64)
		v.SetFloat(x)
	case v.Kind() == reflect.Int:
		var n int
		n, err = strconv.Atoi(value)
		v.SetInt(int64(n))
	case v.Kind() == reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(value)
		v.SetBool(b)
	default:
		return fmt.Errorf("fold: option %q is no number or switch: %w", name, omen.ErrInvalid)
	}
	if err != nil {
		want := map[reflect.Kind]string{reflect.Float64: "number", reflect.Int: "whole number", reflect.Bool: "switch: true or false"}[v.Kind()]
		return fmt.Errorf("fold %s: %q is no %s: %w", name, value, want, omen.ErrInvalid)
	}
	return nil
}

// combinations are Omen's detector with each combination of values.
func combinations(settings []Setting) ([]Method, error) {
	all := []Method{{Name: "", Detector: ran{}}}
	for _, s := range settings {
		var more []Method
		for _, m := range all {
			for _, value := range s.Values {
				r, _ := m.Detector.(ran)
				if err := set(&r.options, s.Name, value); err != nil {
					return nil, err
				}
				more = append(more, Method{Name: strings.TrimSpace(m.Name + " " + s.Name + "=" + value), Detector: r})
			}
		}
		all = more
	}
	if len(settings) == 0 || len(all) > mostSettings {
		return nil, fmt.Errorf("fold: %d combinations, from 1 to %d are possible: %w", len(all), mostSettings, omen.ErrInvalid)
	}
	return all, nil
}

// Choice is one data set, measured with settings that were chosen in one way.
type Choice struct {
	Set string `json:"set"`
	// How is "data set left out" (chosen by the others' utility), "series left
	// out" (for each series by all but it), "in sample" (by all), or the setting
	// itself for each that was tried.
	How     string  `json:"how"`
	Chosen  string  `json:"chosen"` // the setting, or the one for most series
	Utility Number  `json:"utility"`
	Metrics Metrics `json:"metrics"`
}

// Fold chooses among combinations of settings by what the series that are not
// reported say. The choices come in the order in which they are worth reading:
// left-out data sets, left-out series, in sample, each setting.
func Fold(ctx context.Context, series []*Series, settings []Setting, progress func(float64)) ([]Choice, error) {
	methods, err := combinations(settings)
	if err != nil {
		return nil, err
	}
	rows, _, err := runAll(ctx, Options{Series: series, Detectors: methods, Progress: progress})
	if err != nil {
		return nil, err
	}
	return folds{series, methods, rows}.choices(), nil
}

// folds is a grid and how each of its points did on each series.
type folds struct {
	series  []*Series
	methods []Method
	rows    [][]seriesRow
}

func (f folds) choices() []Choice {
	sets := setsOf(f.series)
	var out []Choice
	all := f.best(func(*Series) bool { return true })
	for _, set := range sets {
		if len(sets) > 1 {
			k := f.best(func(s *Series) bool { return s.Set != set })
			out = append(out, f.choice(set, "data set left out", func(int) int { return k }))
		}
	}
	for _, set := range sets {
		if len(f.series) > 1 {
			out = append(out, f.choice(set, "series left out", func(i int) int {
				return f.best(func(s *Series) bool { return s != f.series[i] })
			}))
		}
	}
	for _, set := range sets {
		out = append(out, f.choice(set, "in sample", func(int) int { return all }))
	}
	for k, m := range f.methods {
		for _, set := range sets {
			out = append(out, f.choice(set, m.Name, func(int) int { return k }))
		}
	}
	return out
}

// best is the setting of the largest mean utility over data sets, of some series
// alone; the first of equals.
func (f folds) best(of func(*Series) bool) int {
	best, most := 0, math.Inf(-1)
	for k := range f.methods {
		sets := map[string][]seriesRow{}
		for i, s := range f.series {
			if of(s) {
				sets[s.Set] = append(sets[s.Set], f.rows[k][i])
			}
		}
		sum, n := 0.0, 0.0
		for _, set := range setsOf(f.series) {
			if u := utility(pool(sets[set])); !math.IsNaN(u) {
				sum, n = sum+u, n+1
			}
		}
		if u := sum / n; u > most {
			best, most = k, u
		}
	}
	return best
}

// choice measures a data set with a setting for each of its series.
func (f folds) choice(set, how string, chosen func(series int) int) Choice {
	var rows []seriesRow
	votes := make([]int, len(f.methods))
	for i, s := range f.series {
		if s.Set == set {
			k := chosen(i)
			rows = append(rows, f.rows[k][i])
			votes[k]++
		}
	}
	m := pool(rows)
	m.Likely = resample(rows)
	return Choice{set, how, f.methods[slices.Index(votes, slices.Max(votes))].Name, Number(utility(m)), m}
}

// utility is what settings are chosen by: F1 of what people are notified of, in
// which a segment counts only with a message of its own (else a detector that is
// always in alert is the best), less half of the false alert time.
func utility(m Metrics) float64 {
	return float64(f1(m.Notified.OwnShare, m.Notified.Precision) - m.FalseTime/2)
}

// WriteFold writes the choices as a table.
func WriteFold(w io.Writer, choices []Choice) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	columns := slices.Concat(notified[:2], notified[3:], likely[1:3], []column{alerts[0], alerts[4], alerts[5], alerts[6]})
	fmt.Fprint(t, "how\tset\tutility")
	for _, c := range columns {
		fmt.Fprintf(t, "\t%s", c.title)
	}
	fmt.Fprintln(t, "\tchosen")
	for _, c := range choices {
		fmt.Fprintf(t, "%s\t%s\t%s", c.How, c.Set, format(c.Utility, 3))
		for _, col := range columns {
			fmt.Fprintf(t, "\t%s", format(col.of(c.Metrics), col.digits))
		}
		fmt.Fprintf(t, "\t%s\n", c.Chosen)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write folds: %w", err)
	}
	return nil
}
