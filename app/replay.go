package app

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/mute"
	"github.com/omenhq/omen/remedy"
	"github.com/omenhq/omen/store"
)

// ReplayRemedy says what the playbooks of a configuration file, or one of them, would
// have done about the incidents from an instant on that a database has; see
// [remedy.Replay]. It changes nothing.
func ReplayRemedy(ctx context.Context, file, playbook string, db *store.DB, from, to time.Time) (remedy.Replayed, error) {
	var none remedy.Replayed
	l, err := load(file, nil, to)
	if err != nil {
		return none, err
	}
	p := l.policy
	if playbook != "" {
		var names []string
		for _, b := range p.Playbooks {
			names = append(names, b.Name)
		}
		p.Playbooks = slices.DeleteFunc(slices.Clone(p.Playbooks), func(b remedy.Playbook) bool { return b.Name != playbook })
		if len(p.Playbooks) == 0 && len(names) > 0 {
			return none, omen.WithHint(fmt.Errorf("playbook %s: %w", playbook, omen.ErrNotFound), "there are: "+strings.Join(names, ", "))
		}
	}
	if len(p.Playbooks) == 0 {
		return none, omen.WithHint(fmt.Errorf("no playbook is configured: %w", omen.ErrNotFound),
			"write one under remedy.playbooks and name the file with --config.file; mode: off is enough for a replay")
	}
	h := remedy.History{From: from, To: to, Labels: l.identity, Changes: journal(ctx, db)}
	if h.Rules.Silences, err = db.Silences(ctx, from); err != nil {
		return none, err
	}
	if h.Rules.Windows, err = db.Windows(ctx); err != nil {
		return none, err
	}
	if h.Rules.Events, err = db.Events(ctx, from.Add(-mute.MaxGrace), to); err != nil {
		return none, err
	}
	return remedy.Replay(p, h)
}

// journal reads the journal from its beginning, page by page, each time that it is
// asked to.
func journal(ctx context.Context, db *store.DB) iter.Seq2[omen.Change, error] {
	return func(yield func(omen.Change, error) bool) {
		for seq := int64(0); ; {
			page, err := db.ChangesAfter(ctx, seq, 1000)
			if err != nil {
				yield(omen.Change{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
			}
			seq = page[len(page)-1].Seq
		}
	}
}

// identity is what identifies a host by its profile, as labels.
func (l *loaded) identity(h omen.Host) map[string]string {
	schema := l.profiles[h.Profile]
	if schema == nil {
		return nil
	}
	by := schema.By()
	values := strings.SplitN(h.Name, "/", len(by))
	if len(values) != len(by) {
		return nil
	}
	labels := map[string]string{}
	for i, name := range by {
		labels[name] = values[i]
	}
	return labels
}
