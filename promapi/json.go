package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/jsonutil"

	"github.com/omenhq/omen"
)

// encoder writes the data of an answer as Prometheus does.
type encoder interface{ encode(*jsoniter.Stream) }

var jsonForm = jsoniter.ConfigCompatibleWithStandardLibrary

// rawJSON is data that is encoded already.
type rawJSON string

func (d rawJSON) encode(s *jsoniter.Stream) { s.WriteRaw(string(d)) }

// stringList is an array of strings.
type stringList []string

func (d stringList) encode(s *jsoniter.Stream) {
	writeArray(s, len(d), func(i int) { s.WriteString(d[i]) })
}

// labelSets is an array of label sets.
type labelSets []labels.Labels

func (d labelSets) encode(s *jsoniter.Stream) {
	writeArray(s, len(d), func(i int) { writeLabels(s, d[i]) })
}

func writeArray(s *jsoniter.Stream, n int, item func(int)) {
	s.WriteArrayStart()
	for i := range n {
		if i > 0 {
			s.WriteMore()
		}
		item(i)
	}
	s.WriteArrayEnd()
}

func writeLabels(s *jsoniter.Stream, ls labels.Labels) {
	s.WriteObjectStart()
	first := true
	ls.Range(func(l labels.Label) {
		if !first {
			s.WriteMore()
		}
		first = false
		s.WriteObjectField(l.Name)
		s.WriteString(l.Value)
	})
	s.WriteObjectEnd()
}

// writeAnswer writes a success.
func writeAnswer(w http.ResponseWriter, data encoder, warnings []string) {
	s := jsonForm.BorrowStream(w)
	defer jsonForm.ReturnStream(s)
	s.WriteRaw(`{"status":"success","data":`)
	data.encode(s)
	if len(warnings) > 0 {
		s.WriteRaw(`,"warnings":`)
		stringList(warnings).encode(s)
	}
	s.WriteObjectEnd()
	_ = s.Flush() // the asker is gone
}

// writeError writes a failure.
func writeError(w http.ResponseWriter, err error) {
	kind, status := statusOf(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	s := jsonForm.BorrowStream(w)
	defer jsonForm.ReturnStream(s)
	s.WriteRaw(`{"status":"error","errorType":"` + kind + `","error":`)
	s.WriteString(err.Error())
	s.WriteObjectEnd()
	_ = s.Flush() // the asker is gone
}

// encodeResult encodes a query's result while its memory is valid.
func encodeResult(v parser.Value) (rawJSON, error) {
	s := jsonForm.BorrowStream(nil)
	defer jsonForm.ReturnStream(s)
	s.WriteRaw(`{"resultType":"` + string(v.Type()) + `","result":`)
	switch v := v.(type) {
	case promql.Matrix:
		writeArray(s, len(v), func(i int) { writeSeries(s, v[i]) })
	case promql.Vector:
		writeArray(s, len(v), func(i int) { writeSample(s, v[i]) })
	case promql.Scalar:
		writePoint(s, v.T, v.V)
	case promql.String:
		s.WriteArrayStart()
		jsonutil.MarshalTimestamp(v.T, s)
		s.WriteMore()
		s.WriteString(v.V)
		s.WriteArrayEnd()
	default:
		return "", fmt.Errorf("encode a %s: unknown type", v.Type())
	}
	s.WriteObjectEnd()
	return rawJSON(s.Buffer()), s.Error
}

func writePoint(s *jsoniter.Stream, t int64, v float64) {
	s.WriteArrayStart()
	jsonutil.MarshalTimestamp(t, s)
	s.WriteMore()
	jsonutil.MarshalFloat(v, s)
	s.WriteArrayEnd()
}

func writeHistogram(s *jsoniter.Stream, p promql.HPoint) {
	s.WriteArrayStart()
	jsonutil.MarshalTimestamp(p.T, s)
	s.WriteMore()
	jsonutil.MarshalHistogram(p.H, s)
	s.WriteArrayEnd()
}

func writeSample(s *jsoniter.Stream, p promql.Sample) {
	s.WriteRaw(`{"metric":`)
	writeLabels(s, p.Metric)
	if p.H != nil {
		s.WriteRaw(`,"histogram":`)
		writeHistogram(s, promql.HPoint{T: p.T, H: p.H})
	} else {
		s.WriteRaw(`,"value":`)
		writePoint(s, p.T, p.F)
	}
	s.WriteObjectEnd()
}

func writeSeries(s *jsoniter.Stream, p promql.Series) {
	s.WriteRaw(`{"metric":`)
	writeLabels(s, p.Metric)
	if len(p.Floats) > 0 {
		s.WriteRaw(`,"values":`)
		writeArray(s, len(p.Floats), func(i int) { writePoint(s, p.Floats[i].T, p.Floats[i].F) })
	}
	if len(p.Histograms) > 0 {
		s.WriteRaw(`,"histograms":`)
		writeArray(s, len(p.Histograms), func(i int) { writeHistogram(s, p.Histograms[i]) })
	}
	s.WriteObjectEnd()
}

// statusOf is Prometheus' name and HTTP status of an error.
func statusOf(err error) (string, int) {
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return "bad_data", http.StatusRequestEntityTooLarge
	case errors.As(err, new(badRequest)), errors.As(err, new(parser.ParseErrors)):
		return "bad_data", http.StatusBadRequest
	case errors.As(err, new(promql.ErrQueryCanceled)), errors.Is(err, context.Canceled):
		return "canceled", 499
	case errors.As(err, new(promql.ErrQueryTimeout)), errors.Is(err, context.DeadlineExceeded):
		return "timeout", http.StatusServiceUnavailable
	case errors.As(err, new(promql.ErrStorage)):
		return "internal", http.StatusInternalServerError
	case errors.Is(err, omen.ErrUnavailable), errors.Is(err, omen.ErrFull), errors.Is(err, omen.ErrCorrupt):
		return "unavailable", http.StatusServiceUnavailable
	default:
		return "execution", http.StatusUnprocessableEntity
	}
}
