package api

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"
)

// Number is a float64 that JSON can always hold: what is not finite is null.
type Number float64

func (n Number) MarshalJSON() ([]byte, error) {
	return n.appendTo(nil), nil
}

// UnmarshalJSON reads null as NaN, a gap.
func (n *Number) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*n = Number(math.NaN())
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return wrongValue[Number](b)
	}
	*n = Number(f)
	return nil
}

// wrongValue is the error to which encoding/json adds the field's name.
func wrongValue[T any](b []byte) error {
	return &json.UnmarshalTypeError{Value: string(b), Type: reflect.TypeFor[T]()}
}

// Instant is a time whose zero value is null.
type Instant time.Time

func (i Instant) MarshalJSON() ([]byte, error) {
	return i.appendTo(nil), nil
}

// UnmarshalJSON reads RFC 3339; null is the zero time.
func (i *Instant) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*i = Instant{}
		return nil
	}
	var t time.Time
	if err := json.Unmarshal(b, &t); err != nil {
		return wrongValue[Instant](b)
	}
	*i = Instant(t)
	return nil
}

// List is a slice that is written as [] when it is nil.
type List[T any] []T

func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// each turns a slice into wire structs.
func each[A, B any](in []A, f func(A) B) List[B] {
	out := make(List[B], len(in))
	for i := range in {
		out[i] = f(in[i])
	}
	return out
}

// Seconds since 1970: a finite number, written to the millisecond.
type Seconds float64

func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s), 'f', -1, 64), nil
}
