package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"time"
)

// paced calls step ten times a second until ctx ends or the duration is over.
func paced(ctx context.Context, d time.Duration, step func() error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	end := time.After(d)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case <-tick.C:
			if err := step(); err != nil {
				return err
			}
		}
	}
}

func burdenFlags(name string, args []string, rate float64) (time.Duration, float64, string, error) {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	d := fs.Duration("for", time.Minute, "how long")
	r := fs.Float64("rate", rate, "MB/s")
	path := fs.String("path", "/srv/"+name, "file to write")
	err := fs.Parse(args)
	return *d, *r * 1e6, *path, err
}

// leak takes memory and touches it, and gives none back before it ends.
func leak(ctx context.Context, args []string) error {
	d, rate, _, err := burdenFlags("leak", args, 3)
	if err != nil {
		return err
	}
	var held [][]byte
	return paced(ctx, d, func() error {
		b := make([]byte, int(rate/10))
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		held = append(held, b)
		return nil
	})
}

// fill writes a file that only grows, and leaves it.
func fill(ctx context.Context, args []string) error {
	d, rate, path, err := burdenFlags("fill", args, 8)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, int(rate/10))
	return paced(ctx, d, func() error { _, err := f.Write(b); return err })
}

// runawayLog is a program that logs the same complaint as fast as it may, into
// a log that is rotated at 512 MB.
func runawayLog(ctx context.Context, args []string) error {
	d, rate, path, err := burdenFlags("log", args, 15)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 4096)
	written := 0
	return paced(ctx, d, func() error {
		for n := 0; n < int(rate/10); {
			k, err := fmt.Fprintf(w, "%s ERROR order desk: connection to backend refused, retrying at once\n", time.Now().Format(time.RFC3339Nano))
			if err != nil {
				return err
			}
			n += k
			written += k
		}
		if written > 512<<20 {
			written = 0
			return f.Truncate(0)
		}
		return nil
	})
}
