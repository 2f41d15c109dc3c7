package incident

import (
	omen "github.com/omenhq/omen"
)

// logged writes to the log what people are notified of: that incidents open, rise
// and close. Who runs Omen without receivers, or looks for why one stayed silent,
// has it there.
func (m *Manager) logged(changes []omen.Change) {
	for i := range changes {
		in := &changes[i].Incident
		if in.Suppressed != "" {
			continue
		}
		about := []any{"incident", in.ID, "kind", in.Kind, "host", in.Host.Name}
		switch changes[i].Kind {
		case omen.ChangeOpened, omen.ChangeReopened:
			m.o.Log.Info("incident opened", append(about, "why", in.Summary)...)
		case omen.ChangeEscalated:
			m.o.Log.Info("incident escalated", append(about, "severity", in.Severity, "why", in.Summary)...)
		case omen.ChangeClosed:
			m.o.Log.Info("incident closed", append(about, "why", changes[i].Reason)...)
		}
	}
}
