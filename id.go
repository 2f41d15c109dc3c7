package omen

import (
	"encoding/hex"
	"hash/fnv"
	"time"
)

// StableID names a thing from its kind, what it is of and when it began, so
// that finding the same thing again, after a crash, gives the same name. IDs
// sort by their beginning.
func StableID(kind, subject string, begin time.Time) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(kind + "\x00" + subject + "\x00" + begin.UTC().Format(time.RFC3339Nano)))
	return begin.UTC().Format("20060102T150405") + "-" + hex.EncodeToString(h.Sum(nil))[:12]
}
