package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// fault is a kind of trouble: how it begins and ends in the guest, and which
// features are its right cause, set down before anything was recorded.
type fault struct {
	Kind   string
	begin  string // %d: seconds
	end    string
	Blamed []string
}

var faults = []fault{
	{"cpu", "stress-ng --cpu 2 -t %ds >/dev/null 2>&1 &", "pkill -x stress-ng; true",
		[]string{"cpu_user", "cpu_busiest", "load_per_core", "pressure_cpu"}},
	{"io", "stress-ng --hdd 2 --hdd-bytes 128m --temp-path /srv -t %ds >/dev/null 2>&1 &", "pkill -x stress-ng; true",
		[]string{"disk_write", "disk_operations", "disk_utilisation", "disk_queue", "disk_latency", "pressure_io", "cpu_iowait", "procs_blocked"}},
	{"forks", "stress-ng --fork 2 -t %ds >/dev/null 2>&1 &", "pkill -x stress-ng; true",
		[]string{"forks", "processes", "page_faults", "context_switches", "cpu_system", "load_per_core"}},
	{"leak", "/usr/local/bin/record leak -for %ds >/dev/null 2>&1 &", "pkill -f 'record [l]eak'; true",
		[]string{"memory_used", "memory_cached", "pressure_memory", "swap_used", "swap_traffic", "major_faults", "oom_kills"}},
	{"fill", "/usr/local/bin/record fill -for %ds >/dev/null 2>&1 &", "pkill -f 'record [f]ill'; rm -f /srv/fill",
		[]string{"filesystem_used", "filesystem_growth", "filesystem_filling", "disk_write"}},
	{"loss", "tc qdisc add dev eth0 root netem loss 20%% # %d", "tc qdisc del dev eth0 root",
		[]string{"tcp_retransmits", "tcp_established", "tcp_opens", "tcp_time_wait", "network_drops", "network_errors", "network_receive", "network_transmit", "network_packets"}},
	{"stall", "dmsetup suspend --nolockfs --noflush srv # %d", "dmsetup resume srv",
		[]string{"procs_blocked", "pressure_io", "cpu_iowait", "load_per_core", "disk_write", "disk_operations", "disk_utilisation", "disk_queue", "disk_latency"}},
	{"log", "/usr/local/bin/record log -for %ds >/dev/null 2>&1 &", "pkill -f 'record [l]og'; rm -f /srv/log",
		[]string{"disk_write", "filesystem_growth", "filesystem_filling", "filesystem_used", "disk_operations", "disk_utilisation", "disk_queue", "disk_latency", "pressure_io"}},
}

// onHost is how the faults differ where the application runs on the machine
// that records (host.sh): as much memory for its size is leaked, packets are
// lost in the clients' namespace, and the disk is stalled by a cgroup's limit.
var onHost = map[string]fault{
	"leak": {begin: "/usr/local/bin/record leak -rate 70 -for %ds >/dev/null 2>&1 &"},
	"loss": {begin: "ip netns exec clients iptables -A INPUT -m statistic --mode random --probability 0.2 -j DROP # %d",
		end: "ip netns exec clients iptables -F INPUT"},
	"stall": {begin: `for f in read write; do echo "$DISK 1" >$DESK/blkio.throttle.${f}_bps_device; done # %d`,
		end: `for f in read write; do echo "$DISK 0" >$DESK/blkio.throttle.${f}_bps_device; done`},
}

// faultsAt are the faults as they are injected at a place, vm or host.
func faultsAt(place string) ([]fault, error) {
	all := slices.Clone(faults)
	switch place {
	case "vm":
	case "host":
		for i, f := range all {
			other := onHost[f.Kind]
			all[i].begin, all[i].end = cmp.Or(other.begin, f.begin), cmp.Or(other.end, f.end)
		}
	default:
		return nil, fmt.Errorf("-place: no place %q: want vm or host", place)
	}
	return all, nil
}

// injected is one fault as it happened, by the guest's clock.
type injected struct {
	Kind   string    `json:"kind"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Blamed []string  `json:"blamed"`
}

// drive makes load on one machine, and after -calm injects each kind of fault
// once in random order, again and again, until -for is over.
func drive(ctx context.Context, args []string) (err error) {
	fs := flag.NewFlagSet("drive", flag.ContinueOnError)
	host := fs.String("host", "", "address of the machine")
	out := fs.String("out", "", "file for the faults' times, one JSON object a line")
	calm := fs.Duration("calm", 36*time.Minute, "time without faults")
	total := fs.Duration("for", 90*time.Minute, "all the time")
	day := fs.Duration("day", 12*time.Minute, "length of a simulated day")
	rate := fs.Float64("rate", 40, "requests a second at the mean of a day")
	orders := fs.Float64("orders", 0.4, "share of requests that are orders, others are files")
	none := fs.Bool("no-faults", false, "inject none")
	kinds := fs.String("kinds", "", "inject these kinds in this order, like io,fill, instead of all in random order")
	gap := fs.Duration("gap", 190*time.Second, "mean time between faults; by chance up to a third more or less")
	seed := fs.Uint64("seed", 1, "of the load's and faults' times")
	place := fs.String("place", "vm", "where the application runs: vm (record.sh) or host (host.sh)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	kindsThere, err := faultsAt(*place)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, *total)
	defer cancel()
	var work sync.WaitGroup
	work.Go(func() {
		load{host: *host, day: *day, rate: *rate, orders: *orders}.run(ctx, rand.New(rand.NewPCG(*seed, 1)))
	})
	defer work.Wait()
	defer func() {
		if err != nil {
			cancel() // no faults, no recording
		}
	}()
	if *none {
		<-ctx.Done()
		return nil
	}
	f, err := os.OpenFile(*out, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	i := injection{host: *host, faults: kindsThere, calm: *calm, gap: *gap, log: f, r: rand.New(rand.NewPCG(*seed, 2))}
	return i.run(ctx, *kinds)
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func between(r *rand.Rand, lo, hi time.Duration) time.Duration {
	return lo + time.Duration(r.Float64()*float64(hi-lo))
}

// injection is how faults come to a machine.
type injection struct {
	host      string
	faults    []fault
	calm, gap time.Duration
	log       io.Writer
	r         *rand.Rand
}

// run injects the kinds named, in this order, or all in random order again and
// again until ctx ends.
func (i injection) run(ctx context.Context, kinds string) error {
	if !pause(ctx, i.calm) {
		return nil
	}
	if kinds != "" {
		for _, kind := range strings.Split(kinds, ",") {
			k := slices.IndexFunc(i.faults, func(f fault) bool { return f.Kind == kind })
			if k < 0 {
				return fmt.Errorf("-kinds: no kind %q", kind)
			}
			if more, err := i.one(ctx, i.faults[k]); !more {
				return err
			}
		}
		return nil
	}
	for {
		for _, k := range i.r.Perm(len(i.faults)) {
			if more, err := i.one(ctx, i.faults[k]); !more {
				return err
			}
		}
	}
}

// one waits, injects a fault and undoes it; it reports whether there may be more.
func (i injection) one(ctx context.Context, f fault) (more bool, err error) {
	if !pause(ctx, between(i.r, i.gap*2/3, i.gap*4/3)) {
		return false, nil
	}
	d := between(i.r, 125*time.Second, 200*time.Second).Round(time.Second)
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d+time.Minute {
		return false, nil // it would not end before the recording does
	}
	begun, err := command(i.host, fmt.Sprintf(f.begin, int(d.Seconds())))
	if err != nil {
		return false, fmt.Errorf("begin %s on %s: %w", f.Kind, i.host, err)
	}
	slog.Info("fault", "kind", f.Kind, "host", i.host, "dur", d)
	time.Sleep(d) // to its end, even when asked to stop: a fault is undone
	ended, err := command(i.host, f.end)
	if err != nil {
		return false, fmt.Errorf("end %s on %s: %w", f.Kind, i.host, err)
	}
	return true, json.NewEncoder(i.log).Encode(injected{f.Kind, begun.At, ended.At, f.Blamed})
}

// command runs a shell command in the guest; it is tried for a minute, because
// some faults make it hard, and although the recording may have been stopped.
func command(host, script string) (answer, error) {
	var err error
	for range 3 {
		var a answer
		if a, err = ask(host, script); err == nil && a.Err != "" {
			return a, fmt.Errorf("%s: %s", a.Err, a.Output)
		}
		if err == nil {
			return a, nil
		}
	}
	return answer{}, err
}

func ask(host, script string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, "9000") + "/run"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(script))
	if err != nil {
		return answer{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	var a answer
	return a, json.NewDecoder(res.Body).Decode(&a)
}

// load is what a machine's clients want: few in the night of a simulated day,
// many at its noon, more or less by chance, and at times twice as many.
type load struct {
	host   string
	day    time.Duration
	rate   float64 // requests a second, mean of a day
	orders float64 // share of orders
}

func (l load) run(ctx context.Context, r *rand.Rand) {
	keep := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	fresh := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	busy := make(chan struct{}, 200) // clients; who comes later goes away
	var drift float64                // an Ornstein-Uhlenbeck process with a minute's memory
	var burst time.Time
	const step = 20 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			return
		case now = <-tick.C:
		}
		dt := step.Seconds()
		drift += -drift*dt/60 + 0.25*math.Sqrt(2*dt/60)*r.NormFloat64()
		if r.Float64() < dt/400 {
			burst = now.Add(between(r, 8*time.Second, 30*time.Second))
		}
		of := float64(now.UnixNano()%int64(l.day)) / float64(l.day)
		want := l.rate * (1 - 0.7*math.Cos(2*math.Pi*of)) * math.Exp(drift)
		if now.Before(burst) {
			want *= 1.8
		}
		for n := poisson(r, want*dt); n > 0; n-- {
			client, path := keep, fmt.Sprintf(":80/f%d", r.IntN(60))
			if r.Float64() < 0.3 {
				client = fresh
			}
			if r.Float64() < l.orders {
				path = ":9000/order"
			}
			select {
			case busy <- struct{}{}:
				go func() {
					defer func() { <-busy }()
					get(ctx, client, "http://"+l.host+path)
				}()
			default:
			}
		}
	}
}

// get asks and throws the answer away: failing is what clients of a faulty machine do.
func get(ctx context.Context, c *http.Client, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	res, err := c.Do(req)
	if err != nil {
		return
	}
	io.Copy(io.Discard, res.Body) //nolint:errcheck // as above
	res.Body.Close()
}

// poisson draws by Knuth's product method; the mean is small.
func poisson(r *rand.Rand, mean float64) int {
	limit, p, n := math.Exp(-mean), 1.0, 0
	for p > limit && n < 1000 {
		p *= r.Float64()
		n++
	}
	return n - 1
}
