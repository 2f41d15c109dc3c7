package app

import (
	"fmt"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/remedy/kube"
	"github.com/omenhq/omen/remedy/systemd"
	"github.com/omenhq/omen/remedy/webhook"
)

// hand is who carries out what a playbook does.
func (l *loaded) hand(b config.Playbook, step remedy.Step) (remedy.Hand, error) {
	if h := b.Do.Webhook; h != nil {
		return hook(*h)
	}
	known := map[string]string{remedy.DoUnit: "unit", remedy.DoScript: "name"}[step.Name]
	for key := range step.With {
		if known != "" && key != known {
			return nil, fmt.Errorf("unknown key %s: known here is %s: %w", key, known, omen.ErrInvalid)
		}
	}
	switch step.Name {
	case remedy.DoUnit:
		return systemd.NewRestart(systemd.System(), step.With["unit"])
	case remedy.DoScript:
		return systemd.NewScript(systemd.System(), step.With["name"])
	}
	if l.cluster == nil {
		var o kube.Options
		if k := l.conf.Remedy.Kubernetes; k != nil {
			o = kube.Options{Kubeconfig: k.KubeconfigFile, Context: k.Context}
		}
		var err error
		if l.cluster, err = kube.New(o); err != nil {
			return nil, err
		}
	}
	return l.cluster.Hand(step)
}

func hook(h config.ActionHook) (remedy.Hand, error) {
	s := webhook.Settings{
		URL: string(h.URL), Method: h.Method, Secret: string(h.Secret), SecretFile: h.SecretFile, Body: h.Body, Receipt: h.Receipt,
		Idempotent: h.Idempotent, Timeout: time.Duration(h.Timeout), UndoURL: string(h.UndoURL),
	}
	if h.HTTPConfig != nil {
		s.HTTP = *h.HTTPConfig
	}
	if t := h.Status; t != nil {
		s.Status = &webhook.Status{
			URL: string(t.URL), Pointer: t.Pointer, Done: t.Done, Failed: t.Failed, Every: time.Duration(t.Every), Timeout: time.Duration(t.Timeout),
		}
	}
	return webhook.New(s)
}
