package main

// What is shown below the flags of commands that have others below them.

func (checkCmd) Help() string {
	return `Examples:

  omen check config omen.yml
  omen check source http://prometheus:9090`
}

func (checkConfigCmd) Help() string {
	return `Examples:

  omen check config omen.yml
  omen check config omen.yml --show`
}

func (modelsCmd) Help() string {
	return `Examples:

  omen models list --url=http://127.0.0.1:9909
  omen models show web-1:9100 --url=http://127.0.0.1:9909
  omen models export web-1:9100 web-1.onnx --onnx

list and show ask a running Omen with --url; the others, and these without it, read a data
directory (--storage.path) that no omen serve has.`
}

func (incidentsCmd) Help() string {
	return `Examples:

  omen incidents list --url=http://127.0.0.1:9909
  omen incidents show ID --url=http://127.0.0.1:9909
  omen incidents ack ID --comment="looking"
  omen incidents judge ID not-a-problem --preview

list and show read a data directory (--storage.path) if there is no --url; ack and judge always
ask a running Omen.`
}

func (notifyCmd) Help() string { return notifyTestCmd{}.Help() }

func (configCmd) Help() string {
	return `Example:

  omen config example > omen.yml`
}

// Help shows examples.
func (actionsCmd) Help() string {
	return `Examples:
  omen actions list --url=` + defaultURL + `
  omen actions list --state=waiting --url=` + defaultURL + `
  omen actions approve ID --web.user=ann --web.password-file=ann.password
  omen actions resolve ID not-done --web.user=ann --web.password-file=ann.password
  omen actions verify --storage.path=/var/lib/omen
  omen actions export --storage.path=/var/lib/omen > audit.jsonl`
}

// Help shows examples.
func (remedyCmd) Help() string {
	return `Examples:
  omen remedy check
  omen remedy pause --why="the cluster is being moved"
  omen remedy resume --web.user=ann --web.password-file=ann.password`
}
