package cbc_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

func TestPoolClose(t *testing.T) {
	offline := laptops(3, func(d *cbctest.Device) { d.Offline = d.ID == 2 })
	t.Run("waits for those who have a session", func(t *testing.T) {
		inPool(t, offline, cbc.PoolConfig{Sessions: 2}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
			s := lease(t, pool, 1)
			waiting := make(chan error)
			for _, id := range []cbc.DeviceID{2, 3} { // one for its sensor, one for a place
				go func() { waiting <- second(pool.Open(t.Context(), id, cbc.OpenOptions{})) }()
				time.Sleep(time.Second)
			}
			time.AfterFunc(time.Minute, func() {
				if _, err := s.Processes(t.Context()); err != nil {
					t.Errorf("Processes while the pool waits: %v", err)
				}
				_ = s.Close(t.Context())
			})
			start := time.Now()
			closed := make(chan error)
			go func() { closed <- pool.Close(t.Context()) }()
			for range 2 {
				if err := <-waiting; !errors.Is(err, cbc.ErrPoolClosed) {
					t.Errorf("Open = %v, want ErrPoolClosed", err)
				}
			}
			wait(t, start, 0, time.Second)
			if err := <-closed; err != nil {
				t.Errorf("Close: %v", err)
			}
			wait(t, start, time.Minute, time.Minute+time.Second)
		})
	})
	t.Run("and not for ever", func(t *testing.T) {
		inPool(t, offline, cbc.PoolConfig{}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
			s := lease(t, pool, 1)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			start := time.Now()
			if err := pool.Close(ctx); err != nil {
				t.Errorf("Close: %v", err)
			}
			wait(t, start, time.Minute, time.Minute+time.Second)
			if _, err := s.Processes(t.Context()); !errors.Is(err, cbc.ErrSessionEnded) {
				t.Errorf("Processes after the pool has closed = %v, want ErrSessionEnded", err)
			}
			if n := len(srv.Sessions()); n != 1 {
				t.Errorf("%d sessions, want no other one", n)
			}
			_ = s.Close(t.Context())
		})
	})
	t.Run("tells what it could not close", func(t *testing.T) {
		inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
			pool, err := client.LiveResponse.Pool(cbc.PoolConfig{Idle: -1})
			if err != nil {
				t.Fatal(err)
			}
			srv.Inject(func(r *http.Request) bool {
				return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, ":1")
			}, -1, fake.Status(http.StatusForbidden, nil, "no"))
			_ = lease(t, pool, 1).Close(t.Context())
			if err := pool.Close(t.Context()); !errors.Is(err, cbc.ErrForbidden) {
				t.Errorf("Close = %v, want the error of the session", err)
			}
		})
	})
}

func TestPoolEach(t *testing.T) {
	world := laptops(25, func(d *cbctest.Device) {
		d.Offline = d.ID == 5
		if d.ID == 9 {
			d.Running = nil
		}
	})
	inPool(t, world, cbc.PoolConfig{Sessions: 4, Options: cbc.OpenOptions{CheckInTimeout: time.Minute}}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
		var mu sync.Mutex
		seen := make(map[cbc.DeviceID]int)
		var devices []cbc.DeviceID
		for id := range cbc.DeviceID(25) {
			devices = append(devices, id+1, id+1)
		}
		devices = append(devices, 4711)
		err := pool.Each(t.Context(), devices, func(ctx context.Context, s *cbc.Session) error {
			mu.Lock()
			seen[s.DeviceID]++
			mu.Unlock()
			if n := live(srv); n > 4 {
				t.Errorf("%d sessions at once, want 4 at most", n)
			}
			return s.Kill(ctx, 100)
		})
		for id := range cbc.DeviceID(25) {
			if want := 1; id+1 != 5 && seen[id+1] != want {
				t.Errorf("device %d had its turn %d times, want 1", id+1, seen[id+1])
			}
		}
		if !errors.Is(err, cbc.ErrNotConnected) || !errors.Is(err, cbc.ErrProcessNotFound) || !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Each = %v, want the errors of devices 5, 9 and 4711", err)
		}
		var named []string
		for line := range strings.Lines(err.Error()) {
			named = append(named, strings.Join(strings.SplitN(line, ":", 4)[:3], ":"))
		}
		want := []string{"cbc: live_response.each: device 5", "cbc: live_response.each: device 9", "cbc: live_response.each: device 4711"}
		if diff := cmp.Diff(want, named); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
	})
	t.Run("that is canceled", func(t *testing.T) {
		inPool(t, laptops(10, nil), cbc.PoolConfig{Sessions: 2}, func(t *testing.T, _ *cbctest.Server, pool *cbc.SessionPool) {
			ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
			defer cancel()
			err := pool.Each(ctx, []cbc.DeviceID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, func(context.Context, *cbc.Session) error {
				time.Sleep(time.Minute)
				return nil
			})
			if !errors.Is(err, context.DeadlineExceeded) || strings.Count(err.Error(), "not begun") != 6 || strings.Contains(err.Error(), "device 4:") {
				t.Errorf("Each = %v, want 6 devices that were not begun", err)
			}
		})
	})
}

func TestPoolConfig(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(laptops(1, nil)).Client())
	for _, cfg := range []cbc.PoolConfig{{Sessions: -1}, {Sessions: 101}, {KeepAlive: -1}} {
		if _, err := client.LiveResponse.Pool(cfg); err == nil {
			t.Errorf("Pool(%+v) succeeded", cfg)
		}
	}
	pool, err := client.LiveResponse.Pool(cbc.PoolConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []cbc.DeviceID{0, -1} {
		if _, err := pool.Open(t.Context(), id, cbc.OpenOptions{}); err == nil {
			t.Errorf("Open(%d) succeeded", id)
		}
	}
	if err := pool.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
