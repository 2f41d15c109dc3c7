package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Size is a number of bytes, written with a unit of 1024 as Prometheus does:
// 512MB, 10GB. 0 is no bound.
type Size int64

var sizeUnits = []string{"B", "KB", "MB", "GB", "TB", "PB", "EB"}

// UnmarshalYAML reads a size.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	text := strings.TrimSpace(n.Value)
	if n.Kind == yaml.ScalarNode && text == "0" {
		*s = 0
		return nil
	}
	for i := len(sizeUnits) - 1; i >= 0; i-- {
		number, ok := strings.CutSuffix(text, sizeUnits[i])
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if v *= math.Pow(1024, float64(i)); err == nil && v >= 0 && v < math.MaxInt64 {
			*s = Size(v)
			return nil
		}
		break
	}
	return fmt.Errorf("%q is not a size: write it like 512MB or 10GB", n.Value)
}

// MarshalYAML writes the size with the largest unit that divides it.
func (s Size) MarshalYAML() (any, error) { return s.String(), nil }

func (s Size) String() string {
	i := 0
	for s != 0 && s%1024 == 0 && i < len(sizeUnits)-1 {
		s /= 1024
		i++
	}
	if s == 0 {
		return "0"
	}
	return strconv.FormatInt(int64(s), 10) + sizeUnits[i]
}
