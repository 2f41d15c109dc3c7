package app

import (
	"io/fs"
	"log/slog"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory has the garbage collector keep below what the control group of
// this process may use, less a tenth for what it does not see, unless
// GOMEMLIMIT says otherwise: the kernel kills a process that needs more.
func limitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return // the runtime has read it
	}
	if limit, ok := cgroupMemory(os.DirFS("/")); ok {
		debug.SetMemoryLimit(limit / 10 * 9)
		log.Debug("memory limit follows the control group", "limit", limit/10*9)
	}
}

// cgroupMemory is the memory, in bytes, that a process's control group or one
// above it may use, of version 2 or 1; false if there is no limit.
func cgroupMemory(root fs.FS) (limit int64, limited bool) {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false // not Linux
	}
	least := func(mount, group, file string) {
		for dir := path.Join("/", group); ; dir = path.Dir(dir) {
			if n, ok := readLimit(root, path.Join(mount, dir, file)); ok && (!limited || n < limit) {
				limit, limited = n, true
			}
			if dir == "/" {
				return
			}
		}
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy, controllers, path
		switch {
		case len(parts) != 3:
		case parts[0] == "0" && parts[1] == "":
			least("sys/fs/cgroup", parts[2], "memory.max")
			least("sys/fs/cgroup/unified", parts[2], "memory.max")
		case strings.Contains(","+parts[1]+",", ",memory,"):
			least("sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes")
		}
	}
	return limit, limited
}

// unlimited is from where on a number means that there is no limit: version 1
// writes the largest that there is.
const unlimited = 1 << 50

func readLimit(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false // the root has none
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0 && n < unlimited // "max" is no number
}
