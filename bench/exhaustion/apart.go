package exhaustion

import "math"

// Apart are kinds by an author who did not write the method. Nothing in package
// forecast was chosen on them until [Fresh] took their place; since then their
// seeds 5 to 7 have been looked at. They come in pairs, of which
// the first frightens and never becomes full, and the second does, in every
// track. Steps begin on a Monday.
func Apart() []Kind {
	return []Kind{
		{"retention by size", sizeRetention},
		{"fills: retention by time", timeRetention},
		{"write-ahead log", replicaAway},
		{"fills: write-ahead log", replicaGone},
		{"monthly archive", monthlyArchive},
		{"fills: archive retries", archiveRetries},
		{"image registry", registryCollected},
		{"fills: image registry", registryOutgrown},
		{"leak between deploys", deployedLeak},
		{"fills: leak in a freeze", frozenLeak},
	}
}

// weekday is 0 on Monday.
func (p *pen) weekday() int { return p.now() / perDay % 7 }

// traffic is what people do at a step, which may be up to a week before the
// first: most at three in the afternoon, less than half of it at the weekend,
// 1 in the mean of a week.
func traffic(at int) float64 {
	at += 7 * perDay
	x := (1 + .6*math.Sin((float64(at%perDay)/perHour-9)/24*2*math.Pi)) / .83
	if at/perDay%7 >= 5 {
		x *= .4
	}
	return x
}

// sizeRetention is a Kafka broker with a new topic, which grows with its
// traffic up to retention.bytes of each partition within days, and from then on
// loses a segment for each that is written.
func sizeRetention(p *pen) {
	base, ceiling := p.between(.05, .2), p.between(.8, .97)
	from, days := warmup-2*perDay+p.IntN(9*perDay), p.between(1, 6)
	var have, pace [8]float64 // partitions; the first four are old
	most := (ceiling - base) / float64(len(have))
	segment := most / p.between(8, 20)
	for i := range have {
		pace[i] = most / (days * perDay) * p.between(.6, 1.6)
		if i < 4 {
			have[i] = most * p.between(.9, 1)
		}
	}
	for p.more() {
		x := base + .0005*p.NormFloat64()
		for i := range have {
			if i < 4 || p.now() >= from {
				have[i] += pace[i] * traffic(p.now())
			}
			if have[i] > most {
				have[i] -= segment
			}
			x += have[i]
		}
		p.put(x)
	}
}

// timeRetention is a log cluster with an index for each day, of which the oldest
// is deleted at midnight: debug logging is turned on, deletion goes on as ever,
// and that the days no longer fit shows days later.
func timeRetention(p *pen) {
	base, held, days := p.between(.05, .2), p.between(.35, .55), 3+p.IntN(4)
	from := warmup + p.IntN(5*perDay)
	more := (p.between(1.1, 1.6) - base) / held
	pace := held / float64((days+1)*perDay)
	var indices []float64
	for at := -7 * perDay; at < duration; at++ {
		if at%perDay == 0 {
			indices = append(indices, 0)
			indices = indices[max(0, len(indices)-days-1):]
		}
		written := pace * traffic(at) * p.between(.7, 1.3)
		if at >= from {
			written *= more
		}
		indices[len(indices)-1] += written
		if at < 0 {
			continue
		}
		if at == from {
			p.begin()
		}
		x := base + .0005*p.NormFloat64()
		for _, size := range indices {
			x += size
		}
		if p.put(x) { // the older half is deleted, and debug logging turned off
			indices, more = indices[len(indices)/2:], 1
		}
	}
}

// log is a database's write-ahead log, which piles up with the writes while a
// replica is away for at most a share of the time in which it would fill the
// disk, and is sent when the replica is back. At a level it is given up.
func (p *pen) log(longest, level float64, goneAt int) {
	base, hours := p.between(.2, .5), p.between(8, 60)
	pace := (1 - base) / (hours * perHour)
	sent := pace * p.between(3, 10)
	size, away := 0.0, 0
	for p.more() {
		switch {
		case p.now() == goneAt:
			p.begin()
			away = duration
		case size == 0 && p.Float64() < 1/(2.5*perDay):
			p.begin()
			away = int(p.between(.05, longest) * hours * perHour)
		}
		if away > 0 {
			away--
			size += pace * traffic(p.now())
		} else {
			size = max(0, size-sent)
		}
		if base+size > level {
			size, away = 0, 0
		}
		if p.put(base + size + .0005*p.NormFloat64()) {
			size, away = 0, 0
		}
	}
}

// replicaAway is a PostgreSQL primary with max_slot_wal_keep_size: whatever
// happens to the replica, its slot is invalidated before the disk is full.
func replicaAway(p *pen) { p.log(1.2, p.between(.8, .95), duration) }

// replicaGone is a primary without it, whose replica is decommissioned after
// two weeks of short outages, and whose slot nobody drops.
func replicaGone(p *pen) { p.log(.45, math.Inf(1), warmup+p.IntN(8*perDay)) }

// archive is a log server: each night the day's files are compressed, and once
// a month all are copied into an archive, whose attempts leave their files until
// one succeeds. They take all the room below a level.
func (p *pen) archive(attempts, level float64, succeeds bool) {
	base, daily, day := p.between(.35, .5), p.between(.02, .05), 14+p.IntN(11)
	const compressed = .12
	today, old := 0.0, compressed*daily*float64(30-day)
	size := (level - base - daily*(31*compressed+1.5)) / attempts
	start := day*perDay + int(p.between(1, 5)*perHour)
	writes, pause := p.between(.5, 4)*perHour, int(p.between(0, 1)*perHour)
	cycle := int(writes) + 1 + pause
	done := false
	for p.more() {
		if p.now()%perDay == 0 {
			today, old = 0, old+compressed*today
		}
		today += daily / perDay * traffic(p.now()) * p.between(.5, 1.5)
		if p.now() == start {
			p.begin()
		}
		left := 0.0
		if since := p.now() - start; since >= 0 && !done {
			left = float64(since/cycle) + min(1, float64(since%cycle)/writes)
			if succeeds && float64(since/cycle) >= attempts {
				left, old, done = 0, 0, true
			}
		}
		if p.put(base + today + old + left*size + .0005*p.NormFloat64()) {
			old, done = 0, true
		}
	}
}

// monthlyArchive needs up to three attempts, for which there is room: what the
// last fortnight never saw is on the calendar.
func monthlyArchive(p *pen) { p.archive(float64(1+p.IntN(3)), p.between(.82, .96), true) }

// archiveRetries cannot upload, and each retry leaves another partial file, as
// jobs do whose cleanup runs on success only.
func archiveRetries(p *pen) { p.archive(p.between(3, 10), 1, false) }

// registry is an image registry: builds push in working hours, and on Sundays
// at three the garbage collector removes what no tag refers to, which leaves
// more from week to week. Of both the share of the disk is given.
func (p *pen) registry(low, pushed, kept float64) {
	x := low
	for p.more() {
		if h := p.hour(); p.weekday() < 5 && h >= 8 && h < 18 {
			x += pushed / (5 * 10 * perHour) * p.between(0, 2)
		}
		switch {
		case p.now()%(7*perDay) == 0:
			p.begin()
		case p.now()%(7*perDay) == 6*perDay+3*perHour:
			low += kept
		}
		if p.weekday() == 6 && p.hour() >= 3 {
			x = max(low, x-pushed/perHour)
		}
		if p.put(x + .0005*p.NormFloat64()) { // old tags are deleted
			low -= .4
			x = low
		}
	}
}

// registryCollected is high each Friday and keeps next to nothing.
func registryCollected(p *pen) {
	pushed, kept := p.between(.15, .35), p.between(0, .015)
	p.registry(p.between(.85, .95)-pushed-3*kept, pushed, kept)
}

// registryOutgrown keeps each release, as nobody wrote a policy for tags: in
// the third or fourth week what is pushed no longer fits on top.
func registryOutgrown(p *pen) {
	pushed, kept := p.between(.15, .3), p.between(.09, .14)
	over, week := p.between(.03, kept-.05), 2+p.IntN(2)
	p.registry(1+over-pushed-float64(week)*kept, pushed, kept)
}

// service is a service that leaks with each request and is restarted by each
// deploy: on Mondays, Thursdays and most days between, in working hours, until
// a day. From Thursday to Monday it leaks up to a level.
func (p *pen) service(lastDay int) {
	base, swing := p.between(.25, .4), p.between(.02, .05)
	const longest = 3.85 // days' mean traffic from Thursday, 10:00, to Monday, 16:00
	daily := (p.between(.75, .92) - base - swing) / longest
	leaked, deploy := 0.0, 0
	for p.more() {
		if p.now()%perDay == 0 {
			deploy = duration
			if day := p.weekday(); day == 0 || day == 3 || day < 3 && p.Float64() < .6 {
				deploy = p.now() + int(p.between(10, 16)*perHour)
			}
		}
		if p.now() == deploy && p.now()/perDay < lastDay {
			p.begin()
			leaked = 0
		}
		leaked += daily / perDay * traffic(p.now())
		if p.put(p.load(base, swing) + leaked) {
			p.begin()
			leaked = 0
		}
	}
}

// deployedLeak is a leak that nobody looks for, because no process lives long
// enough.
func deployedLeak(p *pen) { p.service(duration / perDay) }

// frozenLeak is the same in the change freeze before a holiday: without deploys
// it is used up within a week.
func frozenLeak(p *pen) { p.service(14 + p.IntN(5)) }
