// Record makes the data set of real faults in bench/faults: Linux virtual
// machines under real, varying load, each with Omen watching itself at a 1 s
// step, into which faults are injected at random times.
//
// Its parts run in different places: `guest` inside each machine serves
// requests, runs jobs and obeys; `drive` outside makes the load, injects the
// faults and writes down when; `extract` reads the machine's own metrics
// afterwards into the layout of omen bench. record.sh joins them. It needs
// root and Debian's qemu and debootstrap, and is never part of CI.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
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

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command: want guest, drive, extract, leak, fill or log")
	}
	switch args[0] {
	case "guest":
		return guest(ctx, args[1:])
	case "drive":
		return drive(ctx, args[1:])
	case "extract":
		return extract(ctx, args[1:])
	case "leak":
		return leak(ctx, args[1:])
	case "fill":
		return fill(ctx, args[1:])
	case "log":
		return runawayLog(ctx, args[1:])
	}
	return fmt.Errorf("unknown command %q: want guest, drive, extract, leak, fill or log", args[0])
}
