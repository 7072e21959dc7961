package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// manager is who started the service and wants to know how it is: systemd. One that nobody has told of is told nothing.
type manager struct {
	// tell passes a state on, such as READY=1.
	tell func(state string)
	// every is how often it wants a sign of life, zero for never, and ticks tells when it is time for one.
	every time.Duration
	ticks func(time.Duration) (<-chan time.Time, func())
}

// systemd is the manager that the environment of the process names.
func systemd() manager {
	m := manager{
		tell: func(state string) { _, _ = daemon.SdNotify(false, state) }, // nobody listens, or nobody can be told
		ticks: func(d time.Duration) (<-chan time.Time, func()) {
			ticker := time.NewTicker(d)
			return ticker.C, ticker.Stop
		},
	}
	if every, err := daemon.SdWatchdogEnabled(false); err == nil {
		m.every = every
	}
	return m
}

func (m manager) say(state string) {
	if m.tell != nil {
		m.tell(state)
	}
}

// patience is how long a run may go without any call or step before the service counts as stuck. A service may ask to be left alone for five
// minutes.
const patience = 15 * time.Minute

// life is when a service showed a sign of it.
type life struct {
	resting atomic.Bool
	last    atomic.Int64 // Unix time in nanoseconds
	now     func() time.Time
	// patience is how long it may show none while it does not rest.
	patience time.Duration
}

func (l *life) sign() { l.last.Store(l.now().UnixNano()) }

func (l *life) alive() bool {
	return l.resting.Load() || l.now().Sub(time.Unix(0, l.last.Load())) < l.patience
}

// attend tells the manager that the service is ready, and then that it lives, as long as it does, until the returned function is called.
func (e *every) attend(ctx context.Context) (stop func()) {
	e.manager.say(daemon.SdNotifyReady)
	if e.manager.every <= 0 {
		return func() { e.manager.say(daemon.SdNotifyStopping) }
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it lives while it comes to its end, too
	ticks, end := e.manager.ticks(e.manager.every / 3)
	var attending sync.WaitGroup
	attending.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks:
				if e.life.alive() {
					e.manager.say(daemon.SdNotifyWatchdog)
				}
			}
		}
	})
	return func() {
		e.manager.say(daemon.SdNotifyStopping)
		cancel()
		attending.Wait()
		end()
	}
}
