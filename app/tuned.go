package app

import (
	"context"
	"fmt"
	"time"

	"github.com/omenhq/omen/config"
	"github.com/omenhq/omen/detect"
	"github.com/omenhq/omen/store"
)

// settingTuned is where the store keeps what `omen tune` found.
const settingTuned = "detect.tuned"

// Tuned is the settings that `omen tune` found best.
type Tuned struct {
	Hidden       []int     `json:"hidden"`
	LearningRate float64   `json:"learning_rate"`
	MaskRate     float64   `json:"mask_rate"`
	Validation   float64   `json:"validation"` // its loss
	At           time.Time `json:"at"`
	From         string    `json:"from"` // what it was tuned on
}

// Apply puts what was tuned into options.
func (t Tuned) Apply(o detect.Options) detect.Options {
	o.Hidden, o.LearningRate, o.MaskRate = t.Hidden, t.LearningRate, t.MaskRate
	return o
}

// StoreTuned keeps what was tuned for every model trained from now on.
func StoreTuned(ctx context.Context, db *store.DB, t Tuned) error {
	return db.PutSetting(ctx, settingTuned, t)
}

// detectOptions are the configuration's, with what was tuned.
func (p *process) detectOptions(ctx context.Context, c *config.Config) (detect.Options, error) {
	o := detect.Options{PagesPerWeek: c.Pages.PerHostWeek, Seed: c.Learn.Seed, SelfTest: true}
	var t Tuned
	found, err := p.db.Kept(ctx, settingTuned, &t)
	if err != nil {
		return o, fmt.Errorf("read what was tuned: %w", err)
	}
	if found {
		o = t.Apply(o)
		p.log.Info("models are trained with the tuned settings", "host", t.From)
	}
	return o, nil
}
