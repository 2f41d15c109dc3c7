package forecast

import (
	"math"
	"time"

	"github.com/omenhq/omen"
)

const (
	hourSecs = 60 * 60
	// judged is the number of horizons that are compared with what came, the shortest
	// of [omen.Horizons]; the longer ones are taken to be as wrong as the last of them.
	judged = omen.Within24h + 1
	// forgets is by what evidence is multiplied each hour: after two weeks a third of
	// it is left, so that a record is about as long as what else is remembered.
	forgets = 1 - 1./(keptDays*24)
)

// record is how often what was said of a resource came true: each hour what the
// experts say is noted, and when a horizon is over, compared with whether it was full
// by then. What was said too surely is said less surely from then on. What was said too
// timidly stays as it is: a limit is hardly chosen without regard to what is ordinary,
// and that one was reached says little of the next time.
type record struct {
	said [24][judged]uint16 // ring by the hour; 0: nothing was said
	back [judged]doubt
	full int64 // when it was full last, in seconds since 1970; 0: never
}

// doubt is what is added to the logarithm of the odds, at most 0: the estimate of a
// logistic regression of what came on what was said with its slope held at 1, of which
// the standard deviation is 1 before there is evidence. It is followed case by case, by
// steps of Newton. Cases that overlap, as those of a day do from hour to hour, count as
// one together.
type doubt struct {
	shift  float32
	weight float32 // of the evidence: the sum of p (1 - p)
}

// hours are the judged horizons in hours.
func hours(h int) int64 { return int64(omen.Horizons()[h] / time.Hour) }

// judge compares what was said with what came, once an hour, and makes room for what is
// said now.
func (r *record) judge(hour int64) {
	for h := range r.back {
		then := hour - hours(h)
		r.back[h].forget()
		if said := r.said[then%int64(len(r.said))][h]; said != 0 {
			r.back[h].learn(float64(said-1)/(math.MaxUint16-1), r.full/hourSecs >= then, 1/float64(hours(h)))
		}
	}
	r.said[hour%int64(len(r.said))] = [judged]uint16{}
}

// note keeps what is said in an hour.
func (r *record) note(hour int64, p [5]float64) {
	for h := range r.back {
		r.said[hour%int64(len(r.said))][h] = 1 + uint16(math.Round(p[h]*(math.MaxUint16-1)))
	}
}

// drop leaves what was said unjudged: nobody knows what came, or it was of another limit.
func (r *record) drop() { r.said = [len(r.said)][judged]uint16{} }

func (d *doubt) forget() {
	weight := d.weight * forgets
	d.shift *= forgets * (1 + d.weight) / (1 + weight)
	d.weight = weight
}

// learn takes a case that counts as a part of one.
func (d *doubt) learn(said float64, came bool, part float64) {
	p := d.of(said)
	miss := -p
	if came {
		miss++
	}
	d.weight += float32(part * p * (1 - p))
	d.shift = min(d.shift+float32(part*miss)/(1+d.weight), 0)
}

// of is what a probability becomes.
func (d *doubt) of(p float64) float64 {
	odds := math.Exp(float64(d.shift))
	return p * odds / (1 - p + p*odds)
}

// doubted is what the experts say, after what came of it. It never falls with the
// horizon.
func (r *record) doubted(p [5]float64) [5]float64 {
	for h := range p {
		p[h] = r.back[min(h, judged-1)].of(p[h])
		if h > 0 {
			p[h] = max(p[h], p[h-1])
		}
	}
	return p
}
