package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/omenhq/omen"
)

// beatEvery is how often a stream says that Omen lives: a page that hears
// nothing for two seconds asks, and one that gets no answer then turns grey.
const beatEvery = time.Second

// liveEvery is how often at most a stream sends what moves of a host, the
// largest of its events.
const liveEvery = 1500 * time.Millisecond

// slowest is how long a stream's reader may block a write before it is
// dropped; it reconnects, and misses no change.
const slowest = 10 * time.Second

// maxStreams bounds the streams at once: each keeps a connection.
const maxStreams = 200

type LiveScore struct {
	Host  string     `json:"host"`
	At    Instant    `json:"at"`
	Score Number     `json:"score"`
	Error Number     `json:"reconstruction_error"`
	Grade omen.Grade `json:"grade"`
}

// Beat says that Omen lives.
type Beat struct {
	State int64 `json:"state"` // another number than before: a host or a source is in another state, or Omen became ready or is no more
	Rules int64 `json:"rules"` // another number than before: a silence, window, event or pattern was stored
	Sent  int64 `json:"sent"`  // another number than before: an attempt to notify was recorded
}

// stream sends every change of an incident, as it becomes durable, a beat every
// second, and with ?host= that host's scores as they are made, with what else
// moves of it.
func (a *API) stream(w http.ResponseWriter, r *http.Request) {
	var host omen.Host
	if name := r.URL.Query().Get("host"); name != "" {
		h, err := a.hostParam(name) // one that is not known yet may come
		if err != nil {
			a.fail(w, r, err)
			return
		}
		host = h
	}
	from, err := a.resume(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer a.streams.Add(-1)
	if a.streams.Add(1) > maxStreams {
		a.fail(w, r, omen.WithHint(fmt.Errorf("there are %d event streams already: %w", maxStreams, omen.ErrUnavailable), "close some pages of the web UI"))
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	changes := make(chan omen.Change) // unbuffered: the journal itself is the queue
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c, err := range a.store.FollowFrom(ctx, from) {
			if err != nil {
				continue // the store tries again after a second
			}
			select {
			case changes <- c:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() { cancel(); <-done }()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	a.pump(ctx, w, host, changes)
}

// resume is where in the journal a stream begins: after the last change that
// the browser has seen, or at its end.
func (a *API) resume(r *http.Request) (int64, error) {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if seq, err := strconv.ParseInt(last, 10, 64); err == nil && seq >= 0 {
			return seq, nil
		}
	}
	return a.store.Head(r.Context())
}

func (a *API) pump(ctx context.Context, w http.ResponseWriter, host omen.Host, changes <-chan omen.Change) {
	control := http.NewResponseController(w)
	send := func(format string, args ...any) bool {
		_ = control.SetWriteDeadline(time.Now().Add(slowest))
		_, err := fmt.Fprintf(w, format, args...)
		if err != nil || control.Flush() != nil {
			return false
		}
		_ = control.SetWriteDeadline(time.Time{}) // over HTTP/2 a deadline ends a stream that waits, too
		return true
	}
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	var sent time.Time // what moves of the host
	// The next tick is asked for before anything is written or read: one that
	// comes meanwhile is not missed.
	var tick <-chan struct{}
	if host != (omen.Host{}) {
		tick = a.recent.wake()
	}
	ok := send(": omen\n\n")
	for ok {
		select {
		case <-ctx.Done():
			return
		case <-a.closed:
			return
		case <-beat.C:
			written := a.store.Written()
			body, _ := json.Marshal(Beat{a.pulse.count(a.live, time.Now()), written.Rules, written.Deliveries})
			ok = send("event: beat\ndata: %s\n\n", body)
		case c := <-changes:
			body, _ := json.Marshal(toChange(c))
			ok = send("id: %d\nevent: change\ndata: %s\n\n", c.Seq, body)
		case <-tick:
			tick = a.recent.wake()
			if s, has := a.recent.newest(host); has {
				body, _ := json.Marshal(LiveScore{s.Host.ID(), Instant(s.At), Number(s.Value), Number(s.ReconstructionError), s.Grade})
				ok = send("event: score\ndata: %s\n\n", body)
			}
			if !ok || time.Since(sent) < liveEvery {
				continue
			}
			if h, known := a.live.Host(host); known {
				sent = time.Now()
				body, _ := json.Marshal(moving(h))
				ok = send("event: host\ndata: %s\n\n", body)
			}
		}
	}
}
