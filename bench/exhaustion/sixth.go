package exhaustion

import (
	"math"
)

// Sixth are kinds by a sixth author, who knew neither the method nor its results
// and had read only how [Kinds] and [Fifth] are drawn. They come in pairs as those
// of [Apart] do, and samples are missing from them. What fills some has come before
// and passed.
func Sixth() []Kind {
	return []Kind{
		{"redis", redisEvicts},
		{"fills: redis", redisBuffers},
		{"go heap", goPinned},
		{"fills: go heap", goLeaks},
		{"work queue", queueDrained},
		{"fills: work queue", queueOutrun},
		{"expanded volume", volumeExpanded},
		{"fills: expanded volume", volumeAtMost},
		{"rebalancing", peersFit},
		{"fills: rebalancing", peersTooLarge},
		{"licences", licencesReturned},
		{"fills: licences", licencesForgotten},
		{"core dumps", dumpsRolledBack},
		{"fills: core dumps", dumpsAllNight},
		{"ephemeral ports", portsEnough},
		{"fills: ephemeral ports", portsTooFew},
	}
}

// logBetween is spread evenly over orders of magnitude.
func (p *pen) logBetween(a, b float64) float64 {
	return math.Exp(p.between(math.Log(a), math.Log(b)))
}

// workday reports whether a step is on Monday to Friday.
func workday(at int) bool { return at/perDay%7 < 5 }

// redis is the memory of a Redis in a container: keys up to maxmemory, from where some
// are evicted for each that is written; it is restarted now and then and warms up. While
// a child saves, what is written to is there twice. From a step on a replica reads too
// slowly, and its output buffer has no limit and does not count for eviction.
func (p *pen) redis(level float64, slowAt int, days float64) {
	most := level - p.between(.04, .2)
	every, lasts := perHour/2+p.IntN(6*perHour), 1+p.IntN(5)
	warms := p.logBetween(.1, 3) * perDay
	flow := p.flow()[before:]
	keys, resync, buffer := most, 0.0, 0.0
	pace := (1 - most) / (days * perDay)
	for p.more() {
		now := p.now()
		if now == slowAt {
			p.begin()
		}
		if now < slowAt && p.IntN(8*perDay) == 0 {
			keys = most * p.between(.1, .5) // what was saved, less what has expired
		}
		keys = min(keys+most*flow[now]/warms, most)
		// A resync keeps what is written meanwhile, and shares the room of the copies.
		if resync *= .8; p.IntN(3*perDay) == 0 {
			resync = p.between(.2, .6)
		}
		twice := 0.0
		if i := now % every; i < lasts {
			twice = min(flow[now]/2, 1) * float64(i+1) / float64(lasts)
		}
		if now >= slowAt {
			buffer = max(buffer+pace*(flow[now]-.15)/.85, 0)
		}
		x := keys + (level-most)*min(max(twice, resync), 1) + buffer
		if p.put(x + .002*p.NormFloat64()) { // the replica is cut off
			buffer, slowAt = 0, never
		}
	}
	p.gaps()
}

// redisEvicts stands at maxmemory, with a peak at each save.
func redisEvicts(p *pen) { p.redis(p.between(.85, .965), never, 1) }

// redisBuffers grows beyond maxmemory by day, and becomes full at a save.
func redisBuffers(p *pen) {
	p.redis(p.between(.7, .92), warmup+p.IntN(7*perDay), p.logBetween(.15, 3.5))
}

// goHeap is the memory of a Go service in a container with GOMEMLIMIT: the collector
// lets the heap grow to twice of what lives, but not above the limit while less than
// that lives; what is freed goes back to the kernel slowly. It is deployed on some
// working days. From a step on goroutines leak, and no deploy comes.
func (p *pen) goHeap(limit float64, leaksAt int, days float64) {
	base, swing, other := p.between(.25, .4), p.between(.05, .2), p.between(.01, .03)
	flow := p.flow()[before:]
	load, leaked, held, warm := flow[0], 0.0, 0.0, 1.0
	pace := (1 - base - swing) / (days * perDay)
	for p.more() {
		now := p.now()
		if now == leaksAt {
			p.begin()
		}
		if h := p.hour(); now < leaksAt && workday(now) && h > 9 && h < 17 && p.IntN(2*perDay) == 0 {
			held, warm = 0, .2
		}
		warm += .05 * (1 - warm)
		load += .1 * (flow[now] - load)
		if now >= leaksAt {
			leaked += pace * (.3 + .7*flow[now])
		}
		live := warm*base + swing*min(load/2, 1) + leaked
		goal := max(min(2*live, limit), live)
		heap := live + (goal-live)*p.between(.5, 1)
		held = max(heap, held-.01*p.between(0, 2), live)
		if p.put(held + other + .002*p.NormFloat64()) { // killed
			leaked, held, warm, leaksAt = 0, 0, .2, never
		}
	}
	p.gaps()
}

// goPinned stands just below its limit whenever it is busy.
func goPinned(p *pen) { p.goHeap(p.between(.82, .94), never, 1) }

// goLeaks looks like that until more lives than the limit.
func goLeaks(p *pen) {
	p.goHeap(p.between(.75, .92), warmup+p.IntN(7*perDay), p.logBetween(.15, 4))
}

// queue is a queue of a broker with a greatest length: jobs come as people work, and
// workers take as many as they can, so that what is left in the afternoon is done by
// night. Workers are away for a deploy or for an outage of hours. From a step on, their
// new release does fewer jobs.
func (p *pen) queue(level float64, slowerAt int, slower float64) {
	flow, can := p.flow()[before:], p.between(1.25, 1.7)
	away := make([]bool, duration)
	for range 3 + p.IntN(8) {
		from := p.IntN(duration)
		for n := range 1 + p.IntN(perHour*(1+p.IntN(3))) {
			if from+n < duration {
				away[from+n] = true
			}
		}
	}
	step := func(left float64, at int, can float64) float64 {
		if away[at] {
			can = 0
		}
		return max(left+flow[at]-can*p.between(.8, 1.2), 0)
	}
	left, longest := 0.0, 0.0
	for at := range duration {
		left = step(left, at, can)
		longest = max(longest, left)
	}
	length := 1.1 * longest / level // workers are not quite the same twice
	left = 0
	for p.more() {
		now := p.now()
		if now == slowerAt {
			p.begin()
			can = slower
		}
		left = step(left, now, can)
		if p.put(left / length) { // workers are added, the queue is purged
			left, slowerAt, can = 0, never, 3
		}
	}
	p.gaps()
}

// queueDrained is longest on a busy afternoon, or after an outage.
func queueDrained(p *pen) { p.queue(p.between(.82, .96), never, 0) }

// queueOutrun is not empty in the morning any more.
func queueOutrun(p *pen) {
	p.queue(p.between(.3, .85), warmup+p.IntN(8*perDay), p.between(.1, .65))
}

// volume is a claim that is expanded when little of it is free, by a tenth to a half,
// soon after but not within six hours of the last time. It grows with traffic and by
// imports. From a step on the storage quota lets it grow no further, while a new tenant
// is moved in.
func (p *pen) volume(threshold float64, atMost int, days float64) {
	size, used, factor := 1.0, p.between(.5, .75), p.between(1.1, 1.5)
	daily := p.logBetween(.03, .2)
	flow := p.flow()[before:]
	last, due, imports := -perDay, -1, 0
	for p.more() {
		now := p.now()
		if now == atMost {
			p.begin()
			imports, daily = 0, (size-used)/size/days
		}
		if imports--; imports < 0 && now < atMost && p.IntN(2*perDay) == 0 {
			imports = perHour/2 + p.IntN(perHour)
		}
		if imports > 0 {
			used += .05 * size / (1.5 * perHour) * p.between(0, 1.5)
		}
		used += size * daily / perDay * flow[now]
		if due < 0 && used > threshold*size && now-last >= 6*perHour && now < atMost {
			due = now + 1 + p.IntN(perHour/2)
		}
		if due >= 0 && now >= due && now < atMost {
			size, last, due = size*factor, now, -1
		}
		if p.put(used/size + .0002*p.NormFloat64()) { // the quota is raised
			size, atMost, daily, last, due = size*2, never, .05, now, -1
		}
	}
	p.gaps()
}

// volumeExpanded falls each time when little is left.
func volumeExpanded(p *pen) { p.volume(p.between(.78, .88), never, 1) }

// volumeAtMost goes on where it fell before.
func volumeAtMost(p *pen) {
	p.volume(p.between(.78, .9), warmup+p.IntN(6*perDay), p.logBetween(.2, 4.5))
}

// peers is a disk of a Ceph cluster: when another is lost, its share of what that had
// is copied here, ever more slowly and with less of the network by day; it goes back when
// the other returns. From a step on a host is lost, whose data does not fit.
func (p *pen) peers(level float64, lostAt int, beyond float64) {
	base, growth := p.between(.35, .65), p.between(0, .03)
	most := level - base - growth
	away, target, moved := 0, 0.0, 0.0
	steps := p.logBetween(1, 24) * perHour
	for p.more() {
		now := p.now()
		if now == lostAt {
			p.begin()
			away, target = never, 1+beyond-base
		}
		switch away--; {
		case away > 0:
		case away == 0:
			target = 0
		case p.IntN(5*perDay) == 0:
			away, target = perHour+p.IntN(3*perDay), most*p.between(.3, 1)
		}
		speed := p.between(.6, 1.4)
		if h := p.hour(); h > 8 && h < 18 && workday(now) {
			speed *= .5
		}
		moved += (target - moved) * min(speed/steps, 1)
		used := base + growth*float64(now)/duration + moved
		if p.put(used + .0005*p.NormFloat64()) { // disks are added
			away, target, moved, lostAt = never, 0, 0, never
		}
	}
	p.gaps()
}

// peersFit ends below the limit, whatever a line through its rise says.
func peersFit(p *pen) { p.peers(p.between(.8, .96), never, 0) }

// peersTooLarge has the same shape, with an end above the limit.
func peersTooLarge(p *pen) {
	p.peers(p.between(.7, .9), warmup+p.IntN(7*perDay), p.between(.02, .4))
}
