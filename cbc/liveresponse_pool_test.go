package cbc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// laptops is a world with devices from 1 on.
func laptops(n int64, change func(*cbctest.Device)) cbctest.World {
	var w cbctest.World
	for id := range n {
		d := cbctest.Device{ID: id + 1, Name: fmt.Sprintf("LAB-%d", id+1), Running: []cbctest.RunningProcess{{PID: 100, Path: `C:\a.exe`}}}
		if change != nil {
			change(&d)
		}
		w.Devices = append(w.Devices, d)
	}
	return w
}

// inPool runs a test on a pool, and checks that its end leaves no goroutine and no session of its own.
func inPool(t *testing.T, world cbctest.World, cfg cbc.PoolConfig, test func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool)) {
	t.Helper()
	inBubble(t, world, func(t *testing.T, srv *cbctest.Server, _ *cbc.Client) {
		pool, err := unbounded(t, srv).LiveResponse.Pool(cfg)
		if err != nil {
			t.Fatal(err)
		}
		test(t, srv, pool)
		if err := errors.Join(pool.Close(t.Context()), pool.Close(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, err := pool.Open(t.Context(), 1, cbc.OpenOptions{}); !errors.Is(err, cbc.ErrPoolClosed) {
			t.Errorf("Open after Close = %v, want ErrPoolClosed", err)
		}
		if cfg.CloseShared {
			return
		}
		for _, s := range srv.Sessions() {
			if s.Status != "ENDED" && s.Opened == 1 {
				t.Errorf("session %+v is left", s)
			}
		}
	})
}

func lease(t *testing.T, pool *cbc.SessionPool, device cbc.DeviceID) *cbc.Session {
	t.Helper()
	s, err := pool.Open(t.Context(), device, cbc.OpenOptions{})
	if err != nil {
		t.Fatalf("SessionPool.Open(%d): %v", device, err)
	}
	return s
}

// live counts the sessions that have not ended.
func live(srv *cbctest.Server) (n int) {
	for _, s := range srv.Sessions() {
		if s.Status != "ENDED" {
			n++
		}
	}
	return n
}

func TestPoolSharesASessionAndEndsIt(t *testing.T) {
	world := laptops(1, func(d *cbctest.Device) { d.CheckIn = 30 * time.Second })
	inPool(t, world, cbc.PoolConfig{}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
		leases := make(chan *cbc.Session)
		for range 5 {
			go func() {
				s, err := pool.Open(t.Context(), 1, cbc.OpenOptions{})
				if err != nil {
					t.Errorf("Open: %v", err)
				}
				leases <- s
			}()
		}
		var all []*cbc.Session
		for range 5 {
			all = append(all, <-leases)
		}
		if n := requests(srv, "POST", sessionsOp); n != 1 || all[0].ID != all[4].ID || all[0].Shared {
			t.Errorf("%d sessions were asked for, leases %+v; want one for all", n, all)
		}
		for _, s := range all[1:] {
			if err := errors.Join(s.Close(t.Context()), s.Close(t.Context())); err != nil {
				t.Errorf("Close: %v", err)
			}
			if _, err := s.Processes(t.Context()); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Processes after giving back = %v, want ErrSessionEnded", err)
			}
		}
		time.Sleep(10 * time.Minute)
		if _, err := all[0].Processes(t.Context()); err != nil || live(srv) != 1 {
			t.Errorf("Processes = %v, and %d sessions live", err, live(srv))
		}
		if err := all[0].Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(cbc.DefaultPoolIdle - time.Second)
		again := lease(t, pool, 1)
		if again.ID != all[0].ID || live(srv) != 1 {
			t.Errorf("a session within its idle time = %s, want %s", again.ID, all[0].ID)
		}
		_ = again.Close(t.Context())
		time.Sleep(cbc.DefaultPoolIdle + time.Second)
		if got := srv.Sessions()[0]; got.Reason != "closed" {
			t.Errorf("session at the vendor = %+v, want it closed", got)
		}
		fresh := lease(t, pool, 1)
		if fresh.ID == all[0].ID {
			t.Error("a session that was closed was handed out")
		}
		_ = fresh.Close(t.Context())
	})
}

func TestPoolKeepsAlive(t *testing.T) {
	inPool(t, laptops(1, nil), cbc.PoolConfig{}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
		s := lease(t, pool, 1)
		// Nothing keeps a session that never gets a command for longer than half an hour: it is replaced when one comes.
		time.Sleep(time.Hour)
		if n := requests(srv, "GET", sessionOp+"/keepalive"); live(srv) != 0 || n != 60 {
			t.Errorf("the session was kept alive %d times, and %d live; want 60 times until it ended", n, live(srv))
		}
		if _, err := s.Processes(t.Context()); err != nil {
			t.Errorf("Processes: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if n := requests(srv, "GET", sessionOp+"/keepalive"); live(srv) != 1 || n != 60+240 {
			t.Errorf("the session was kept alive %d times in two more hours, and %d live; want 240 times and 1", n-60, live(srv))
		}
		_ = s.Close(t.Context())
		before := requests(srv, "GET", sessionOp+"/keepalive")
		time.Sleep(10 * time.Minute)
		if n := requests(srv, "GET", sessionOp+"/keepalive"); n != before {
			t.Errorf("a session that nobody has was kept alive %d times", n-before)
		}
	})
}

func TestPoolReplacesWhatHasEnded(t *testing.T) {
	inPool(t, laptops(1, nil), cbc.PoolConfig{}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
		a, b := lease(t, pool, 1), lease(t, pool, 1)
		if err := a.CloseForAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Processes(t.Context()); !errors.Is(err, cbc.ErrSessionEnded) {
			t.Errorf("Processes after CloseForAll = %v, want ErrSessionEnded", err)
		}
		if err := b.Kill(t.Context(), 100); err != nil {
			t.Errorf("Kill by another: %v", err)
		}
		c := lease(t, pool, 1)
		if c.ID == a.ID || c.ID != b.Info().ID {
			t.Errorf("the next session is %s, want the new one, %s", c.ID, b.Info().ID)
		}
		_, _ = b.Close(t.Context()), c.Close(t.Context())
		if n := len(srv.Sessions()); n != 2 {
			t.Errorf("%d sessions, want 2", n)
		}
	})
}

func TestPoolLeavesTheSessionsOfOthers(t *testing.T) {
	for name, closes := range map[string]bool{"open": false, "unless it is told to close them": true} {
		t.Run(name, func(t *testing.T) {
			inPool(t, laptops(1, nil), cbc.PoolConfig{CloseShared: closes}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
				theirs, err := connect(t, srv.Client()).LiveResponse.Open(t.Context(), 1, cbc.OpenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				ours := lease(t, pool, 1)
				if !ours.Shared || ours.ID != theirs.ID {
					t.Errorf("session = %+v, want theirs, shared", ours)
				}
				_ = ours.Close(t.Context())
				time.Sleep(2 * cbc.DefaultPoolIdle)
				if _, err := theirs.Processes(t.Context()); errors.Is(err, cbc.ErrSessionEnded) != closes {
					t.Errorf("Processes of the others = %v, want an end: %t", err, closes)
				}
			})
		})
	}
}

// TestPoolIsBounded lets many wait for few places and checks that they get them in order.
func TestPoolIsBounded(t *testing.T) {
	inPool(t, laptops(30, nil), cbc.PoolConfig{Sessions: 3}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
		var mu sync.Mutex
		var order []cbc.DeviceID
		var wg sync.WaitGroup
		for id := range cbc.DeviceID(30) {
			wg.Go(func() {
				s, err := pool.Open(t.Context(), id+1, cbc.OpenOptions{})
				if err != nil {
					t.Errorf("Open(%d): %v", id+1, err)
					return
				}
				mu.Lock()
				order = append(order, id+1)
				mu.Unlock()
				if n := live(srv); n > 3 {
					t.Errorf("%d sessions at once, want 3 at most", n)
				}
				time.Sleep(time.Minute)
				_ = s.Close(t.Context())
			})
			synctest.Wait()
			time.Sleep(time.Second)
		}
		start := time.Now()
		wg.Wait()
		if !slices.IsSorted(order) || len(order) != 30 {
			t.Errorf("order = %v, want that of asking", order)
		}
		// Whoever waits does not wait for the idle time of others.
		wait(t, start, 9*time.Minute, 11*time.Minute)
	})
}

func TestPoolEndsWhatIsIdleForOthers(t *testing.T) {
	inPool(t, laptops(3, nil), cbc.PoolConfig{Sessions: 2, Idle: time.Hour}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
		for id := range cbc.DeviceID(2) {
			_ = lease(t, pool, id+1).Close(t.Context())
			time.Sleep(time.Second)
		}
		start := time.Now()
		s := lease(t, pool, 3)
		wait(t, start, 0, time.Second)
		if got := srv.Sessions(); got[0].Reason != "closed" || got[1].Status != "ACTIVE" {
			t.Errorf("sessions = %+v, want the one closed that was idle for longest", got)
		}
		_ = s.Close(t.Context())
	})
}

func TestPoolGivesUp(t *testing.T) {
	offline := laptops(2, func(d *cbctest.Device) { d.Offline = d.ID == 1 })
	t.Run("when everybody has", func(t *testing.T) {
		inPool(t, offline, cbc.PoolConfig{Sessions: 1}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
			var wg sync.WaitGroup
			for _, patience := range []time.Duration{time.Minute, 2 * time.Minute} {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					start := time.Now()
					_, err := pool.Open(ctx, 1, cbc.OpenOptions{})
					if e, ok := errors.AsType[*cbc.SessionError](err); !errors.Is(err, context.DeadlineExceeded) || !ok || e.DeviceID != 1 || time.Since(start) != patience {
						t.Errorf("Open = %v after %v, want the context's error", err, time.Since(start))
					}
				})
			}
			time.Sleep(90 * time.Second)
			if n := live(srv); n != 1 {
				t.Errorf("%d sessions wait for their sensor while somebody waits, want 1", n)
			}
			wg.Wait()
			synctest.Wait()
			if got := srv.Sessions()[0]; got.Reason != "closed" {
				t.Errorf("session at the vendor = %+v, want it closed", got)
			}
			_ = lease(t, pool, 2).Close(t.Context()) // the place is free
		})
	})
	t.Run("when the sensor does not come", func(t *testing.T) {
		inPool(t, offline, cbc.PoolConfig{Sessions: 1, Options: cbc.OpenOptions{CheckInTimeout: time.Minute}}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
			for range 2 {
				start := time.Now()
				if _, err := pool.Open(t.Context(), 1, cbc.OpenOptions{}); !errors.Is(err, cbc.ErrNotConnected) {
					t.Errorf("Open = %v, want ErrNotConnected", err)
				}
				wait(t, start, time.Minute, time.Minute+10*time.Second)
			}
			for _, s := range srv.Sessions() {
				if s.Reason != "closed" {
					t.Errorf("session at the vendor = %+v, want it closed", s)
				}
			}
			_ = lease(t, pool, 2).Close(t.Context())
		})
	})
	t.Run("waiting for a place", func(t *testing.T) {
		inPool(t, offline, cbc.PoolConfig{Sessions: 1}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
			s := lease(t, pool, 2)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := pool.Open(ctx, 1, cbc.OpenOptions{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open = %v, want the context's error", err)
			}
			_ = s.Close(t.Context())
			_ = lease(t, pool, 2).Close(t.Context())
			if n := requests(srv, "POST", sessionsOp); n != 1 {
				t.Errorf("%d sessions were asked for, want 1", n)
			}
		})
	})
	t.Run("when the organization has no session left", func(t *testing.T) {
		full := laptops(2, nil)
		full.Switches.LiveResponse.SessionLimit = 1
		inPool(t, full, cbc.PoolConfig{}, func(t *testing.T, _ *cbctest.Server, pool *cbc.SessionPool) {
			s := lease(t, pool, 1)
			if _, err := pool.Open(t.Context(), 2, cbc.OpenOptions{}); !errors.Is(err, cbc.ErrSessionLimit) {
				t.Errorf("Open = %v, want ErrSessionLimit", err)
			}
			_ = s.Close(t.Context())
		})
	})
}

// TestPoolEndsAnotherForOthers takes back the idle session that was to make room, in the moment in which it is still busy being
// kept alive: another idle one must make room instead.
func TestPoolEndsAnotherForOthers(t *testing.T) {
	inPool(t, laptops(3, nil), cbc.PoolConfig{Sessions: 2, Idle: time.Hour}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
		a, b := lease(t, pool, 1), lease(t, pool, 2)
		srv.Inject(onRequest("GET", ":1/keepalive"), 1, fake.Delay(10*time.Second))
		time.Sleep(cbc.DefaultPoolKeepAlive + time.Second)
		_ = a.Close(t.Context())
		time.Sleep(time.Second)
		_ = b.Close(t.Context())
		start := time.Now()
		opened := make(chan *cbc.Session)
		go func() {
			s, err := pool.Open(t.Context(), 3, cbc.OpenOptions{})
			if err != nil {
				t.Errorf("Open(3): %v", err)
			}
			opened <- s
		}()
		synctest.Wait()
		again := lease(t, pool, 1)
		third := <-opened
		wait(t, start, 0, time.Second)
		if again.ID != a.ID {
			t.Errorf("session = %s, want %s, which was not closed yet", again.ID, a.ID)
		}
		_, _ = again.Close(t.Context()), third.Close(t.Context())
	})
}
