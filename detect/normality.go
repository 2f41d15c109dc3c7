package detect

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Normality says whether the scores in training follow a normal distribution.
// They hardly ever do, which is why mean + 3 deviations, the original system's
// rule, is shown and not used.
type Normality struct {
	Skewness        float64 `json:"skewness"`
	Kurtosis        float64 `json:"excess_kurtosis"`
	JarqueBera      float64 `json:"jarque_bera"`   // statistic; chi squared with 2 degrees of freedom
	JarqueBeraP     float64 `json:"jarque_bera_p"` // probability of at least this under a normal distribution
	AndersonDarling float64 `json:"anderson_darling"`
	AndersonP       float64 `json:"anderson_darling_p"`
	Normal          bool    `json:"normal"` // neither test rejects at 5%
}

// normality tests sorted values: Jarque and Bera (1987), and Anderson and
// Darling with mean and variance estimated (D'Agostino and Stephens 1986,
// table 4.9, case 3).
func normality(sorted []float64) Normality {
	n := float64(len(sorted))
	mean, sd := moments(sorted)
	if n < 8 || sd == 0 {
		return Normality{}
	}
	var m2, m3, m4 float64
	for _, x := range sorted {
		d := x - mean
		m2 += d * d
		m3 += d * d * d
		m4 += d * d * d * d
	}
	m2, m3, m4 = m2/n, m3/n, m4/n
	var r Normality
	r.Skewness = m3 / math.Pow(m2, 1.5)
	r.Kurtosis = m4/(m2*m2) - 3
	r.JarqueBera = n / 6 * (r.Skewness*r.Skewness + r.Kurtosis*r.Kurtosis/4)
	r.JarqueBeraP = math.Exp(-r.JarqueBera / 2)
	r.AndersonDarling, r.AndersonP = andersonDarling(sorted, mean, sd)
	r.Normal = r.JarqueBeraP > 0.05 && r.AndersonP > 0.05
	return r
}

func andersonDarling(sorted []float64, mean, sd float64) (statistic, p float64) {
	n := len(sorted)
	cdf := func(x float64) float64 {
		return min(max(distuv.UnitNormal.CDF((x-mean)/sd), 1e-15), 1-1e-15)
	}
	var sum float64
	for i, x := range sorted {
		sum += float64(2*i+1) * (math.Log(cdf(x)) + math.Log(1-cdf(sorted[n-1-i])))
	}
	size := float64(n)
	a := (-size - sum/size) * (1 + 0.75/size + 2.25/(size*size))
	switch {
	case a >= 0.6:
		p = math.Exp(1.2937 - 5.709*a + 0.0186*a*a)
		if a > 150 { // the fit turns round far outside its range
			p = 0
		}
	case a >= 0.34:
		p = math.Exp(0.9177 - 4.279*a - 1.38*a*a)
	case a >= 0.2:
		p = 1 - math.Exp(-8.318+42.796*a-59.938*a*a)
	default:
		p = 1 - math.Exp(-13.436+101.14*a-223.73*a*a)
	}
	return a, min(max(p, 0), 1)
}
