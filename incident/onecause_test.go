package incident

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	omen "github.com/omenhq/omen"
)

// One cause on all of 1,000 hosts is one fleet incident, although it reaches them
// within minutes, and each shows other causes beside it, of which several are common.
func TestOneCauseOnAllHostsIsOneIncident(t *testing.T) {
	for _, step := range []time.Duration{time.Second, 15 * time.Second, time.Minute} {
		t.Run(step.String(), func(t *testing.T) {
			tr, rng := NewTracker(Hysteresis{}, nil), rand.New(rand.NewPCG(1, uint64(step)))
			const hosts = 1000
			onset, beside := make([]time.Duration, hosts), make([]string, hosts)
			for i := range hosts {
				onset[i], beside[i] = time.Duration(rng.IntN(240))*time.Second, fmt.Sprint("beside-", rng.IntN(4))
			}
			fleets, singles := 0, 0
			for at := noon; at.Before(noon.Add(12 * time.Minute)); at = at.Add(step) {
				k := omen.Tick{Source: "prod", Profile: "node", At: at}
				for i := range hosts {
					s := scoreOf(fmt.Sprintf("web-%04d", i), at, .3, "cpu")
					if at.Sub(noon) >= onset[i]+time.Minute {
						s = scoreOf(s.Host.Name, at, 2+rng.Float64(), "cpu")
						s.Causes[0].Share = .3 + .4*rng.Float64()
						other := s.Causes[0]
						other.Feature, other.Share = beside[i], 1-s.Causes[0].Share
						if s.Causes = append(s.Causes, other); other.Share > s.Causes[0].Share {
							s.Causes[0], s.Causes[1] = s.Causes[1], s.Causes[0]
						}
					}
					k.Scores = append(k.Scores, s)
				}
				for _, c := range tr.Tick(k) {
					switch {
					case c.Kind != omen.ChangeOpened:
					case c.Incident.Kind == omen.FleetIncident:
						fleets++
					case c.Incident.Suppressed == "":
						singles++
					}
				}
			}
			if fleets != 1 || singles > 4 {
				t.Errorf("%d fleet incidents, and %d of single hosts that people are notified of; want one, and fewer than make a fleet", fleets, singles)
			}
		})
	}
}
