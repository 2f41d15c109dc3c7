package exhaustion

import (
	"math"
)

// Fifth are kinds by a fifth author, who knew neither the method nor its results
// and had read only how [Fourth] and one kind of [Fresh] are drawn. They come in
// pairs as those of [Apart] do. Samples are missing from them.
func Fifth() []Kind {
	return []Kind{
		{"etcd quota", etcdCompacted},
		{"fills: etcd quota", etcdUncompacted},
		{"threads", threadsCapped},
		{"fills: threads", threadsStuck},
		{"table bloat", tableVacuumed},
		{"fills: table bloat", tableHeld},
		{"group quota", quotaWatched},
		{"fills: group quota", quotaOverrun},
		{"subnet addresses", addressesReturned},
		{"fills: subnet addresses", addressesLeaked},
	}
}

// never is a step that does not come.
const never = 2 * duration

// etcd is the database file of an etcd: revisions that nobody needs are compacted
// every some hours, which frees pages inside the file; only a defragmentation by
// night makes it shorter. On some days a controller writes far more than usual for
// minutes or hours. From a step on nothing is compacted, so that the file is full
// after about some days of writing.
func (p *pen) etcd(level float64, stopsAt int, days float64) {
	live := p.between(.15, .45)
	every := (1 + p.IntN(8)) * perHour / 2
	defragEvery, defragAt := perDay, p.IntN(5*perHour)
	if p.IntN(2) == 0 {
		defragEvery = 7 * perDay
		defragAt += p.IntN(7) * perDay
	}
	rate := (1 - live) / (days * perDay)
	flow, storm := p.flow()[before:], make([]float64, duration)
	for range 4 + p.IntN(8) {
		at, high := p.IntN(duration), p.between(.4, 1)
		for n := range 2 + p.IntN(2*perHour) {
			if at+n < duration {
				storm[at+n] = high
			}
		}
	}
	storms, most, usual := 0.0, 0.0, 0.0
	for i := range storm { // the largest storm between two compactions is known before
		if i%every == 0 {
			storms, usual = 0, 0
		}
		storms += storm[i]
		usual += rate * flow[i]
		most = max(most, storms/max(level-live-usual, .05))
	}
	garbage, file := 0.0, live
	for p.more() {
		now := p.now()
		if now == stopsAt {
			p.begin()
		}
		live += .00002 * p.NormFloat64()
		garbage += rate*flow[now] + storm[now]/most
		if now%every == 0 && now < stopsAt {
			garbage = 0
		}
		if used := live + garbage; now%defragEvery == defragAt {
			file = used
		} else {
			file = max(file, used)
		}
		if p.put(file) { // compacted and defragmented by hand
			garbage, file, stopsAt = 0, live, never
		}
	}
	p.gaps()
}

// etcdCompacted steps up with each storm, and stays there until it is defragmented.
func etcdCompacted(p *pen) { p.etcd(p.between(.82, .94), never, p.between(4, 15)) }

// etcdUncompacted has lost its compactor, in a database with room.
func etcdUncompacted(p *pen) {
	p.etcd(p.between(.6, .85), warmup+p.IntN(7*perDay), p.between(.6, 4))
}

// threads are those of a service in a cgroup with a limit of PIDs: whole ones, as many
// as there are requests, up to those of its pool. It is deployed on some working days,
// and begins with few. A backend is slow now and then, for up to some hours, and holds
// what waits for it, as much as the pool has. From a step on its answers do not come,
// and the pool has no limit; no deploy gets through.
func (p *pen) threads(level float64, stuckAt int, days float64) {
	limit := math.Round(math.Exp(p.between(5, 8.3)))
	base, busy := p.between(.1, .25), p.between(.08, .2)
	flow := p.flow()[before:]
	warm, day := 1.0, 0.0
	deploy, slow, waiting, stuck := -1, 0, 0.0, 0.0
	pace := (1 - base - busy) / (days * perDay)
	for p.more() {
		now := p.now()
		if now == stuckAt {
			p.begin()
		}
		if now%perDay == 0 {
			deploy, day = -1, .15*p.NormFloat64()
			if now/perDay%7 < 5 && p.IntN(2) == 0 {
				deploy = now + 9*perHour + p.IntN(8*perHour)
			}
		}
		if now == deploy && now < stuckAt {
			warm, waiting, slow = 0, 0, 0
		}
		warm += (1 - warm) * .3
		if slow == 0 && p.IntN(2*perDay) == 0 {
			slow = 2 + p.IntN(3*perHour)
		}
		if slow > 0 {
			slow--
			waiting += (1 - waiting) * .1 * min(flow[now], 2)
		} else {
			waiting *= .5
		}
		if now >= stuckAt {
			stuck += pace * (.4 + .6*flow[now]) * p.between(.2, 1.8)
		}
		x := base + warm*busy*(1+day)*flow[now]
		x = min(x+waiting*(level-min(x, level)), level) + stuck
		if p.put(math.Round(x*limit) / limit) { // restarted
			stuck, waiting, warm, stuckAt = 0, 0, 0, never
		}
	}
	p.gaps()
}

// threadsCapped stands at its pool's limit for as long as a backend is slow.
func threadsCapped(p *pen) { p.threads(p.between(.82, .96), never, 1) }

// threadsStuck climbs within hours, or in days if few requests need that backend.
func threadsStuck(p *pen) {
	p.threads(p.between(.5, .8), warmup+p.IntN(9*perDay), math.Exp(p.between(math.Log(.1), math.Log(3))))
}

// table is the volume of a PostgreSQL with one large table: dead rows are vacuumed
// when there are enough, and their space is used again, but the file stays; it is
// rewritten once a day or a week, which needs another copy of it until it is done. From
// a step on an old transaction is open, so that nothing dead is removed, also by what
// rewrites it.
func (p *pen) table(level float64, heldAt int, days float64) {
	base, bloat := p.between(.1, .25), p.between(.05, .3)
	weekly, daily := p.IntN(2) == 0, p.between(0, .002)
	start, lasts := perHour+p.IntN(3*perHour), perHour/2+p.IntN(3*perHour)
	day := p.IntN(7)
	// At its highest the volume has the table with its bloat, and a copy without.
	live := (level - base) / (2 + bloat + 28*daily)
	rate := (1 - level + .3*live) / (days * perDay)
	flow := p.flow()[before:]
	threshold := live * bloat
	file, dead, held, written := live, 0.0, 0.0, 0.0
	for p.more() {
		now := p.now()
		if now == heldAt {
			p.begin()
		}
		dead += rate * flow[now]
		if now >= heldAt {
			held += rate * flow[now]
		} else if dead > threshold*.8 || now%perDay == 5 {
			dead = 0
		}
		if limit := threshold; held == 0 {
			dead = min(dead, limit)
		}
		size := live * (1 + daily*float64(now)/perDay)
		file = max(file, size+dead)
		switch at := now%perDay - start; {
		case weekly && now/perDay%7 != day, at < 0, at > lasts:
			written = 0
		case at == lasts:
			file, written = size+dead, 0
		default:
			written = (size + held) * float64(at+1) / float64(lasts)
		}
		if p.put(base + file + written + .0003*p.NormFloat64()) { // the transaction is ended, the table rewritten
			dead, held, file, heldAt = 0, 0, size, never
		}
	}
	p.gaps()
}

// tableVacuumed has room for its copy, and not much more.
func tableVacuumed(p *pen) { p.table(p.between(.83, .96), never, p.between(1, 6)) }

// tableHeld becomes full by its bloat or, earlier, by a copy that no longer fits.
func tableHeld(p *pen) {
	p.table(p.between(.7, .92), warmup+p.IntN(7*perDay), p.between(.4, 2.5))
}

// quota is that of a research group on a shared file system: jobs leave results of
// very different sizes, many by night; what is older than some days is purged every
// morning, and on working days somebody tidies up after the mail at the soft limit.
// A job looks for room before it begins. From a step on an array of jobs that does
// not writes checkpoints, each as large as the one before.
func (p *pen) quota(level float64, arrayAt int, days float64) {
	keeps, base := 4+p.IntN(10), p.between(.1, .4)
	soft := level - p.between(.02, .1)
	median := (soft - base) * p.between(1, 1.6) / float64(keeps) / 8
	every := 1 + p.IntN(2*perHour)
	checkpoint := (1 - soft + .05) * float64(every) / (days * perDay)
	perDays := make([]float64, keeps)
	array, mailed := 0.0, -1
	sum := func() (s float64) {
		for _, x := range perDays {
			s += x
		}
		return base + s
	}
	rest := 0.0 // of the job that writes now
	for p.more() {
		now := p.now()
		if now == arrayAt {
			p.begin()
		}
		if now%perDay == 6*perHour {
			perDays = append(perDays[1:], 0)
		}
		if rest == 0 && p.Float64() < 10./perDay {
			if size := median * math.Exp(.8*p.NormFloat64()); sum()+size < level {
				rest = size
			}
		}
		write := min(rest, median*p.between(.1, .6))
		rest -= write
		perDays[keeps-1] += write
		if now >= arrayAt && (now-arrayAt)%every == 0 {
			array += checkpoint * p.between(.9, 1.1)
		}
		if mailed < 0 && sum() > soft {
			mailed = now
		}
		if h := p.hour(); mailed >= 0 && now-mailed > perHour && h > 9 && h < 18 && now/perDay%7 < 5 && p.IntN(4*perHour) == 0 {
			for i := range perDays {
				perDays[i] *= p.between(.3, .95)
			}
			mailed = -1
		}
		if p.put(sum() + array) { // the checkpoints are removed
			array, rest, arrayAt = 0, 0, never
		}
	}
	p.gaps()
}

// quotaWatched lives around its soft limit.
func quotaWatched(p *pen) { p.quota(p.between(.84, .975), never, 1) }

// quotaOverrun climbs in steps, also while results are purged.
func quotaOverrun(p *pen) {
	p.quota(p.between(.65, .93), warmup+p.IntN(8*perDay), math.Exp(p.between(math.Log(.2), math.Log(2.5))))
}

// addresses are those of a subnet of a cluster's nodes: each holds a block of them.
// Nodes come with traffic within minutes and go when they were idle for an hour, up
// to the most that is allowed; on some days all are replaced by others, some at a time,
// which needs more. From a step on, some of the nodes that go leave their interfaces.
func (p *pen) addresses(level float64, leaksAt int, days float64) {
	limit := float64(int(256)<<p.IntN(4) - 5)
	block := []float64{8, 16, 30}[p.IntN(3)]
	if limit < 300 {
		block = 8
	}
	count := math.Floor(level * limit / block) // nodes, with those of a replacement
	surge := max(1, math.Round(count*p.between(.08, .3)))
	most := count - surge
	least, other := math.Ceil(most*p.between(.2, .4)), math.Floor(p.between(0, limit-count*block)*.3)
	flow, load := p.flow()[before:], p.between(.35, .6)
	nodes, idle, leaked := least, 0, 0.0
	chance := 2 * (limit/block - most) / (days * perDay) // of a node that leaves some, at a step
	replaced := map[int]bool{p.IntN(14): true, 14 + p.IntN(14): true}
	smooth := flow[0]
	for p.more() {
		now := p.now()
		if now == leaksAt {
			p.begin()
		}
		smooth += .1 * (flow[now] - smooth)
		want := min(max(least, math.Ceil(most*load*smooth)), most)
		switch {
		case want > nodes:
			nodes, idle = min(nodes+1+float64(p.IntN(3)), want), 0
		case want < nodes:
			if idle++; idle > perHour && p.IntN(3) == 0 {
				nodes--
			}
		default:
			idle = 0
		}
		if now >= leaksAt { // jobs' nodes that live for minutes
			if p.Float64() < chance {
				leaked += math.Ceil(block * p.between(.3, 1))
			}
		}
		extra := 0.0
		if h := p.hour(); replaced[now/perDay] && h >= 10 && h < 14 {
			extra = math.Ceil(surge * p.between(.6, 1))
		}
		if p.put(min((other+(nodes+extra)*block)/limit, level) + leaked/limit) { // the interfaces are deleted
			leaked, leaksAt = 0, never
		}
	}
	p.gaps()
}

// addressesReturned is at its most on busy days, and above it for an afternoon.
func addressesReturned(p *pen) { p.addresses(p.between(.85, .97), never, 1) }

// addressesLeaked has a peak each day that is higher than the one before.
func addressesLeaked(p *pen) {
	p.addresses(p.between(.75, .93), warmup+p.IntN(6*perDay), p.between(.4, 2.5))
}
