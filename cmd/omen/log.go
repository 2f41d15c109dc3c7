package main

import (
	"io"
	"log/slog"
)

// logFlags are common to all subcommands.
type logFlags struct {
	Level  string `help:"Write messages of this level and above to standard error." enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL"`
	Format string `help:"How messages are written: logfmt or json." enum:"logfmt,json" default:"logfmt" placeholder:"FORMAT"`
}

func (f logFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.Level)); err != nil {
		return nil, err
	}
	o := &slog.HandlerOptions{Level: level}
	if f.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return slog.New(slog.NewTextHandler(w, o)), nil
}
