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
