package exhaustion

import "math"

// Fresh are kinds by a third author, who knew neither the method nor its results
// and had read only how [Kinds] and [Apart] are drawn. After the first look at them
// two mechanisms of package forecast were changed, and since then the method is
// developed on their seeds 5 to 7, too (docs/forecasts.md). They come in pairs as those
// of [Apart] do.
func Fresh() []Kind {
	return []Kind{
		{"build cache", cachePruned},
		{"fills: build cache", cachePinned},
		{"connection table", timeoutLonger},
		{"fills: connection table", timeoutTooLong},
		{"heap", heapCollected},
		{"fills: heap", heapLeaks},
		{"session files", sessionsCrawled},
		{"fills: session files", sessionsUnswept},
		{"weekly dumps", dumpsKept},
		{"fills: weekly dumps", dumpsPile},
	}
}

// cache is the disk of a build host: each build writes its layers within
// minutes, and every quarter of an hour, if more is used than a level, the
// builder's collector removes the oldest down to another. From a step on, a share
// of what is built stays referred to, so that the collector may not touch it.
func (p *pen) cache(pinsAt int, share float64) {
	base, level := p.between(.15, .3), p.between(.78, .86)
	low := level - p.between(.08, .35)
	const rate = .15 // builds a step
	size := p.between(.35, .7) / (rate * perDay)
	free, pinned := p.between(.2, low-base), 0.0
	for p.more() {
		if p.now() == pinsAt {
			p.begin()
		}
		if p.Float64() < rate*traffic(p.now()) {
			layers := size * p.between(.3, 1.7)
			if p.now() >= pinsAt {
				pinned += share * layers
				layers -= share * layers
			}
			free += layers
		}
		if p.now()%3 == 0 && base+pinned+free > level {
			free = max(0, min(free, low-base-pinned))
		}
		if p.put(base + pinned + free + .0005*p.NormFloat64()) { // stopped containers are removed
			free, pinned, pinsAt = 0, 0, duration
		}
	}
}

// cachePruned lives at its threshold, where it falls by a lot several times a
// day and not at all at some weekends.
func cachePruned(p *pen) { p.cache(duration, 0) }

// cachePinned has a job that no longer removes its containers: the cache is
// pruned as ever, but to ever less effect, until nothing is left to prune.
func cachePinned(p *pen) { p.cache(warmup+p.IntN(3*perDay), p.between(.35, .9)) }

// connections is the table of a router or firewall, in which connections that
// nobody closed stay until a timeout. At a step the timeout is made longer, so
// that the table tends to another level, ever more slowly; of what it gets to by
// the end the share of the limit is given.
func (p *pen) connections(level float64) {
	short, long := p.between(1, 3)*perHour, p.between(24, 72)*perHour
	from := warmup + p.IntN(5*perDay)
	x, most := 0.0, 0.0
	for at := -2 * perDay; at < duration; at++ {
		timeout := short
		if at >= from {
			timeout = long
		}
		x += traffic(at) - x/timeout
		most = max(most, x)
	}
	pace := level / most
	x = pace * short * traffic(0)
	timeout := short
	for p.more() {
		if p.now() == from {
			p.begin()
			timeout = long
		}
		x += pace*traffic(p.now())*p.between(.6, 1.4) - x/timeout
		if p.put(x + .003*p.NormFloat64()) { // the table is flushed, the timeout put back
			x, timeout = 0, short
		}
	}
}

// timeoutLonger is a table that is large enough for the new timeout, if by
// little: what rises for days bends and stays.
func timeoutLonger(p *pen) { p.connections(p.between(.78, .95)) }

// timeoutTooLong is one that a tuned timeout had kept small, until an update
// brought the default of the kernel back.
func timeoutTooLong(p *pen) { p.connections(p.between(1.1, 1.8)) }

// heap is the old generation of a JVM, which what survives fills within minutes
// or hours, by the traffic, and which a collection takes back to what is alive.
// That is a cache, which each deploy empties, and from a step on a leak.
func (p *pen) heap(leaksAt int) {
	trigger, cached := p.between(.75, .93), p.between(.05, .2)
	base := p.between(.2, .4)
	survive := (trigger - base - cached) / (math.Exp(p.between(math.Log(.4), math.Log(12))) * perHour)
	leak := (1 - base - cached) / (math.Exp(p.between(math.Log(.3), math.Log(6))) * perDay)
	warm := p.between(2, 20) * perHour // steps in which the cache fills to 63 %
	cache, leaked := cached, 0.0
	x, deploy := p.between(base+cached, trigger), 0
	for p.more() {
		if p.now()%perDay == 0 {
			deploy = duration
			if p.weekday() == 1 && p.now() < leaksAt {
				deploy = p.now() + int(p.between(9, 16)*perHour)
			}
		}
		if p.now() == deploy {
			cache, x = 0, base
		}
		if p.now() == leaksAt {
			p.begin()
		}
		cache += (cached - cache) / warm
		if p.now() >= leaksAt {
			leaked += leak * traffic(p.now()) * p.between(.7, 1.3)
		}
		alive := base + cache + leaked
		x = max(x, alive) + survive*traffic(p.now())*p.between(.5, 1.5)
		if x > trigger {
			x = max(alive, min(trigger, alive+(x-trigger)*p.Float64())) + .002*p.Float64()
		}
		if p.put(x) { // out of memory, and restarted without what leaked
			cache, leaked, leaksAt, x = 0, 0, duration, base
		}
	}
}

// heapCollected is near its trigger many times a day, which means nothing.
func heapCollected(p *pen) { p.heap(duration) }

// heapLeaks has a release that never lets go of some objects: the peaks stay
// where they were, the troughs rise, and only when they meet it goes above.
func heapLeaks(p *pen) { p.heap(warmup + p.IntN(4*perDay)) }

// sessions are the inodes of a web server that keeps a file for each session, of
// which a job in the small hours removes those of an age of days, until it no
// longer runs. At a step a crawler comes for hours that accepts no cookies, and
// leaves a session for each request, as many as take all below a level.
func (p *pen) sessions(room, level float64, crawlAt, brokenAt int) {
	base, days := p.between(.08, .25), 1+p.IntN(5)
	pace := (1 - base) / ((room + float64(days) + .5) * perDay)
	sweep := int(p.between(2, 6) * perHour)
	crawls := int(p.between(2, 30) * perHour)
	crawled := (level - base - pace*perDay*float64(days+1)/.83) / float64(crawls)
	var made []float64 // at each step, from a week before the first on
	have, swept := 0.0, 0
	for at := -7 * perDay; at < duration; at++ {
		files := pace * traffic(at) * p.between(.6, 1.4)
		if at >= crawlAt && at < crawlAt+crawls {
			files += crawled
		}
		made = append(made, files)
		have += files
		if (at+7*perDay)%perDay == sweep && at < brokenAt {
			for ; swept < len(made)-days*perDay; swept++ {
				have -= made[swept]
			}
		}
		if at < 0 {
			continue
		}
		if at == crawlAt || at == brokenAt {
			p.begin()
		}
		if p.put(base + have + .0005*p.NormFloat64()) { // all are removed, and the job repaired
			have, swept, brokenAt = 0, len(made), duration
		}
	}
}

// sessionsCrawled stays high for days after the crawler has gone, until its
// files are old enough.
func sessionsCrawled(p *pen) {
	p.sessions(p.between(5, 9), p.between(.85, .97), warmup-perDay+p.IntN(9*perDay), duration)
}

// sessionsUnswept moved its files in an upgrade, and the job sweeps the old
// directory: the first sign is a night on which nothing is removed.
func sessionsUnswept(p *pen) {
	p.sessions(p.between(2.5, 6.5), 0, duration, warmup+p.IntN(3*perDay))
}

// dumps is a disk to which a full dump of a database goes once a week, checked
// and only then followed by the removal of the oldest, if there is any such.
func (p *pen) dumps(base, size float64, copies int, removes bool) {
	day, start := p.IntN(7), int(p.between(0, 12)*perHour)
	writes, checks := p.between(1, 8)*perHour, int(p.between(0, 2)*perHour)
	var kept []float64
	for range copies {
		kept = append(kept, size*p.between(.98, 1))
	}
	written, whole, until := 0.0, 0.0, -1
	for p.more() {
		if p.weekday() == day && p.now()%perDay == start {
			p.begin()
			whole = size * p.between(.98, 1)
		}
		if whole > 0 {
			written += size / writes * p.between(.5, 1.5)
			if written >= whole {
				kept = append(kept, whole)
				written, whole, until = 0, 0, p.now()+checks
			}
		}
		if p.now() == until && removes {
			kept = kept[1:]
		}
		x := base + written + .0005*p.NormFloat64()
		for _, dump := range kept {
			x += dump
		}
		if p.put(x) { // all but the last are deleted, and so is what was begun
			kept = kept[len(kept)-1:]
			written, whole = 0, 0
		}
	}
}

// dumpsKept has room for one dump more than it keeps, and needs it each week.
func dumpsKept(p *pen) {
	base, copies := p.between(.1, .3), 1+p.IntN(3)
	p.dumps(base, (p.between(.85, .97)-base)/float64(copies+1), copies, true)
}

// dumpsPile is the same without permission to remove: one copy more stays each
// week, flat in between, and the third or fourth does not fit.
func dumpsPile(p *pen) {
	base, copies, week := p.between(.1, .3), p.IntN(4), 2+p.IntN(2)
	p.dumps(base, (1-base)/(float64(copies+week)+p.between(.3, .85)), copies, false)
}
