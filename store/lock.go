package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	omen "github.com/omenhq/omen"
)

// takeLock holds path locked until [releaseLock] or the end of the process, however
// it ends: the kernel drops the lock, so none is ever left behind.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, omen.WithHint(fmt.Errorf("lock database: %w", err), "check that the data directory exists and that Omen's user may write to it")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(path)
		err = errors.Join(fmt.Errorf("lock database %s: %w (process %s)", path, omen.ErrLocked, strings.TrimSpace(string(owner))), f.Close())
		return nil, omen.WithHint(err, "another Omen uses this data directory: stop it, or give this one another --storage.path")
	}
	if err := f.Truncate(0); err == nil { // the number only serves the message above
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return f, nil
}

// releaseLock lets go of what takeLock gave. Closing alone would not: a child that is
// being started has the file open, too, from its fork until it is another program.
func releaseLock(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}
