package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/notify"
)

// TestReceiver sends a test message to every channel of a receiver of a configuration
// file, or to an Alertmanager, once. It returns what was answered, for people.
func TestReceiver(ctx context.Context, file, receiver string, log *slog.Logger) (string, error) {
	if file == "" {
		return "", omen.WithHint(fmt.Errorf("test receiver %s: no configuration file: %w", receiver, omen.ErrInvalid),
			"name the file that has the receiver: --config.file=omen.yml")
	}
	l, err := load(file, nil, time.Now())
	if err != nil {
		return "", err
	}
	relay, err := notify.NewRelay(notify.Options{Settings: l.settings, ExternalURL: l.conf.ExternalURL, Log: log})
	if err != nil {
		return "", err
	}
	tested, err := relay.Test(ctx, receiver, "")
	if err != nil && len(tested) == 0 {
		return "", err // it names the receiver
	}
	for _, one := range tested {
		if failed := errors.Join(one.BuiltIn, one.Err); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", one.Channel, failed))
		}
	}
	if err != nil {
		return "", fmt.Errorf("test receiver %s: %w", receiver, err)
	}
	return cmp.Or(tested[0].Note, "every channel accepted the message"), nil
}
