package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// disk is a real file system and the jobs that write to it.
type disk struct {
	run     *exhaustRun
	mount   string
	image   string // empty: in memory
	loop    string
	scrapes *scraper
	*rand.Rand

	size     float64 // bytes for everybody
	backup   job
	logShare float64 // of the disk, a day
	tidyAt   float64 // used share from which the clean-up job removes; 0: it goes by age
	left     int     // steps until people free it; 0: it is not full
	temps    []temp
	full     bool // a write failed in this step
}

// job is the nightly backup: from an hour on it writes for some steps, keeps what
// it wrote, and removes it.
type job struct {
	hour, writes, keeps int
	share               float64
}

// temp is a file of the application that the clean-up job removes.
type temp struct {
	name string
	born int
}

// newDisk makes and mounts a file system: ext4 on a loop device, for each sixth
// run a tmpfs.
func newDisk(ctx context.Context, r *exhaustRun, work string, s *scraper) (resource, error) {
	rnd := r.rnd
	d := &disk{run: r, mount: filepath.Join(work, r.name), scrapes: s, Rand: rnd}
	if err := os.MkdirAll(d.mount, 0o755); err != nil {
		return d, err
	}
	if r.variant%6 == 5 {
		if err := syscall.Mount("tmpfs", d.mount, "tmpfs", 0, fmt.Sprintf("size=%dm", r.megabytes)); err != nil {
			return d, fmt.Errorf("mount a tmpfs at %s: %w", d.mount, err)
		}
	} else if err := d.loopDevice(ctx, r.megabytes); err != nil {
		return d, err
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.mount, &st); err != nil {
		return d, err
	}
	d.size = float64(st.Bavail) * float64(st.Bsize)
	d.backup = job{hour: 1 + rnd.IntN(4), writes: 4 + rnd.IntN(12), keeps: 2 + rnd.IntN(18), share: .12 + .14*rnd.Float64()}
	d.logShare = .02 + .04*rnd.Float64()
	if r.variant%2 == 1 {
		d.tidyAt = .72 + .08*rnd.Float64()
	}
	return d, d.write("data", d.size*(.22+.16*rnd.Float64()))
}

func (d *disk) loopDevice(ctx context.Context, megabytes int) error {
	d.image = d.mount + ".img"
	f, err := os.Create(d.image)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(int64(megabytes)<<20), f.Close()); err != nil {
		return err
	}
	if text, err := exec.CommandContext(ctx, "mkfs.ext4", "-qF", "-m", "0", d.image).CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.ext4 %s: %w: %s", d.image, err, text)
	}
	text, err := exec.CommandContext(ctx, "losetup", "-f", "--show", d.image).CombinedOutput()
	if err != nil {
		return fmt.Errorf("losetup %s: %w: %s", d.image, err, text)
	}
	d.loop = strings.TrimSpace(string(text))
	if err := syscall.Mount(d.loop, d.mount, "ext4", 0, ""); err != nil {
		return fmt.Errorf("mount %s at %s: %w", d.loop, d.mount, err)
	}
	return nil
}

func (d *disk) close() error {
	err := syscall.Unmount(d.mount, 0)
	if d.loop != "" {
		err = errors.Join(err, exec.CommandContext(context.Background(), "losetup", "-d", d.loop).Run(), os.Remove(d.image))
	}
	return errors.Join(err, os.Remove(d.mount))
}

// write appends bytes to a file. That the disk is full is noted, and no error.
func (d *disk) write(name string, bytes float64) error {
	f, err := os.OpenFile(filepath.Join(d.mount, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return d.noteFull(err)
	}
	return d.noteFull(errors.Join(extend(f, int64(bytes)), f.Close()))
}

// noteFull notes that a write found no room.
func (d *disk) noteFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		d.full = true
		return nil
	}
	return err
}

// lastBlock is what of an appended piece is always written.
const lastBlock = 4096

var zeros [lastBlock]byte

// extend appends bytes to a file that is open for appending: all but the last
// block are allocated, because their content changes nothing that is recorded,
// and what then is left is written. Where room ends before, as much as there is
// is allocated; so it is a write that fails for want of it.
func extend(f *os.File, bytes int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	want := size + bytes
	for piece := bytes - lastBlock; piece >= lastBlock; piece = min(piece, want-size-lastBlock) {
		switch err := syscall.Fallocate(int(f.Fd()), 0, size, piece); {
		case errors.Is(err, syscall.ENOSPC):
			piece /= 2
		case err != nil && !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("allocate %d bytes of %s: %w", piece, f.Name(), err)
		}
		if info, err = f.Stat(); err != nil {
			return err
		}
		size = info.Size() // ext4 may have allocated a part of the piece
	}
	for size < want {
		n, err := f.Write(zeros[:min(want-size, lastBlock)])
		if err != nil {
			return err
		}
		size += int64(n)
	}
	return nil
}

func (d *disk) remove(name string) error {
	err := os.Remove(filepath.Join(d.mount, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// used is the share that is used, as df shows it.
func (d *disk) used() (float64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.mount, &st); err != nil {
		return 0, err
	}
	used := float64(st.Blocks - st.Bfree)
	return used / (used + float64(st.Bavail)), nil
}

func (d *disk) step(now int) (exhausted bool, err error) {
	d.full = false
	err = errors.Join(d.backUp(now), d.log(now), d.temporary(now), d.fill(now))
	return d.full, err
}

// backUp is the nightly backup.
func (d *disk) backUp(now int) error {
	switch at := now%stepsPerDay - d.backup.hour*stepsPerHour; {
	case at < 0 || at > d.backup.writes+d.backup.keeps:
	case at < d.backup.writes:
		tonight := .93 + .14*rand.New(rand.NewPCG(uint64(now/stepsPerDay), uint64(d.backup.hour))).Float64()
		return d.write("backup", d.size*d.backup.share*tonight/float64(d.backup.writes))
	case at == d.backup.writes+d.backup.keeps:
		return d.remove("backup")
	}
	return nil
}

// log is a log, more by day than by night, rotated at midnight: compressed to a
// sixth, and three kept.
func (d *disk) log(now int) error {
	if now%stepsPerDay == 0 && now > 0 {
		dir := func(name string) string { return filepath.Join(d.mount, name) }
		err := d.remove("log.3.gz")
		for _, move := range [][2]string{{"log.2.gz", "log.3.gz"}, {"log.1.gz", "log.2.gz"}} {
			if renamed := os.Rename(dir(move[0]), dir(move[1])); renamed != nil && !errors.Is(renamed, os.ErrNotExist) {
				err = errors.Join(err, renamed)
			}
		}
		if info, statErr := os.Stat(dir("log")); statErr == nil {
			err = errors.Join(err, d.write("log.1.gz", float64(info.Size())/6), d.remove("log"))
		}
		if err != nil {
			return err
		}
	}
	busy := 1 + .6*math.Sin((float64(now%stepsPerDay)/stepsPerHour-9)/24*2*math.Pi)
	return d.write("log", d.size*d.logShare/stepsPerDay*busy*(.5+d.Float64()))
}

// temporary makes the application's files, and cleans them up: every six hours
// those of half a day, or, in some runs, all when the disk has reached a level.
func (d *disk) temporary(now int) error {
	if d.Float64() < .3 {
		t := temp{fmt.Sprint("temp-", now), now}
		d.temps = append(d.temps, t)
		if err := d.write(t.name, d.size*.0008*d.ExpFloat64()); err != nil {
			return err
		}
	}
	due := func(t temp) bool { return now%(6*stepsPerHour) == 0 && now-t.born > stepsPerDay/2 }
	if d.tidyAt > 0 {
		used, err := d.used()
		if err != nil {
			return err
		}
		due = func(temp) bool { return used > d.tidyAt }
	}
	var kept []temp
	for _, t := range d.temps {
		if !due(t) {
			kept = append(kept, t)
		} else if err := d.remove(t.name); err != nil {
			return err
		}
	}
	d.temps = kept
	return nil
}

// fill is what fills the disk in the run's time, once; some hours after that
// people free it.
func (d *disk) fill(now int) error {
	switch r := d.run; {
	case d.left > 0:
		if d.left--; d.left == 0 {
			return d.remove("runaway")
		}
		return d.write("runaway", d.size) // what is freed meanwhile, it takes
	case r.hours == 0 || now < r.onset || r.full > 0:
		return nil
	case d.full:
	default:
		if now == r.onset {
			used, err := d.used()
			if err != nil {
				return err
			}
			d.run.speed = (1 - used) / (r.hours * stepsPerHour)
		}
		if err := d.write("runaway", d.size*d.run.speed*(.6+.8*d.Float64())); err != nil || !d.full {
			return err
		}
	}
	d.left = stepsPerHour + d.IntN(4*stepsPerHour)
	return nil
}

// fileSystemMetrics are those that are kept.
var fileSystemMetrics = []string{"size_bytes", "avail_bytes", "free_bytes", "files", "files_free", "readonly"}

func (d *disk) samples(ctx context.Context) (map[string]float64, error) {
	values, labels, err := d.scrapes.of(ctx, d.mount)
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for _, name := range fileSystemMetrics {
		metric := "node_filesystem_" + name
		all[fmt.Sprintf(`%s{device=%q,fstype=%q,instance=%q,job="node",mountpoint="/data"}`, metric, labels["device"], labels["fstype"], d.run.name)] = values[metric]
	}
	return all, nil
}
