package exhaustion

import (
	"math"
)

// licences are the seats of a licence server, whole ones: people take them in the
// morning, some leave for lunch, and those who forget to return theirs lose them to the
// idle time-out by night. From a step on there is no time-out.
func (p *pen) licences(level float64, noneAt int, days float64) {
	seats := math.Round(p.logBetween(25, 500))
	most := math.Floor(min(level*seats, seats-1))
	nights, forgets := p.between(.02, .15), p.between(.05, .2) // of most
	comes, lunch, leaves := p.between(7.5, 9.5), p.between(.05, .25), p.between(16, 18)
	sweep := p.IntN(4 * perHour)
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	today, forgotten, piled, wander := 1.0, 0.0, 0.0, 0.0
	for p.more() {
		now := p.now()
		if now == noneAt {
			p.begin()
		}
		if now%perDay == 4*perHour {
			if today = p.between(.8, 1.02); !workday(now) {
				today = p.between(0, .15)
			}
		}
		if now%perDay == sweep {
			forgotten = 0
		}
		h := p.hour()
		there := today * logistic((h-comes)*2.5) * logistic((leaves-h)*1.5)
		there *= 1 - lunch*math.Exp(-math.Pow((h-12.5)/.5, 2))
		if h > leaves && h < 20 {
			forgotten += forgets * today / ((20 - leaves) * perHour) * p.between(0, 2)
			if now >= noneAt {
				piled += (seats - most*.8) / (days * (20 - leaves) * perHour) * today * p.between(.6, 1.4)
			}
		}
		wander = .9*wander + .008*p.NormFloat64()
		taken := most * (nights + (1-nights)*min(there+forgotten, 1) + wander)
		if p.put((math.Floor(max(min(taken, most), 0)) + math.Floor(piled)) / seats) { // taken back by hand
			piled, noneAt = 0, never
		}
	}
	p.gaps()
}

// licencesReturned are nearly all taken on a busy day.
func licencesReturned(p *pen) { p.licences(p.between(.87, .985), never, 1) }

// licencesForgotten are fewer each morning.
func licencesForgotten(p *pen) {
	p.licences(p.between(.6, .9), warmup+p.IntN(5*perDay), p.between(.8, 3.5))
}

// cores is a disk with the core dumps of a service that crashes after a bad deploy, as
// often as its back-off lets it, until it is rolled back; they are removed after
// some days. From a step on nobody rolls back.
func (p *pen) cores(level float64, nobodyAt int) {
	base, size := p.between(.3, .6), p.between(.008, .04)
	every := 1 + p.IntN(perHour)
	keeps := perDay * (1 + p.IntN(3))
	var written []int // steps
	crashes, next := 0, 0
	for p.more() {
		now := p.now()
		if now == nobodyAt {
			p.begin()
			crashes, next = never, now
		}
		for len(written) > 0 && now-written[0] > keeps && now%perDay == 4*perHour && now < nobodyAt {
			written = written[1:]
		}
		room := int((level-base)/size) - len(written)
		if h := p.hour(); crashes == 0 && room > 1 && h > 9 && h < 18 && workday(now) && p.IntN(perDay) == 0 {
			crashes, next = min(2+p.IntN(room), room), now
		}
		if crashes > 0 && now >= next {
			written, crashes, next = append(written, now), crashes-1, now+every+p.IntN(1+every/2)
		}
		x := base + size*float64(len(written))
		if p.put(x + .002*math.Sin(float64(now)/perDay*2*math.Pi) + .0005*p.NormFloat64()) { // removed by hand
			written, crashes, nobodyAt = nil, -1, never
		}
	}
	p.gaps()
}

// dumpsRolledBack stops in time.
func dumpsRolledBack(p *pen) { p.cores(p.between(.82, .97), never) }

// dumpsAllNight goes on.
func dumpsAllNight(p *pen) { p.cores(p.between(.65, .85), warmup+p.IntN(9*perDay)) }

// ports are a proxy's to one upstream, in TIME_WAIT for a minute after each request: as
// many as there is traffic, and more for some minutes when clients retry. From the third
// week on traffic is moved to it on working mornings, in ever larger shares.
func (p *pen) ports(peak, most float64, fills bool) {
	share, steps := p.between(.15, .45)/max(peak, 1), 3+p.IntN(3)
	moved := math.Pow(1/share, 1/float64(steps)) // at each
	at, apart := warmup+p.IntN(3)*perDay+9*perHour+p.IntN(2*perHour), 1+p.IntN(2)
	today, retries, wander := 1.0, 0, 0.0
	for p.more() {
		now := p.now()
		if now%perDay == 0 {
			today = p.between(.93, 1.07)
		}
		if now == at && !workday(now) {
			at += perDay
		}
		if now == at && steps > 0 {
			if fills && len(p.Begins) == 0 {
				p.begin()
			}
			share *= moved
			steps--
			at += apart * perDay
		}
		x := peak * share * today * traffic(now) / traffic(15*perHour)
		if p.IntN(2*perDay) == 0 {
			retries = 1 + p.IntN(4)
		}
		if retries--; retries >= 0 {
			x *= p.between(1.1, 1.5)
		}
		wander = .8*wander + .02*p.NormFloat64()
		if p.put(min(x*(1+wander), most)) { // a second address
			peak /= 2
		}
	}
	p.gaps()
}

// portsEnough has a peak each day that is higher than the one before, until all is moved;
// the upstream's maxconn holds back what is more.
func portsEnough(p *pen) {
	peak := p.between(.75, .93)
	p.ports(peak, peak+.04, false)
}

// portsTooFew is moved the same, and does not get as far.
func portsTooFew(p *pen) { p.ports(p.between(1.12, 1.8), math.Inf(1), true) }
