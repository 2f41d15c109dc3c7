package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// answer is what the guest says about a command that it ran.
type answer struct {
	At     time.Time `json:"at"` // by the guest's clock, before the command began
	Output string    `json:"output"`
	Err    string    `json:"err,omitempty"`
}

// guest serves requests and runs the machine's own jobs until ctx ends.
func guest(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("guest", flag.ContinueOnError)
	dir := fs.String("dir", "/srv", "where the application's files lie")
	day := fs.Duration("day", 12*time.Minute, "length of a simulated day: one backup each")
	seed := fs.Uint64("seed", 1, "of the jobs' times")
	if err := fs.Parse(args); err != nil {
		return err
	}
	a, err := newApplication(*dir)
	if err != nil {
		return err
	}
	go runJobs(ctx, *dir, *day, rand.New(rand.NewPCG(*seed, 7)))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /run", obey)
	mux.HandleFunc("GET /order", a.order)
	server := &http.Server{Addr: ":9000", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the application: %w", err)
	}
	return nil
}

// obey runs the body as a shell command and says when it began.
func obey(w http.ResponseWriter, r *http.Request) {
	script, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	got := answer{At: time.Now()}
	out, err := exec.CommandContext(context.WithoutCancel(r.Context()), "sh", "-c", string(script)).CombinedOutput()
	got.Output = string(out)
	if err != nil {
		got.Err = err.Error()
	}
	if err := json.NewEncoder(w).Encode(got); err != nil {
		slog.Warn("answer a command", "err", err)
	}
}

// application is a small order service: each order reads from a table of 150 MB,
// computes, and is written through to the disk before it is confirmed.
type application struct {
	table *os.File
	size  int64

	mu      sync.Mutex
	journal *os.File
	written int64
	recent  map[int][]byte // a cache that grows and shrinks with the load
}

func newApplication(dir string) (*application, error) {
	path := filepath.Join(dir, "table")
	const size = 150 << 20
	if info, err := os.Stat(path); err != nil || info.Size() != size {
		if err := writeRandom(path, size); err != nil {
			return nil, err
		}
	}
	table, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	journal, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	return &application{table: table, size: size, journal: journal, recent: map[int][]byte{}}, nil
}

func writeRandom(path string, size int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	src := rand.NewChaCha8([32]byte{1})
	if _, err := io.CopyN(f, src, int64(size)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

func (a *application) order(w http.ResponseWriter, _ *http.Request) {
	page := make([]byte, 48<<10)
	if _, err := a.table.ReadAt(page, rand.Int64N(a.size-int64(len(page)))); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var sum [32]byte
	for range 4 + rand.IntN(8) {
		sum = sha256.Sum256(append(sum[:], page...))
	}
	if err := a.write(page[:2<<10]); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "%x\n", sum)
	w.Write(page[:rand.IntN(16<<10)]) //nolint:errcheck // the client may have gone
}

func (a *application) write(row []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := int(time.Now().Unix())
	a.recent[now] = append(a.recent[now], make([]byte, 8<<10)...)
	delete(a.recent, now-90)
	if a.written > 64<<20 { // a checkpoint
		if err := a.journal.Truncate(0); err != nil {
			return err
		}
		if _, err := a.journal.Seek(0, io.SeekStart); err != nil {
			return err
		}
		a.written = 0
	}
	n, err := a.journal.Write(row)
	a.written += int64(n)
	if err != nil {
		return err
	}
	if rand.IntN(4) == 0 {
		return a.journal.Sync()
	}
	return nil
}

// adHoc is what people and timers do on a machine beside its main work.
var adHoc = []string{
	"find / -xdev -type f -name '*.so*' | wc -l",
	"dpkg -l | sort -k2 | tail -n 20",
	"head -c 30000000 /srv/table | gzip -1 | wc -c",
	"sort -R /usr/share/dict/* /var/lib/dpkg/status 2>/dev/null | head -n 5",
	"dd if=/srv/table of=/srv/copy bs=256k count=100 2>/dev/null; sync -d /srv/copy; rm /srv/copy",
	"for i in 1 2 3 4 5 6 7 8 9 10; do ps aux > /dev/null; sleep 0.2; done",
	"openssl speed -seconds 4 sha256 >/dev/null 2>&1 || sha256sum /srv/table",
}

// runJobs starts a check every ten seconds, a report every four minutes or so,
// a backup in the night of each simulated day, and something else now and then.
func runJobs(ctx context.Context, dir string, day time.Duration, r *rand.Rand) {
	jitter := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * (0.9 + 0.2*r.Float64()))
	}
	backup := fmt.Sprintf("tar -C %[1]s -cf - www journal table | gzip -1 > %[1]s/backup.new; mv %[1]s/backup.new %[1]s/backup.tgz", dir)
	now := time.Now()
	next := map[string]time.Time{"check": now, "report": now.Add(40 * time.Second), "adhoc": now.Add(90 * time.Second)}
	night := now.Truncate(day).Add(day / 8)
	for night.Before(now) {
		night = night.Add(day)
	}
	next["backup"] = night
	for {
		select {
		case <-ctx.Done():
			return
		case now = <-time.After(500 * time.Millisecond):
		}
		due := func(name string, again time.Duration, script string) {
			if now.Before(next[name]) {
				return
			}
			next[name] = now.Add(again)
			go func() {
				if out, err := exec.CommandContext(ctx, "nice", "-n", "5", "sh", "-c", script).CombinedOutput(); err != nil {
					slog.Warn("run a job", "kind", name, "err", err, "why", string(out))
				}
			}()
		}
		due("check", 10*time.Second, "ps aux | wc -l; df; ss -s; uptime")
		due("report", jitter(4*time.Minute), "head -c 40000000 "+dir+"/table | sha256sum; tail -c 20000000 "+dir+"/table | gzip -1 | wc -c")
		due("backup", day, backup)
		due("adhoc", time.Duration(r.ExpFloat64()*float64(150*time.Second))+20*time.Second, adHoc[r.IntN(len(adHoc))])
	}
}
