package cbc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What a [SessionPool] does unless [PoolConfig] says otherwise.
const (
	// DefaultPoolSessions leaves most of the organization's 100 sessions to others.
	DefaultPoolSessions = 10
	// DefaultPoolKeepAlive is how often the vendor's own SDK keeps a session alive.
	DefaultPoolKeepAlive = 30 * time.Second
	// DefaultPoolIdle is long enough for the next job on the same device.
	DefaultPoolIdle = time.Minute
)

// organizationSessions is how many sessions an organization has.
const organizationSessions = 100

// ErrPoolClosed means that a [SessionPool] was closed.
var ErrPoolClosed = errors.New("the pool is closed")

// PoolConfig bounds a [SessionPool]. The zero value is a good choice.
type PoolConfig struct {
	// Sessions is how many devices have a session at once. The organization has 100 for all who work in it. Defaults to
	// DefaultPoolSessions.
	Sessions int
	// KeepAlive is how often a session is kept alive while somebody has it. Defaults to DefaultPoolKeepAlive.
	KeepAlive time.Duration
	// Idle is how long a session is kept that nobody has; it ends earlier if another device waits for its place. Below zero it ends
	// at once. Defaults to DefaultPoolIdle.
	Idle time.Duration
	// CloseShared also ends sessions that were live before the pool asked for them, in which others may work. Defaults to leaving
	// them open.
	CloseShared bool
	// Options are how patient sessions are, where [SessionPool.Open] is not told otherwise. Their Replace is always true.
	Options OpenOptions
}

// SessionPool shares sessions between the goroutines of a process: all who ask for a device get the same session, which is kept
// alive while somebody has it and closed some time after everybody has given it back. A session that ends meanwhile is replaced, as
// OpenOptions.Replace says. It is safe for concurrent use. Make one with [LiveResponse.Pool], and close it.
type SessionPool struct {
	lr    *LiveResponse
	cfg   PoolConfig
	slots slots
	all   sync.WaitGroup

	mu       sync.Mutex
	closed   bool // nobody gets a session any more
	given    bool // up: sessions end although somebody has them
	seats    map[DeviceID]*seat
	problems []error
}

// Pool makes a pool of sessions. It calls nobody, and fails for a configuration that makes no sense.
func (l *LiveResponse) Pool(cfg PoolConfig) (*SessionPool, error) {
	if cfg.Sessions < 0 || cfg.Sessions > organizationSessions || cfg.KeepAlive < 0 {
		return nil, fmt.Errorf("cbc: live_response.pool: Sessions must be from 0 to %d, and KeepAlive not negative", organizationSessions)
	}
	cfg.Sessions = either(cfg.Sessions, DefaultPoolSessions)
	cfg.KeepAlive = either(cfg.KeepAlive, DefaultPoolKeepAlive)
	cfg.Idle = max(either(cfg.Idle, DefaultPoolIdle), 0)
	cfg.Options = cfg.Options.withDefaults()
	return &SessionPool{lr: l, cfg: cfg, slots: slots{free: cfg.Sessions}, seats: make(map[DeviceID]*seat)}, nil
}

// Open is [LiveResponse.Open] for a session that is shared with all who have it from this pool, and waits for a place, first come,
// first served, while there are as many sessions as may be. [Session.Close] gives it back, and does not end it;
// [Session.CloseForAll] does both, and the next command of another user gets a new one. While several wait for one device, the
// options of the first decide how long its sensor is waited for, and the session is given up once all of them have. Open returns
// [ErrPoolClosed] if the pool is closed.
func (p *SessionPool) Open(ctx context.Context, device DeviceID, opts OpenOptions) (*Session, error) {
	const op = "live_response.open"
	opts = p.options(opts)
	st, err := p.sit(ctx, op, device, opts)
	if err != nil {
		return nil, err
	}
	select {
	case <-st.ready:
	case <-ctx.Done():
		p.rise(st)
		return nil, &SessionError{Op: op, DeviceID: device, cause: ctx.Err()}
	}
	if st.err != nil {
		p.rise(st)
		return nil, st.err
	}
	s := &Session{ID: st.session.line.id(), DeviceID: device, Shared: st.session.line.others(), c: p.lr.c, opts: opts, line: st.session.line}
	s.release = func(context.Context) error {
		p.rise(st)
		return nil
	}
	return s, nil
}

func (p *SessionPool) options(o OpenOptions) OpenOptions {
	d := p.cfg.Options
	return OpenOptions{
		CheckInTimeout:  either(max(o.CheckInTimeout, 0), d.CheckInTimeout),
		CommandTimeout:  either(max(o.CommandTimeout, 0), d.CommandTimeout),
		TransferTimeout: either(max(o.TransferTimeout, 0), d.TransferTimeout),
		Replace:         true,
	}
}

// sit takes a seat, or waits for one that is about to go and takes the next.
func (p *SessionPool) sit(ctx context.Context, op string, device DeviceID, opts OpenOptions) (*seat, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, fmt.Errorf("cbc: %s: %w", op, ErrPoolClosed)
		}
		st := p.seats[device]
		if st == nil {
			st = p.seat(ctx, device, opts)
		}
		if !st.ending {
			st.users++
			if st.evicted { // another one must make room
				st.evicted = false
				p.evict()
			}
			st.look()
			p.mu.Unlock()
			return st, nil
		}
		p.mu.Unlock()
		select {
		case <-st.gone:
		case <-ctx.Done():
			return nil, &SessionError{Op: op, DeviceID: device, cause: ctx.Err()}
		}
	}
}

// seat makes a seat. What is done for it is not the affair of the one who asked first alone: his context ends nothing.
func (p *SessionPool) seat(ctx context.Context, device DeviceID, opts OpenOptions) *seat {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	st := &seat{device: device, ready: make(chan struct{}), gone: make(chan struct{}), wake: make(chan struct{}, 1), cancel: cancel}
	p.seats[device] = st
	p.all.Go(func() {
		defer cancel()
		p.keep(ctx, st, opts)
	})
	return st
}

// rise leaves a seat. Nobody waits for a session any more once the last one has gone.
func (p *SessionPool) rise(st *seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st.users--
	if st.users > 0 {
		return
	}
	st.since = time.Now()
	st.evicted = p.slots.wanted()
	select {
	case <-st.ready:
	default:
		st.ending = true
		st.cancel()
	}
	st.look()
}

// Each does something on each device, on as many at once as the pool has sessions, and returns when all of it is done. The errors
// are joined in the order of the devices, each with its device; devices that were not begun when ctx ended are among them. A device
// that is named twice has its turn once.
func (p *SessionPool) Each(ctx context.Context, devices []DeviceID, do func(context.Context, *Session) error) error {
	var once []DeviceID
	for _, d := range devices {
		if !slices.Contains(once, d) {
			once = append(once, d)
		}
	}
	errs := make([]error, len(once))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(p.cfg.Sessions, len(once)) {
		workers.Go(func() {
			for i := range next {
				if err := p.one(ctx, once[i], do); err != nil {
					errs[i] = fmt.Errorf("cbc: live_response.each: device %d: %w", once[i], err)
				}
			}
		})
	}
	for i := range once {
		next <- i
	}
	close(next)
	workers.Wait()
	return errors.Join(errs...)
}

func (p *SessionPool) one(ctx context.Context, device DeviceID, do func(context.Context, *Session) error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("not begun: %w", ctx.Err())
	}
	s, err := p.Open(ctx, device, OpenOptions{})
	if err != nil {
		return err
	}
	defer s.Close(ctx) //nolint:errcheck // giving it back does not fail
	return do(ctx, s)
}

// Close ends the pool: nobody gets a session any more, whoever waits for one gets [ErrPoolClosed], and the sessions are closed as
// soon as everybody has given them back. When ctx is over they are closed in any case, and the commands in them fail with
// [ErrSessionEnded]. Close returns when nothing of the pool is left running, with the errors of all sessions that it could not
// close since it was made; the vendor ends those after 15 minutes. It may be called more than once.
func (p *SessionPool) Close(ctx context.Context) error {
	p.shut(func(st *seat) bool { return st.session == nil })
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.all.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		p.mu.Lock()
		p.given = true
		p.mu.Unlock()
		p.shut(func(*seat) bool { return true })
		<-done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.problems...)
}

// shut has all seats look again, and cancels what is under way for some.
func (p *SessionPool) shut(cancel func(*seat) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, st := range p.seats {
		if cancel(st) {
			st.cancel()
		}
		st.look()
	}
}
