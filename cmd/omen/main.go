// Command omen learns what is normal for each host, opens an incident when one
// leaves it, and says which metrics are to blame. Start at cli; every
// subcommand is a struct with a Run method in a file of its own.
//
// It refuses to do any work itself: it parses the command line, calls the
// package that knows, and writes for people what that returns.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // maintenance windows name time zones; small systems have none

	"github.com/alecthomas/kong"

	"github.com/omenhq/omen"
)

// version is set by the linker.
var version = "unknown"

// cli is the command line.
type cli struct {
	Log logFlags `embed:"" prefix:"log."`

	Serve     serveCmd     `cmd:"" help:"Watch this machine, or every host that a Prometheus knows: learn what is normal, score, open incidents, notify people. Needs no configuration."`
	Train     trainCmd     `cmd:"" help:"Train a model once, from CSV files or a Prometheus, and print how well that went."`
	Tune      tuneCmd      `cmd:"" help:"Search for the best network size, learning rate and mask rate; serve then uses them."`
	Replay    replayCmd    `cmd:"" help:"Run detection over history, and print the pages that you would have got."`
	Bench     benchCmd     `cmd:"" help:"Measure how good detection is on labelled data."`
	Check     checkCmd     `cmd:"" help:"Check a configuration file or a source before using it."`
	Models    modelsCmd    `cmd:"" help:"List, show, roll back and export models."`
	Incidents incidentsCmd `cmd:"" help:"List, show, acknowledge and judge incidents."`
	Actions   actionsCmd   `cmd:"" help:"List, approve and decline what playbooks do about incidents; check the audit."`
	Remedy    remedyCmd    `cmd:"" help:"Replay, check, pause and resume what playbooks do."`
	Forecast  forecastCmd  `cmd:"" help:"Show what is full soonest: file systems, memory and whatever else has a limit."`
	Backup    backupCmd    `cmd:"" help:"Write incidents, feedback and models to one file, while omen serve goes on."`
	Restore   restoreCmd   `cmd:"" help:"Put a backup in the place of what a data directory has."`
	Notify    notifyCmd    `cmd:"" help:"Send a test message to a receiver."`
	Config    configCmd    `cmd:"" help:"Print a commented configuration file to start from."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// env is what a subcommand gets from its surroundings.
type env struct {
	ctx         context.Context
	out, errors io.Writer
	log         *slog.Logger
	localhost   string // where omen serve answers unless told otherwise
	asked       string // the running Omen that was said to be asked
}

const about = `Omen learns what is normal for each host and says, with reasons, when a host leaves it.

Start with:  omen serve
and open the address that it prints. Every command has examples: omen COMMAND --help`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program: the exit code is 0, 1 for an error, 2 for a command
// line that cannot be understood.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("omen"), kong.Description(about), kong.Writers(out, errs),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.ValueFormatter(withDefault),
		kong.Exit(func(code int) { exit = code }),
		kong.Vars{"version": version, "localhost": defaultURL, "storage": defaultStorage})
	if err != nil {
		return complain(errs, err)
	}
	if len(args) == 0 || args[0] == "help" {
		args = append(args[min(1, len(args)):], "--help")
	}
	if args[0] == "--version" {
		args[0] = "version"
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // help was printed
	}
	if err != nil {
		var wrong *kong.ParseError
		command, why := "omen", err.Error()
		if errors.As(err, &wrong) {
			command = strings.TrimSpace("omen " + commandPath(wrong.Context))
			why = cmp.Or(empty(wrong.Context, args), plainly(why))
		}
		fmt.Fprintf(errs, "omen: %s\n      try: %s --help\n", why, command)
		return 2
	}
	if why := mistaken(parsed, args); why != "" {
		fmt.Fprintf(errs, "omen: %s\n      try: omen %s --help\n", why, commandPath(parsed))
		return 2
	}
	log, err := c.Log.logger(errs)
	if err != nil {
		return complain(errs, err)
	}
	if err := parsed.Run(&env{ctx: ctx, out: out, errors: errs, log: log, localhost: defaultURL}); err != nil {
		return complain(errs, err)
	}
	return 0
}

// withDefault is a flag's help with what holds without it.
func withDefault(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if v.Default == "" {
		return help
	}
	return strings.TrimSuffix(help, ".") + " (default " + v.Default + ")."
}

// commandPath is the subcommand that was being parsed.
func commandPath(c *kong.Context) string {
	var names []string
	for _, p := range c.Path {
		if p.Command != nil {
			names = append(names, p.Command.Name)
		}
	}
	return strings.Join(names, " ")
}

// complain writes an error as people read it, and what may resolve it.
func complain(w io.Writer, err error) int {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(w, "omen: interrupted")
		return 1
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	for i, line := range lines {
		prefix := "omen: "
		if i > 0 {
			prefix = "      "
		}
		fmt.Fprintln(w, prefix+line)
	}
	if hint := omen.Hint(err); hint != "" {
		fmt.Fprintln(w, "hint: "+hint)
	}
	return 1
}
