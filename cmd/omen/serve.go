package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/omenhq/omen/app"
)

// storageFlag is where Omen keeps what it knows.
type storageFlag struct {
	Path string `help:"Where Omen stores metrics, models and incidents; created if missing. One Omen at a time." default:"${storage}" placeholder:"DIR"`
}

// configFlag names the configuration file.
type configFlag struct {
	File string `help:"Configuration file; needed only to change defaults, see: omen config example." placeholder:"FILE" type:"path"`
}

// prometheusFlag names servers beside those of the configuration.
type prometheusFlag struct {
	URL []string `help:"Read hosts from this Prometheus, Thanos, Mimir or VictoriaMetrics, such as http://prometheus:9090; may be given several times." placeholder:"URL"`
}

type serveCmd struct {
	Storage    storageFlag    `embed:"" prefix:"storage."`
	New        bool           `help:"Start with an empty database although metrics or other files of an earlier one are there." name:"storage.new"`
	Config     configFlag     `embed:"" prefix:"config."`
	Prometheus prometheusFlag `embed:"" prefix:"prometheus."`
	Web        struct {
		ListenAddress        string `help:"Address of the web UI and the API. The default can be reached from this machine only." default:"127.0.0.1:9909" placeholder:"HOST:PORT"`
		ExternalURL          string `help:"Where people reach the web UI, such as https://example.org/omen behind a proxy; links in messages start with it. Its path is the default of --web.route-prefix." placeholder:"URL"`
		RoutePrefix          string `help:"What all paths begin with, such as /omen; / for none, where a proxy takes the path of --web.external-url away." placeholder:"PATH"`
		AllowUnauthenticated bool   `help:"Answer other machines without passwords or certificates; for use behind a proxy or firewall that restricts access."`
		Config               struct {
			File string `help:"TLS and passwords for the web UI and the API, in Prometheus' own format." placeholder:"FILE" type:"path"`
		} `embed:"" prefix:"config."`
	} `embed:"" prefix:"web."`
}

// Help is shown below the flags' summary.
func (serveCmd) Help() string {
	return `Without any flag Omen measures and watches the machine it runs on. Examples:

  omen serve
  omen serve --prometheus.url=http://prometheus:9090
  omen serve --config.file=omen.yml
  omen serve --storage.path=/tmp/second --web.listen-address=127.0.0.1:9910

It reloads its configuration on SIGHUP (kill -HUP PID) or POST /-/reload.`
}

func (c *serveCmd) Run(e *env) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	return app.Run(e.ctx, app.Options{
		ConfigFile: c.Config.File, StoragePath: c.Storage.Path, NewStorage: c.New, ListenAddress: c.Web.ListenAddress,
		WebConfigFile: c.Web.Config.File, PrometheusURLs: c.Prometheus.URL, Version: version,
		ExternalURL: c.Web.ExternalURL, RoutePrefix: c.Web.RoutePrefix,
		AllowUnauthenticated: c.Web.AllowUnauthenticated, Log: e.log, Out: e.out, Hangup: hangup,
	})
}
