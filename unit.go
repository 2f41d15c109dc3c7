package omen

import (
	"math"
	"strconv"
)

// Unit is what a feature is measured in; it decides how values are written
// for people.
type Unit string

// The units that profiles may name. Rates are per second.
const (
	Ratio          Unit = "ratio" // 0…1, shown in percent
	Bytes          Unit = "bytes"
	BytesPerSecond Unit = "bytes/s"
	Seconds        Unit = "seconds"
	PerSecond      Unit = "1/s"
	Count          Unit = "1"
)

// Units are all units that a profile may name.
func Units() []Unit { return []Unit{Ratio, Bytes, BytesPerSecond, Seconds, PerSecond, Count} }

// Format writes v with its unit in at most about ten characters: "83 %",
// "1.6 GB", "240 MB/s", "12 ms", "1.3k/s". NaN is "unknown".
func (u Unit) Format(v float64) string {
	switch {
	case math.IsNaN(v):
		return "unknown"
	case math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	switch u {
	case Ratio:
		return short(v*100) + " %"
	case Bytes:
		return scaled(v, " ", "B")
	case BytesPerSecond:
		return scaled(v, " ", "B/s")
	case Seconds:
		return seconds(v)
	case PerSecond:
		return scaled(v, "", "/s")
	default:
		return scaled(v, "", "")
	}
}

// Plural is a number with its noun, and verb where one follows: "1 host is",
// "3 hosts are".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// scaled writes v with a decimal prefix before its unit.
func scaled(v float64, space, unit string) string {
	prefixes := []string{"", "k", "M", "G", "T", "P", "E"}
	i := 0
	for math.Abs(v) >= 999.5 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	return short(v) + space + prefixes[i] + unit
}

func seconds(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0 s"
	case a < 1e-3:
		return short(v*1e6) + " µs"
	case a < 1:
		return short(v*1e3) + " ms"
	case a < 120:
		return short(v) + " s"
	case a < 7200:
		return short(v/60) + " min"
	case a < 172800:
		return short(v/3600) + " h"
	default:
		return short(v/86400) + " d"
	}
}

// short writes v with three significant digits, without trailing zeros, and
// tiny values as 0.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a < 0.0005:
		return "0"
	case a >= 1e6:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return trim(strconv.FormatFloat(v, 'f', 1, 64))
	default:
		return trim(strconv.FormatFloat(v, 'f', 2, 64))
	}
}

// trim drops a fraction's trailing zeros: "1.50" becomes "1.5".
func trim(s string) string {
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}
