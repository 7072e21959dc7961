package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

const (
	// shortestEvery is the shortest time between the beginnings of two runs: TAP's day has 1,800 calls.
	shortestEvery = time.Minute
	longestEvery  = 24 * time.Hour
	// spread is how much of the time a run may come sooner or later, so that several of them do not keep step with each other.
	spread = 0.05
)

// every hunts again and again until it is told to stop, each run by a configuration that is read anew when somebody asks for it.
type every struct {
	program
	o options
	// job is by the configuration that was read last, and end ends it.
	job *job
	end func()
	// life is watched by whoever started the service.
	life life
}

// forever begins with what a single run begins with, so that a wrong configuration ends it. After that it goes on whatever a run says: the
// next one makes up for it. It ends in good order when it is stopped, in the middle of a run once what was begun is brought to an end.
func (p program) forever(ctx context.Context, o options) int {
	if o.listen != "" {
		p.metrics = newMetrics(p.now)
	}
	e := &every{program: p, o: o}
	e.life.now = p.now
	e.sign = e.life.sign
	var err error
	if e.job, e.end, err = e.begin(o.common); err != nil {
		return p.refuse(err)
	}
	defer func() { e.end() }()
	changed, stop := e.hangups()
	defer stop()
	if o.listen != "" {
		address, stop, err := e.listen(ctx)
		if err != nil {
			return p.refuse(err)
		}
		defer stop()
		if p.listening != nil {
			p.listening(address)
		}
	}
	e.sign()
	defer e.attend(ctx)()
	for first := true; ; first = false {
		begun := e.now()
		e.life.patience = max(patience, 2*e.job.cfg.actions.scriptTimeout)
		e.sign()
		e.life.resting.Store(false)
		code := e.once(ctx)
		e.life.resting.Store(true)
		e.metrics.ran(code, e.now().Sub(begun))
		switch {
		case ctx.Err() != nil:
			e.job.logger.Info("stopped")
			return exitDone
		case first && code == exitUsage:
			return code // nothing was sent, and nothing ever would be
		}
		next := begun.Add(around(o.every))
		if now := e.now(); !next.After(now) {
			next = now // the run took longer than it may: the next one follows, and none is made up for
		}
		e.job.logger.Info("waiting", "exit_code", code, "next", next.UTC())
		if !e.rest(ctx, next, changed) {
			e.job.logger.Info("stopped")
			return exitDone
		}
	}
}

// once makes one run. Where JSON is asked for, each run has a document of its own, also one that could not be begun.
func (e *every) once(ctx context.Context) int {
	j := *e.job
	if !e.o.json {
		return j.hunt(ctx, e.o)
	}
	a := answer{out: e.out, complaints: e.err}
	j.out, j.err = &a, (*complaints)(&a)
	return a.end(j.hunt(ctx, e.o))
}

// around is a little more or less than a time.
func around(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - spread + 2*spread*rand.Float64())) //nolint:gosec // spreads load, guards nothing
}

// rest waits until the next run, and reads the configuration anew where that is asked for meanwhile. It reports whether there is to be a
// next run.
func (e *every) rest(ctx context.Context, next time.Time, changed <-chan os.Signal) bool {
	due := e.timer(next.Sub(e.now()))
	for {
		select {
		case <-ctx.Done():
			return false
		case <-changed:
			e.reload()
		case <-due:
			return ctx.Err() == nil
		}
	}
}

func (e *every) timer(d time.Duration) <-chan time.Time {
	if e.after != nil {
		return e.after(d)
	}
	return time.After(d)
}

// reload takes a new configuration. One that is wrong is refused, and the old one stays.
func (e *every) reload() {
	j, end, err := e.begin(e.o.common)
	if err != nil {
		e.refuse(err)
		e.complain("the configuration was not read again: the old one stays")
		e.job.logger.Error("the configuration was not read again: the old one stays", "error", err)
		return
	}
	e.end()
	e.job, e.end = j, end
	e.complain("the configuration was read again")
	j.logger.Info("the configuration was read again")
}

// hangups are the signals that ask for the configuration to be read again.
func (p program) hangups() (<-chan os.Signal, func()) {
	if p.hangup == nil {
		return nil, func() {}
	}
	return p.hangup()
}

// checkEvery refuses what makes no sense again and again.
func (o options) checkEvery(given map[string]bool) error {
	if !given["every"] {
		if given["listen"] {
			return errors.New("--listen needs --every: a single run ends before anybody asks")
		}
		return nil
	}
	if given["listen"] {
		if _, _, err := net.SplitHostPort(o.listen); err != nil {
			return fmt.Errorf("--listen takes an address such as 127.0.0.1:9090: %w", err)
		}
	}
	if o.every < shortestEvery || o.every > longestEvery {
		return fmt.Errorf("--every takes a time from %s to %s, such as 15m", "1m", "24h")
	}
	for _, other := range []string{"plan", "apply", "start-time", "end-time", "demo", "now", "version"} {
		if given[other] {
			return errors.New("--every and --" + other + " do not go together")
		}
	}
	return nil
}
