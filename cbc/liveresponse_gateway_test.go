package cbc_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

// TestAGatewaysNotFound is about a 404 that is not the vendor's: it says nothing about the session, which goes on.
func TestAGatewaysNotFound(t *testing.T) {
	for name, body := range map[string]string{
		"a page":               "<html>no such page</html>",
		"nothing":              "",
		"a framework's answer": `{"timestamp":1715677862118,"status":404,"error":"Not Found","path":"/x"}`,
	} {
		gateway := fake.Status(http.StatusNotFound, nil, body)
		t.Run("while the sensor is waited for: "+name, func(t *testing.T) {
			offline := lab(func(_ *cbctest.World, d *cbctest.Device) { d.Offline = true })
			inBubble(t, offline, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				srv.Inject(onRequest("GET", ":7"), 1, gateway)
				if _, err := client.LiveResponse.Open(t.Context(), 7, cbc.OpenOptions{}); err == nil || errors.Is(err, cbc.ErrSessionEnded) {
					t.Errorf("Open = %v, want an error that does not say that the session has ended", err)
				}
				if got := srv.Sessions()[0]; got.Reason != "closed" {
					t.Errorf("session at the vendor = %+v, want it closed", got)
				}
			})
		})
		t.Run("while a command is waited for: "+name, func(t *testing.T) {
			slow := lab(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.CommandDelay = time.Minute })
			inBubble(t, slow, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				srv.Inject(onRequest("GET", "/commands/0"), 1, gateway)
				err := s.Kill(t.Context(), 5120)
				if e, ok := errors.AsType[*cbc.CommandError](err); !ok || !e.Withdrawn || errors.Is(err, cbc.ErrSessionEnded) {
					t.Errorf("Kill = %v, want it taken back", err)
				}
			})
		})
		t.Run("to closing: "+name, func(t *testing.T) {
			inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				srv.Inject(onRequest("DELETE", ":7"), 1, gateway)
				if err := s.Close(t.Context()); !errors.Is(err, cbc.ErrNotFound) {
					t.Errorf("Close = %v, want the 404", err)
				}
				if err := s.Close(t.Context()); err != nil || srv.Sessions()[0].Reason != "closed" {
					t.Errorf("second Close = %v, session %+v", err, srv.Sessions()[0])
				}
			})
		})
		t.Run("to keeping alive: "+name, func(t *testing.T) {
			inPool(t, laptops(1, nil), cbc.PoolConfig{}, func(t *testing.T, srv *cbctest.Server, pool *cbc.SessionPool) {
				s := lease(t, pool, 1)
				if _, err := s.Processes(t.Context()); err != nil {
					t.Fatal(err)
				}
				srv.Inject(onRequest("GET", "/keepalive"), 1, gateway)
				time.Sleep(time.Hour)
				if n := live(srv); n != 1 {
					t.Errorf("%d sessions live after an hour, want the first one", n)
				}
				_ = s.Close(t.Context())
			})
		})
	}
}
