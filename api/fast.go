package api

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// This file writes what programs ask for all the time, POST /predict, without
// reflection, as [given] reads it: that took two fifths of a request. What is
// written is the same.

// writesItself is an answer that appends what [json.Marshal] would write. What is
// embedded in other answers must not be one.
type writesItself interface{ appendTo(dst []byte) []byte }

var _ writesItself = Prediction{}

// answers is memory for answers that write themselves. A prediction has some two
// thousand bytes.
var answers = sync.Pool{New: func() any { return new([]byte) }}

func (p Prediction) appendTo(b []byte) []byte {
	b = appendString(append(b, `{"instance":`...), p.Instance)
	b = appendHost(append(b, `,"host":`...), p.Host)
	b = p.At.appendTo(append(b, `,"at":`...))
	b = p.Error.appendTo(append(b, `,"reconstruction_error":`...))
	b = strconv.AppendBool(append(b, `,"anomaly_detected":`...), p.Detected)
	b = p.Score.appendTo(append(b, `,"score":`...))
	b = p.Limit.appendTo(append(b, `,"limit":`...))
	b = appendString(append(b, `,"grade":`...), string(p.Grade))
	b = appendString(append(b, `,"model":`...), p.Model)
	b = append(b, `,"causes":[`...)
	for i, c := range p.Causes {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendCause(b, c)
	}
	return append(b, `]}`...)
}

func appendCause(b []byte, c Cause) []byte {
	b = appendString(append(b, `{"feature":`...), c.Feature)
	b = appendString(append(b, `,"unit":`...), string(c.Unit))
	b = c.Share.appendTo(append(b, `,"share":`...))
	b = c.Actual.appendTo(append(b, `,"actual":`...))
	b = c.Expected.appendTo(append(b, `,"expected":`...))
	b = c.Lower.appendTo(append(b, `,"lower":`...))
	b = c.Upper.appendTo(append(b, `,"upper":`...))
	b = strconv.AppendBool(append(b, `,"trivial":`...), c.Trivial)
	b = strconv.AppendBool(append(b, `,"clears":`...), c.Clears)
	b = c.Stuck.appendTo(append(b, `,"stuck_seconds":`...))
	b = c.Drifting.appendTo(append(b, `,"drifting_seconds":`...))
	b = appendString(append(b, `,"text":`...), c.Text)
	return append(b, '}')
}

func (n Number) appendTo(b []byte) []byte {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, f, 'g', 6, 64)
}

func (i Instant) appendTo(b []byte) []byte {
	t := time.Time(i)
	if t.IsZero() {
		return append(b, "null"...)
	}
	return append(t.UTC().AppendFormat(append(b, '"'), "2006-01-02T15:04:05.999Z"), '"')
}

func appendHost(b []byte, h HostRef) []byte {
	b = appendString(append(b, `{"id":`...), h.ID)
	b = appendString(append(b, `,"source":`...), h.Source)
	b = appendString(append(b, `,"profile":`...), h.Profile)
	b = appendString(append(b, `,"name":`...), h.Name)
	return append(b, '}')
}

// appendString writes a string; one that needs escapes as [json.Marshal] does.
func appendString(b []byte, s string) []byte {
	if escaped(s) {
		text, _ := json.Marshal(s) // a string is always one
		return append(b, text...)
	}
	return append(append(append(b, '"'), s...), '"')
}

// escaped reports whether a string is another one in JSON that may be in HTML.
func escaped(s string) bool {
	beyond := false
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return true
		case c >= utf8.RuneSelf:
			beyond = true
		}
	}
	return beyond && (!utf8.ValidString(s) || strings.ContainsAny(s, "\u2028\u2029"))
}
