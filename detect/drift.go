package detect

// shiftedRMS is two deviations, of which a scale is about 1.75.
const shiftedRMS = 1.15

// Busy is the share of the samples in training above half of the limit; about
// the same later on if nothing drifts.
func (m *Model) Busy() float64 { return m.busy }

// Shifted are the features whose usual error has moved by more than two
// deviations since the stream began, those at new levels among them; never nil.
func (s *Stream) Shifted() []string {
	shifted := []string{}
	for j, i := range s.m.active {
		if c := s.judge.centreE[j]; s.mover.atNewLevel(j) || c > shiftedRMS*float64(s.m.rmsE[j]) || c < -shiftedRMS*float64(s.m.rmsE[j]) {
			shifted = append(shifted, s.m.specs[i].name)
		}
	}
	return shifted
}
