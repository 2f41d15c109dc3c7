package main

import (
	"fmt"

	"github.com/omenhq/omen/app"
	"github.com/omenhq/omen/config"
)

type configCmd struct {
	Example configExampleCmd `cmd:"" help:"Print a commented configuration file; every key may be left out."`
}

type configExampleCmd struct{}

func (configExampleCmd) Run(e *env) error {
	_, err := fmt.Fprint(e.out, config.Example())
	return err
}

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.out, "omen "+version)
	return err
}

type notifyCmd struct {
	Test notifyTestCmd `cmd:"" help:"Send a test message to every channel of a receiver, or an alert to an Alertmanager, and print how each answered."`
}

type notifyTestCmd struct {
	Receiver string     `arg:"" help:"A receiver's name in the configuration file, or an Alertmanager as omen check config names it."`
	Config   configFlag `embed:"" prefix:"config."`
}

// Help is shown below the flags.
func (notifyTestCmd) Help() string {
	return `Example:

  omen notify test ops --config.file=omen.yml
  omen notify test alertmanager/alertmanager-1:9093 --config.file=omen.yml`
}

func (c *notifyTestCmd) Run(e *env) error {
	answer, err := app.TestReceiver(e.ctx, c.Config.File, c.Receiver, e.log)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "receiver %s: %s\n", c.Receiver, answer)
	return nil
}
