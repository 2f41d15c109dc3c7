// Record makes the data set of real faults in bench/faults: Linux virtual
// machines under real, varying load, each with Omen watching itself at a 1 s
// step, into which faults are injected at random times.
//
// Its parts run in different places: `guest` inside each machine serves
// requests, runs jobs and obeys; `drive` outside makes the load, injects the
// faults and writes down when; `extract` reads the machine's own metrics
// afterwards into the layout of omen bench. record.sh joins them. It needs
// root and Debian's qemu and debootstrap, and is never part of CI.
//
// `exhaust` makes the recordings of bench/exhaustion: file systems that are really
// filled and processes that are really killed, with raw samples. exhaust.sh runs
// it beside Debian's node_exporter.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		slog.Error("record", "err", err)
		os.Exit(1)
	}
}

var commands = map[string]func(context.Context, []string) error{
	"guest": guest, "drive": drive, "extract": extract, "leak": leak, "fill": fill, "log": runawayLog,
	"exhaust": exhaust, "hold": hold,
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("commands %q: want one of %v first", args, slices.Sorted(maps.Keys(commands)))
	}
	return commands[args[0]](ctx, args[1:])
}
