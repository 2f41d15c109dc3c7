package exhaustion

import (
	"math"
	"slices"

	"github.com/omenhq/omen/forecast"
)

// Fourth are kinds by a fourth author, who knew neither the method nor its
// results and had read only how some of [Kinds] and [Fresh] are drawn. They come
// in pairs as those of [Apart] do. Samples are missing from them.
func Fourth() []Kind {
	return []Kind{
		{"snapshots", snapshotsCatchUp},
		{"fills: snapshots", snapshotsHeld},
		{"thin pool", poolTrimmed},
		{"fills: thin pool", poolUntrimmed},
		{"mail queue", mailDeferred},
		{"fills: mail queue", mailBlocked},
		{"connection pool", poolCapped},
		{"fills: connection pool", poolLeaks},
		{"memory with cache", cacheReclaimed},
		{"fills: memory with cache", cacheDisplaced},
	}
}

// before is for how long a resource has been in use at the first step.
const before = 7 * perDay

// flow is what is written at each step from those before the first on: traffic,
// more on some days than on others, 1 in the mean.
func (p *pen) flow() []float64 {
	v, day := make([]float64, before+duration), 1.0
	for i := range v {
		if i%perDay == 0 {
			day = p.between(.7, 1.3)
		}
		v[i] = day * traffic(i-before) * p.between(.4, 1.6)
	}
	return v
}

// gaps takes samples away: in half of the tracks single ones, and up to two
// times all of some minutes or hours. While it is full none are missing.
func (p *pen) gaps() {
	lose := func(i int) {
		if i > 0 && i < duration && p.Used[i] < forecast.Full {
			p.Used[i] = math.NaN()
		}
	}
	if share := p.between(-.01, .01); share > 0 {
		for i := range p.Used {
			if p.Float64() < share {
				lose(i)
			}
		}
	}
	for range p.IntN(3) {
		from := p.IntN(duration)
		for n := range 3 + p.IntN(5*perHour) {
			lose(from + n)
		}
	}
}

// snapshots are what a ZFS pool keeps besides its data: in each of some days
// what was overwritten in it. One is taken each day, and the oldest is destroyed,
// which frees its space within an hour or so, unless replication holds it.
type snapshots struct {
	days          []float64 // the oldest first
	keeps, at     int
	freeing, pace float64
}

func (s *snapshots) step(i int, written float64, held bool) float64 {
	if len(s.days) == 0 || i%perDay == s.at {
		s.days = append(s.days, 0)
	}
	s.days[len(s.days)-1] += written
	for !held && len(s.days) > s.keeps {
		s.freeing += s.days[0]
		s.days = s.days[1:]
	}
	s.freeing -= min(s.freeing, s.pace)
	sum := s.freeing
	for _, x := range s.days {
		sum += x
	}
	return sum
}

// pool is a ZFS pool whose snapshots are held between two steps. Its highest
// before a step is at a level.
func (p *pen) pool(flow []float64, level float64, until, heldFrom, heldTo int) {
	base := p.between(.15, .35)
	kept := snapshots{keeps: 3 + p.IntN(3), at: p.IntN(8 * perHour), pace: perDay / p.between(4, 20)}
	held := func(at int) bool { return at >= heldFrom && at < heldTo }
	most, s := 0.0, kept
	for i, x := range flow[:before+until] {
		if x = s.step(i, x, held(i-before)); i >= before {
			most = max(most, x)
		}
	}
	scale := (level - base) / most
	s = kept
	for i, x := range flow {
		x = s.step(i, x, held(i-before))
		if i < before {
			continue
		}
		if heldTo > duration && i-before == heldFrom {
			p.begin()
		}
		if p.put(base + scale*x + .0005*p.NormFloat64()) { // the holds are released
			heldTo, s.pace = p.now(), perDay
		}
	}
	p.gaps()
}

// snapshotsCatchUp has either a target of replication that is away for a day or
// three, whereupon nothing is destroyed and then much at once, or a table that is
// rewritten as a whole, whose old blocks stay for as many days as snapshots do.
func snapshotsCatchUp(p *pen) {
	flow, from := p.flow(), warmup+p.IntN(9*perDay)
	level := p.between(.82, .96)
	if p.IntN(2) == 0 {
		p.pool(flow, level, duration, from, from+int(p.between(1.2, 3)*perDay))
		return
	}
	lasts := p.between(4, 30) * perHour
	pace := p.between(1.5, 4) * perDay / lasts
	for i := range int(lasts) {
		flow[before+from+i] += pace * p.between(.7, 1.3)
	}
	p.pool(flow, level, duration, 0, 0)
}

// snapshotsHeld has a target that was taken out of service, and holds that
// nobody releases: it grows by what is written, less at a weekend, and what tells
// is that at the usual hour nothing is freed.
func snapshotsHeld(p *pen) {
	from := warmup + p.IntN(4*perDay)
	p.pool(p.flow(), p.between(.66, .8), from, from, math.MaxInt)
}

// guest is the disk of a virtual machine in a thin pool that is overcommitted:
// what it writes is in part where it wrote before, and what it deletes stays
// allocated until it is trimmed.
type guest struct {
	size, live, allocated, pace float64
	from, delay                 int // steps: at which it is made, and from the hour of trimming on
}

func (g *guest) step(at int, written float64, trimmed bool) float64 {
	if at < g.from {
		return 0
	}
	if at == g.from || trimmed {
		g.allocated = g.live
	}
	g.allocated += g.pace * written * (g.size - g.allocated)
	return g.allocated
}

// thin is a thin pool whose guests are trimmed once a week until a step. In
// its usual weeks its highest is at a level, and so much lower that without
// trimming it gets to a least, if any is given.
func (p *pen) thin(level, least float64, until int) {
	flow := p.flow()
	weekday, hour := until/perDay%7, until%perDay
	guests := make([]guest, 4+p.IntN(6))
	days := p.between(7, 14)
	for i := range guests {
		size := p.between(.5, 2)
		guests[i] = guest{size, size * p.between(.2, .45), 0, p.between(.7, 1.4) / (days * perDay), -before, p.IntN(20)}
		guests[i].allocated = guests[i].live
	}
	if p.IntN(3) == 0 { // one is made while the others run
		guests[0].from = p.IntN(warmup + 5*perDay)
	}
	fails := until
	step := func(guests []guest, at int) (sum float64) {
		for i := range guests {
			g := &guests[i]
			day := (at - hour - g.delay + before) % (7 * perDay)
			sum += g.step(at, flow[before+at], at < fails && day == weekday*perDay)
		}
		return sum
	}
	usual, most := 0.0, 0.0
	dry := slices.Clone(guests)
	for at := -before; at < duration; at++ {
		x := step(dry, at)
		if at >= 0 && at < until {
			usual = max(usual, x)
		}
		most = max(most, x)
	}
	scale := max(level/usual, least/most)
	for at := -before; at < duration; at++ {
		x := step(guests, at)
		if at < 0 {
			continue
		}
		if at == until {
			p.begin()
		}
		if p.put(scale*x + .0004*p.NormFloat64()) { // all are trimmed by hand, and from now on
			fails = duration
			for i := range guests {
				guests[i].allocated = guests[i].live
			}
		}
	}
	p.gaps()
}

// poolTrimmed rises all week, and falls by a lot within two hours.
func poolTrimmed(p *pen) {
	p.thin(p.between(.86, .975), 0, duration+p.IntN(7)*perDay+p.IntN(6*perHour))
}

// poolUntrimmed passes no more discards on after an upgrade of its hypervisor: it
// rises on, if ever more slowly, from where it falls in other weeks.
func poolUntrimmed(p *pen) {
	p.thin(p.between(.7, .88), 1.04, warmup+p.IntN(7)*perDay+p.IntN(6*perHour))
}

// spool are the mails that a relay could not deliver yet. Each is sent back when
// it is too old; when the destination accepts again they go at a pace, the oldest
// first.
type spool struct {
	came      []float64
	first     int // the oldest that is still there
	sum       float64
	life      int
	drainPace float64
}

func (s *spool) step(mails float64, away bool) float64 {
	if !away {
		mails = 0
	}
	s.came = append(s.came, mails)
	s.sum += mails
	drain := s.drainPace
	for ; s.first < len(s.came); s.first++ {
		gone := s.came[s.first]
		if s.first > len(s.came)-s.life {
			if away {
				break
			}
			gone = min(gone, drain)
			drain -= gone
		}
		s.sum -= gone
		if s.came[s.first] -= gone; s.came[s.first] > 0 {
			break
		}
	}
	return max(s.sum, 0)
}

// mail is a relay from which a destination is away in some spans of steps, of
// which the last may have no end. A newsletter takes its share of the queue for
// hours on a day of the week. The scale is what a mail takes; if none is given,
// one by which the highest is at a level.
func (p *pen) mail(level, scale, base float64, life int, spans [][2]int) {
	flow := p.flow()
	weekday, hour, size, lasts := p.IntN(5), p.between(8, 12), p.between(.03, .2), p.between(.5, 2)
	letter := func(at int) float64 {
		h := float64(at%perDay)/perHour - hour
		if at/perDay%7 != weekday || h < 0 {
			return 0
		}
		return size * min(h*4, 1) * math.Exp(-h/lasts)
	}
	away := func(at int) bool {
		for _, s := range spans {
			if at >= s[0] && at < s[1] {
				return true
			}
		}
		return false
	}
	kept := spool{life: life, drainPace: p.between(2, 8)}
	if scale == 0 {
		scale = math.Inf(1)
		s := kept
		for at := range duration {
			if x := s.step(flow[before+at], away(at)); x > 0 {
				scale = min(scale, (level-base-letter(at))/x)
			}
		}
	}
	for last := &spans[len(spans)-1]; p.more(); {
		at := p.now()
		if last[1] > duration && at == last[0] {
			p.begin()
		}
		x := kept.step(flow[before+at], away(at))
		if p.put(base + letter(at) + scale*x + .002*p.NormFloat64()) { // the queue is flushed by another route
			kept, last[1] = spool{life: life, drainPace: kept.drainPace}, at
		}
	}
	p.gaps()
}

// mailDeferred has destinations that are away for hours and come back, or for
// days, while as much is sent back as comes.
func mailDeferred(p *pen) {
	var spans [][2]int
	life := 5 * perDay
	for range p.IntN(3) {
		from := p.IntN(warmup)
		spans = append(spans, [2]int{from, from + int(p.between(1, 10)*perHour)})
	}
	from := warmup + p.IntN(8*perDay)
	if p.IntN(2) == 0 {
		life = int(p.between(5, 20) * perHour)
		spans = append(spans, [2]int{from, from + life + int(p.between(.5, 3)*perDay)})
	} else {
		for range 1 + p.IntN(3) {
			spans = append(spans, [2]int{from, from + int(p.between(2, 14)*perHour)})
			from += perDay + p.IntN(2*perDay)
		}
	}
	p.mail(p.between(.82, .95), 0, p.between(.03, .2), life, spans)
}

// mailBlocked is on the block list of a large provider, which does not end by
// itself.
func mailBlocked(p *pen) {
	var spans [][2]int
	base, steps := p.between(.03, .2), p.between(4, 36)*perHour
	for range p.IntN(4) {
		from := p.IntN(warmup)
		spans = append(spans, [2]int{from, from + int(steps*p.between(.05, .2))})
	}
	spans = append(spans, [2]int{warmup + p.IntN(8*perDay), math.MaxInt})
	p.mail(0, (1-base)/steps, base, 5*perDay, spans)
}

// database are the connections that a database has of at most some hundred: of
// pods by their traffic, some more while a release rolls out, and more in hours in which its answers are slow. From a release on each
// pod leaks them, which at the next has an end; pods that restart begin anew.
// The pools together open no more than a share of the limit, if any is given.
func (p *pen) database(most float64, leaksFrom, weekday int, hours float64, slowHours int) {
	limit := []float64{100, 200, 300, 500}[p.IntN(4)]
	pods := make([]float64, 4+p.IntN(9)) // leaked by each, in shares of the limit
	idle, busy, surge := p.between(.1, .2), p.between(.12, .25), p.between(.2, .5)
	slow, factor, slowUntil := 1.0, p.between(2.5, 5), 0
	rolls, rolling := 0, 2+p.IntN(5)
	leaks, room := false, math.Inf(1) // room of the queries that give theirs back
	if most > 1 {
		room = p.between(.5, .6)
	}
	for p.more() {
		at := p.now()
		if leaksFrom < duration && at%(7*perDay) == leaksFrom%(7*perDay) {
			clear(pods)
			rolls = rolling
			if leaks = at == leaksFrom; leaks && most > 1 {
				p.begin()
			}
		} else if h := p.hour(); h > 9 && h < 18 && p.weekday() == weekday && p.Float64() < .01 {
			rolls = rolling // another team's
		}
		if at > slowUntil+perDay && slowHours > 0 && traffic(at) > 1.2 && p.Float64() < .01 {
			slowUntil = at + 6 + p.IntN(slowHours*perHour)
		}
		to := 1.0
		if at < slowUntil {
			to = factor
		}
		slow += (to - slow) * .25
		active := busy * traffic(at) * slow
		used := idle + min(active+.4*math.Sqrt(active/limit)*p.NormFloat64(), room)
		for i := range pods {
			if leaks {
				pods[i] += (.8 / hours / perHour) * traffic(at) * p.between(0, 2) / float64(len(pods))
			}
			if p.Float64() < .3/perDay/float64(len(pods)) {
				pods[i] = 0
			}
			used += pods[i]
		}
		if rolls > 0 {
			rolls--
			used += surge * (idle + .3*busy*traffic(at))
		}
		if p.put(math.Round(limit*min(used, most)) / limit) { // the release is taken back
			clear(pods)
			leaks = false
		}
	}
	p.gaps()
}

// poolCapped has pools that together leave the database some connections:
// queries that are slow or a leak take all that they have, and no more.
func poolCapped(p *pen) {
	weekday := p.IntN(4)
	p.database(p.between(.85, .97), warmup+weekday*perDay+int(p.between(9, 16)*perHour), weekday, p.between(8, 80), p.IntN(5))
}

// poolLeaks has more pods than their pools were made for, and a path of errors
// that gives nothing back.
func poolLeaks(p *pen) {
	weekday := p.IntN(4)
	p.database(math.Inf(1), warmup+weekday*perDay+int(p.between(9, 16)*perHour), weekday, p.between(6, 55), p.IntN(5))
}

// cgroup is the memory of a container with its page cache, which takes within
// hours or days what is free below a level, at which the kernel takes back as
// much as comes; each release begins without it. The release at a step leaks,
// which nothing shows until no cache is left to be taken back.
func (p *pen) cgroup(level float64, releases []int, leaksFrom int, daily float64) {
	own, least := p.between(.2, .45), p.between(.02, .06)
	pace := (level - own) / (p.between(6, 72) * perHour)
	hour, reads := p.between(0, 5), p.between(0, .1)/perHour
	batch := p.between(.001, .012)
	cache, leak, warm := level, 0.0, 1.0
	for p.more() {
		at := p.now()
		if at == leaksFrom || slices.Contains(releases, at) {
			cache, leak, warm = 0, 0, .5
		}
		if at == leaksFrom {
			p.begin()
		}
		if at >= leaksFrom {
			leak += daily / perDay * traffic(at) * p.between(.5, 1.5)
		}
		warm += (1 - warm) * .05
		mine := own*warm*(1+.08*(traffic(at)-1)) + leak + .002*p.NormFloat64()
		cache += pace * traffic(at) * p.between(.2, 1.8)
		if h := p.hour(); h > hour && h < hour+1 {
			cache += reads
		}
		if mine+cache > level {
			cache = max(level-mine-batch*p.Float64(), least)
		}
		if p.put(mine + cache) { // the kernel killed it, and the release is taken back
			cache, leak, warm, leaksFrom = 0, 0, .5, math.MaxInt
		}
	}
	p.gaps()
}

// cacheReclaimed rises to near its limit after each release and stays, which is
// how it should be.
func cacheReclaimed(p *pen) {
	releases := []int{warmup + p.IntN(8*perDay)}
	for range p.IntN(4) {
		releases = append(releases, p.IntN(duration))
	}
	p.cgroup(p.between(.88, .98), releases, math.MaxInt, 0)
}

// cacheDisplaced has a release that does the same for days, while what leaks
// takes the place of the cache.
func cacheDisplaced(p *pen) {
	var releases []int
	for range p.IntN(3) {
		releases = append(releases, p.IntN(warmup))
	}
	p.cgroup(p.between(.8, .96), releases, warmup+p.IntN(4*perDay), p.between(.09, .4))
}
