package cbc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// seat is the place of a device in a pool: its session and who has it. One goroutine looks after it from its beginning to its end.
type seat struct {
	device DeviceID
	ready  chan struct{} // closed once there is a session or an error
	gone   chan struct{} // closed once the session is closed
	wake   chan struct{} // tells the goroutine to look again
	cancel context.CancelFunc

	// The pool's lock guards the rest.
	users   int
	since   time.Time // without users
	evicted bool      // another device waits for the place
	ending  bool
	session *Session
	err     error
}

func (st *seat) look() {
	select {
	case st.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// keep opens the session of a seat, keeps it alive and closes it.
func (p *SessionPool) keep(ctx context.Context, st *seat, opts OpenOptions) {
	session, err := p.open(ctx, st, opts)
	taken := p.settle(ctx, st, session, err)
	close(st.ready)
	if taken {
		p.tend(ctx, st)
	}
	if session != nil {
		err := p.end(ctx, session)
		p.slots.give()
		p.mu.Lock()
		if err != nil {
			p.problems = append(p.problems, err)
		}
		p.mu.Unlock()
	}
	p.mu.Lock()
	delete(p.seats, st.device)
	p.mu.Unlock()
	close(st.gone)
}

// settle notes what opening the session of a seat has come to, and tells whether there is one to be had. What was given up in the
// last moment is none: whoever gives up holds the lock.
func (p *SessionPool) settle(ctx context.Context, st *seat, session *Session, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		err = ctx.Err()
	}
	switch {
	case err == nil:
		st.session = session
		return true
	case p.closed:
		err = fmt.Errorf("cbc: live_response.open: %w", ErrPoolClosed)
	}
	st.err, st.ending = err, true
	return false
}

// open waits for a place and opens the session.
func (p *SessionPool) open(ctx context.Context, st *seat, opts OpenOptions) (*Session, error) {
	place := p.slots.ask()
	select {
	case <-place:
	default:
		p.mu.Lock()
		p.evict()
		p.mu.Unlock()
	}
	select {
	case <-place:
	case <-ctx.Done():
		p.slots.withdraw(place)
		return nil, ctx.Err()
	}
	session, err := p.lr.Open(ctx, st.device, opts)
	if err != nil {
		p.slots.give()
		return nil, err
	}
	return session, nil
}

// evict ends the session that nobody has had for the longest time. The caller holds the lock.
func (p *SessionPool) evict() {
	var oldest *seat
	for _, st := range p.seats {
		free := st.session != nil && st.users == 0 && !st.ending && !st.evicted
		if free && (oldest == nil || st.since.Before(oldest.since)) {
			oldest = st
		}
	}
	if oldest != nil {
		oldest.evicted = true
		oldest.look()
	}
}

// tend keeps a session alive until it is to end.
func (p *SessionPool) tend(ctx context.Context, st *seat) {
	var dead SessionID
	alive := time.Now()
	timer := time.NewTimer(p.cfg.KeepAlive)
	defer timer.Stop()
	for {
		used, pause, over := p.state(st)
		if over {
			return
		}
		if used {
			if pause = time.Until(alive.Add(p.cfg.KeepAlive)); pause <= 0 {
				dead = p.keepAlive(ctx, st.session, dead)
				alive = time.Now()
				continue
			}
		}
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-st.wake:
		}
	}
}

// state tells whether somebody has a session and how long it is kept otherwise. From the moment that it is over nobody gets it.
func (p *SessionPool) state(st *seat) (used bool, left time.Duration, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left = time.Until(st.since.Add(p.cfg.Idle))
	used = st.users > 0
	st.ending = p.given || !used && (p.closed || st.evicted || left <= 0)
	return used, left, st.ending
}

// keepAlive keeps a session alive, unless it is known to have ended: the next command replaces that. It returns the one that has.
func (p *SessionPool) keepAlive(ctx context.Context, s *Session, dead SessionID) SessionID {
	id := s.line.id()
	if id == dead {
		return dead
	}
	ctx, stop := context.WithTimeout(ctx, p.cfg.KeepAlive)
	defer stop()
	if err := s.keepAlive(ctx, "live_response.keep_alive", id); errors.Is(err, ErrSessionEnded) {
		return id
	}
	return dead // other errors are gone by the next time, or the next command tells of them
}

func (p *SessionPool) end(ctx context.Context, s *Session) error {
	s.line.retire()
	ctx = context.WithoutCancel(ctx)
	if p.cfg.CloseShared {
		return s.CloseForAll(ctx)
	}
	return s.Close(ctx)
}
