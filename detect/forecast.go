package detect

// sums are what the forecasts are solved from.
type sums struct {
	folds   [folds]*gram // of the forecast; only the first unless cross-validated
	seasons []*gram      // per feature
}

func (f *fit) newSums() *sums {
	s := &sums{}
	p, w := f.m.regressors(), len(f.m.active)
	for k := range s.folds {
		if k == 0 || f.crossed() {
			s.folds[k] = newGram(p, w)
		}
	}
	if f.m.timeOfDay && !f.o.Without.Season {
		for range w {
			s.seasons = append(s.seasons, newGram(seasonWeights, 1))
		}
	}
	return s
}

// crossed tells whether residuals are cross-validated: with few rows per
// regressor residuals in sample flatter.
func (f *fit) crossed() bool { return f.h.len() < forecastRows*f.m.regressors() }

// fold is the part of the history that a sample belongs to.
func (f *fit) fold(t int) int {
	if f.crossed() {
		return t * folds / f.h.len()
	}
	return 0
}

// collect adds up the history.
func (f *fit) collect() *sums {
	m := f.m
	s, p, stride := f.newSums(), m.regressors(), f.stride()
	var x [seasonWeights]float32
	// The regressors alone: neither forecast nor network.
	front := newFront(&Model{active: m.active, scales: m.scales, step: m.step})
	t := 0
	front.learn = func(phi []float32, a []float64) {
		if t%stride != 0 || f.h.shifted[t] >= 0 {
			return
		}
		s.folds[f.fold(t)].add(phi[:p], a)
		for j, g := range s.seasons {
			front.seasonal(&x, j)
			g.add(x[:], a[j:j+1])
		}
	}
	for t = range f.h.len() {
		front.shift = f.shiftAt(t)
		front.step(f.h.at[t], f.h.values[t])
	}
	return s
}

// fitForecast solves the ridge regressions.
func (f *fit) fitForecast() error {
	if f.o.Without.Forecast {
		return nil
	}
	return f.solve(f.collect())
}

func (f *fit) solve(s *sums) error {
	m := f.m
	m.season = nil
	var seasons []float32
	for _, g := range s.seasons {
		w, err := g.solve(f.o.Ridge)
		if err != nil {
			return err
		}
		seasons = append(seasons, w...)
	}
	m.season = turned(seasons, len(m.active))
	total := newGram(m.regressors(), len(m.active))
	for _, g := range s.folds {
		if g != nil {
			total.plus(g)
		}
	}
	// With few rows per regressor the weights are held closer to 0.
	lambda := f.o.Ridge * max(1, float64(forecastRows*m.regressors())/float64(f.h.len()))
	w, err := total.solve(lambda)
	if err != nil {
		return err
	}
	m.ridge = turned(w, len(m.active))
	for k, g := range s.folds {
		if !f.crossed() {
			break
		}
		if w, err = total.minus(g).solve(lambda); err != nil {
			return err
		}
		f.folds[k] = turned(w, len(m.active))
	}
	return nil
}
