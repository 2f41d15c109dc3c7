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
	var text [24]byte
	return string(u.appendTo(text[:0], v))
}

// appendTo appends what [Unit.Format] gives.
func (u Unit) appendTo(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, "unknown"...)
	case math.IsInf(v, 0):
		return strconv.AppendFloat(b, v, 'g', 3, 64)
	}
	switch u {
	case Ratio:
		return append(appendShort(b, v*100), " %"...)
	case Bytes:
		return appendScaled(b, v, " ", "B")
	case BytesPerSecond:
		return appendScaled(b, v, " ", "B/s")
	case Seconds:
		return appendSeconds(b, v)
	case PerSecond:
		return appendScaled(b, v, "", "/s")
	default:
		return appendScaled(b, v, "", "")
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

// appendScaled writes v with a decimal prefix before its unit.
func appendScaled(b []byte, v float64, space, unit string) []byte {
	const prefixes = "kMGTPE"
	i := 0
	for math.Abs(v) >= 999.5 && i < len(prefixes) {
		v /= 1000
		i++
	}
	b = append(appendShort(b, v), space...)
	if i > 0 {
		b = append(b, prefixes[i-1])
	}
	return append(b, unit...)
}

func appendSeconds(b []byte, v float64) []byte {
	switch a := math.Abs(v); {
	case a == 0:
		return append(b, "0 s"...)
	case a < 1e-3:
		return append(appendShort(b, v*1e6), " µs"...)
	case a < 1:
		return append(appendShort(b, v*1e3), " ms"...)
	case a < 120:
		return append(appendShort(b, v), " s"...)
	case a < 7200:
		return append(appendShort(b, v/60), " min"...)
	case a < 172800:
		return append(appendShort(b, v/3600), " h"...)
	default:
		return append(appendShort(b, v/86400), " d"...)
	}
}

// appendShort writes v with three significant digits, without trailing zeros, and
// tiny values as 0.
func appendShort(b []byte, v float64) []byte {
	switch a := math.Abs(v); {
	case a < 0.0005:
		return append(b, '0')
	case a >= 1e6:
		return strconv.AppendFloat(b, v, 'g', 3, 64)
	case a >= 99.95:
		return strconv.AppendFloat(b, v, 'f', 0, 64)
	case a >= 9.995:
		return trim(strconv.AppendFloat(b, v, 'f', 1, 64))
	default:
		return trim(strconv.AppendFloat(b, v, 'f', 2, 64))
	}
}

// trim drops the trailing zeros of the fraction at the end: "1.50" becomes "1.5".
func trim(b []byte) []byte {
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}
