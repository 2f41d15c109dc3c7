// Package config turns one YAML file into checked structs.
//
// The key type is [Config]: what [Parse] and [Load] return, with every default
// filled in. Its String is the whole effective configuration with secrets
// hidden. The sections that speak Alertmanager's own format (route, receivers
// and what belongs to them) are kept as they are and are decoded by package
// notify.
//
// It refuses unknown keys and values of the wrong kind, each with file, line,
// column, key and what to write instead. It imports nothing else of Omen,
// opens no connection and reads no secret file.
package config
