//go:build !linux

package detect

import "time"

var began = time.Now()

// threadTime is the time on the wall.
func threadTime() time.Duration { return time.Since(began) }
