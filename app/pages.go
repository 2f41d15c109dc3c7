package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/feedback"
	"github.com/omenhq/omen/store"
)

const (
	// week is over what pages are counted.
	week = 7 * 24 * time.Hour
	// settingFirstRun is where the store keeps when Omen first ran on it.
	settingFirstRun = "app.first_run"
)

// pages counts the incidents that people were notified of. It lives as long as the
// process: a reload does not make it forget.
type pages struct {
	db    *store.DB
	log   *slog.Logger
	since time.Time // when Omen first ran here

	mu       sync.Mutex
	seq      int64 // the last change of the journal that was counted
	notified map[string]page
	total    map[omen.Severity]uint64 // since the process started
}

// page is when people were notified of an incident, and of which host; of a fleet's
// the likely first one.
type page struct {
	host omen.Host
	at   time.Time
}

func newPages(ctx context.Context, db *store.DB, log *slog.Logger, now time.Time) (*pages, error) {
	p := &pages{db: db, log: log, since: now, notified: map[string]page{}, total: map[omen.Severity]uint64{}}
	found, err := db.Kept(ctx, settingFirstRun, &p.since)
	if err == nil && !found {
		err = db.PutSetting(ctx, settingFirstRun, now)
	}
	head, err2 := db.Head(ctx)
	before, err3 := db.Notifying(ctx, omen.Later(p.since, now.Add(-week)))
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, fmt.Errorf("start counting pages: %w", err)
	}
	for _, c := range before {
		p.add(c)
	}
	p.seq, p.total = head, map[omen.Severity]uint64{omen.Warning: 0, omen.Critical: 0}
	return p, nil
}

// run follows the journal until ctx ends.
func (p *pages) run(ctx context.Context) error {
	p.mu.Lock()
	seq := p.seq
	p.mu.Unlock()
	unread := false
	for c, err := range p.db.FollowFrom(ctx, seq) { // which tries again
		switch {
		case err != nil && !unread:
			p.log.Warn("journal not read: pages are not counted until it is", "err", err)
		case err == nil && unread:
			p.log.Info("journal is read again, pages are counted")
		}
		if unread = err != nil; !unread {
			p.add(c)
		}
	}
	return nil
}

// add takes in a change of the journal.
func (p *pages) add(c omen.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq = c.Seq
	if _, known := p.notified[c.Incident.ID]; known || !feedback.Notifies(c) {
		return
	}
	p.notified[c.Incident.ID] = page{c.Incident.Host, c.At}
	p.total[c.Incident.Severity]++
	maps.DeleteFunc(p.notified, func(_ string, one page) bool { return c.At.Sub(one.at) > week })
}

// totals are the pages since the process started, by severity when opened.
func (p *pages) totals() map[omen.Severity]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.total)
}

// days is for how long a host has been watched, a week at most.
func (p *pages) days(h omen.HostStatus, now time.Time) float64 {
	begin := omen.Later(omen.Later(p.since, h.First), now.Add(-week))
	return max(0, now.Sub(begin).Hours()/24)
}

// fill gives each host its pages.
func (p *pages) fill(hosts []omen.HostStatus, promised float64, now time.Time) {
	n := map[omen.Host]int{}
	p.mu.Lock()
	for _, one := range p.notified {
		if now.Sub(one.at) <= week {
			n[one.host]++
		}
	}
	p.mu.Unlock()
	for i := range hosts {
		h := &hosts[i]
		h.Pages = omen.Pages{Promised: promised, Opened: n[h.Host], Hosts: 1, Days: p.days(*h, now)}
	}
}

// ofAll is the pages of all hosts together; Days is what they were watched on
// average.
func ofAll(hosts []omen.HostStatus, promised float64) omen.Pages {
	all := omen.Pages{Promised: promised, Hosts: len(hosts)}
	for _, h := range hosts {
		all.Opened += h.Pages.Opened
		all.Days += h.Pages.Days / float64(len(hosts))
	}
	return all
}
