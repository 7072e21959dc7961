package actions_test

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

const analystID = "ANALYST123"

// precinct is a console with machines that an analyst works on too.
func precinct(t *testing.T, world cbctest.World) (srv *cbctest.Server, client, analyst *cbc.Client) {
	t.Helper()
	if world.Keys == nil {
		world.Keys = []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret}}
	}
	world.Keys = append(world.Keys, cbctest.Key{ID: analystID, Secret: "s"})
	srv = cbctest.New(world)
	client = connect(t, srv.Client())
	analyst, err := cbc.New(cbc.Config{
		BaseURL: cbctest.URL, OrgKey: cbctest.OrgKey, Credentials: cbc.APIKey(analystID, "s"), HTTPClient: srv.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return srv, client, analyst
}

func newIsolateWith(t *testing.T, client *cbc.Client) hunt.Action {
	t.Helper()
	a, err := actions.NewIsolateWith(actions.IsolateConfig{Devices: client.Devices, Audit: client.AuditLog, Actor: cbctest.KeyID})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestIsolateUndoLeavesWhatOthersWant(t *testing.T) {
	t.Parallel()
	quarantine := func(t *testing.T, c *cbc.Client, ids ...cbc.DeviceID) {
		t.Helper()
		if err := c.Devices.Quarantine(t.Context(), ids...); err != nil {
			t.Fatal(err)
		}
	}
	release := func(t *testing.T, c *cbc.Client, ids ...cbc.DeviceID) {
		t.Helper()
		if err := c.Devices.Release(t.Context(), ids...); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, machine string
		audit         []cbctest.AuditEntry
		before, after func(*testing.T, *cbc.Client)
		status        hunt.Status
		detail        string
		isolated      bool
	}{
		{name: "nobody else did anything", status: hunt.Undone, detail: "released from quarantine"},
		{
			name: "somebody else isolated it too", after: func(t *testing.T, c *cbc.Client) { quarantine(t, c, 77, 7) },
			status: hunt.Held, detail: analystID + " wrote of a quarantine", isolated: true,
		},
		{name: "somebody else isolated another machine", after: func(t *testing.T, c *cbc.Client) { quarantine(t, c, 77) }, status: hunt.Undone},
		{name: "somebody released it", after: func(t *testing.T, c *cbc.Client) { release(t, c, 7) }, status: hunt.Already, detail: "not isolated any more"},
		{
			name: "somebody released and isolated it", after: func(t *testing.T, c *cbc.Client) { release(t, c, 7); quarantine(t, c, 7) },
			status: hunt.Held, isolated: true,
		},
		{
			name: "somebody isolated and released it before", before: func(t *testing.T, c *cbc.Client) { quarantine(t, c, 7); release(t, c, 7) },
			status: hunt.Undone,
		},
		{
			name: "an entry names no machine", audit: []cbctest.AuditEntry{{Description: "Quarantined all devices of a search"}},
			status: hunt.Held, detail: "Quarantined all devices", isolated: true,
		},
		{
			name: "an entry tells how many machines", audit: []cbctest.AuditEntry{{Description: "Quarantined 12 selected devices"}},
			status: hunt.Held, isolated: true,
		},
		{
			name: "the machine's name looks like a release", machine: `CORP\RELEASE-EAST`,
			audit: []cbctest.AuditEntry{{Description: "Quarantine of RELEASE-EAST"}}, status: hunt.Held, isolated: true,
		},
		{
			name: "the name of another machine looks like a release", audit: []cbctest.AuditEntry{{Description: "Quarantine of OFF-SITE-1, LAB-EAST"}},
			status: hunt.Held, isolated: true,
		},
		{
			name: "another machine was released with it", audit: []cbctest.AuditEntry{{Description: "Released DESK-1 and asked to isolate LAB-EAST"}},
			status: hunt.Held, isolated: true,
		},
		{
			name: "a word beside it looks like a release", audit: []cbctest.AuditEntry{{Description: "Quarantined LAB-EAST, the user has logged off"}},
			status: hunt.Held, isolated: true,
		},
		{
			name: "an entry names the machine by its name", audit: []cbctest.AuditEntry{{Description: "Device lab-east was isolated, ticket 4711"}},
			status: hunt.Held, isolated: true,
		},
		{name: "an entry is about something else", audit: []cbctest.AuditEntry{{Description: "Logged in successfully on device 7"}}, status: hunt.Undone},
		{
			name: "an entry is older than any quarantine that waits", status: hunt.Undone,
			audit: []cbctest.AuditEntry{{Description: "Quarantined all devices", Created: time.Date(1999, 11, 1, 0, 0, 0, 0, time.UTC)}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, client, analyst := precinct(t, cbctest.World{Audit: c.audit, Devices: []cbctest.Device{{ID: 7, Name: cmp.Or(c.machine, `CORP\LAB-EAST`)}, {ID: 77, Name: `CORP\DESK-77`}}})
				if c.before != nil {
					c.before(t, analyst)
				}
				a := newIsolateWith(t, client)
				isolated := only(t, a.Do(t.Context(), []hunt.Task{planTask(t, a, deviceTask("isolate", 7))}))
				expect(t, isolated, hunt.Done)
				time.Sleep(time.Hour)
				if c.after != nil {
					c.after(t, analyst)
				}
				time.Sleep(time.Hour)
				state, _ := srv.Device(7)
				o := takeBack(t, a, undoOf(isolated), func() bool { d, _ := srv.Device(7); return d.Quarantined != state.Quarantined })
				expect(t, o, c.status, c.detail)
				if d, _ := srv.Device(7); d.Quarantined != c.isolated {
					t.Errorf("quarantined is %t, want %t", d.Quarantined, c.isolated)
				}
			})
		})
	}
}

func TestIsolateUndoNeedsTheAuditLog(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		want   hunt.Status
		detail string
	}{
		{"not allowed", http.StatusForbidden, hunt.Held, "org.audits (READ)"},
		{"down", http.StatusInternalServerError, hunt.Failed, "audit log could not be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, client, _ := precinct(t, cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
				a := newIsolateWith(t, client)
				isolated := only(t, a.Do(t.Context(), []hunt.Task{deviceTask("isolate", 7)}))
				srv.Inject(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/audit_log/") }, -1, func(http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c.status) })
				})
				o := takeBack(t, a, undoOf(isolated), func() bool { d, _ := srv.Device(7); return !d.Quarantined })
				expect(t, o, c.want, c.detail)
				if d, _ := srv.Device(7); !d.Quarantined {
					t.Error("the device was released although nobody knows who wants it isolated")
				}
			})
		})
	}
}

func TestIsolateUndoOfWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, before string
		status       hunt.Status
		detail       string
	}{
		{"it was isolated before", `{"quarantined":true}`, hunt.Already, "it was so before"},
		{"nobody recorded it", "", hunt.Held, "not recorded"},
		{"nobody recorded what it was", "{}", hunt.Held, "not recorded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, client, _ := precinct(t, cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7", Quarantined: true}}})
				task := deviceTask("isolate", 7)
				task.Undo, task.Before = true, []byte(c.before)
				expect(t, takeBack(t, newIsolateWith(t, client), task, never), c.status, c.detail)
				if d, _ := srv.Device(7); !d.Quarantined || calls(srv, opDeviceAction) != 0 {
					t.Error("the device was released")
				}
			})
		})
	}
}

// A machine that is off has the quarantine still to come: taken back it must not come.
func TestIsolateUndoBeforeTheSensorKnows(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]bool{"ours alone": false, "somebody else's too": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, client, analyst := precinct(t, cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7", Offline: true}}})
				a := newIsolateWith(t, client)
				if other {
					if err := analyst.Devices.Quarantine(t.Context(), 7); err != nil {
						t.Fatal(err)
					}
					time.Sleep(24 * time.Hour)
				}
				isolated := only(t, a.Do(t.Context(), []hunt.Task{deviceTask("isolate", 7)}))
				time.Sleep(time.Hour)
				o := takeBack(t, a, undoOf(isolated), never)
				expect(t, o, map[bool]hunt.Status{true: hunt.Held, false: hunt.Undone}[other])
				srv.SetOffline(7, false)
				if d, _ := srv.Device(7); d.Quarantined != other {
					t.Errorf("quarantined once it is back is %t, want %t", d.Quarantined, other)
				}
			})
		})
	}
}

func TestIsolateUndoOfManyInOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, client, _ := precinct(t, cbctest.World{Devices: []cbctest.Device{{ID: 1, Name: "A"}, {ID: 2, Name: "B"}, {ID: 3, Name: "C"}}})
		a := newIsolate(t, client)
		var tasks []hunt.Task
		for _, o := range a.Do(t.Context(), []hunt.Task{deviceTask("isolate", 1), deviceTask("isolate", 2), deviceTask("isolate", 3)}) {
			tasks = append(tasks, undoOf(o))
		}
		unknown := deviceTask("isolate", 99)
		unknown.Undo, unknown.Before = true, tasks[0].Before
		got := ends(a.(hunt.Undoer).Undo(t.Context(), append(tasks, unknown)))
		if diff := gocmp.Diff(map[string]hunt.Status{"1": hunt.Undone, "2": hunt.Undone, "3": hunt.Undone, "99": hunt.Already}, got); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
		if n := calls(srv, opDeviceAction); n != 2 {
			t.Errorf("%d device actions were called, want one to isolate and one to release", n)
		}
	})
}

func TestNewIsolateWithRefuses(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{}).Client())
	for name, cfg := range map[string]actions.IsolateConfig{
		"without devices":               {},
		"an audit log without an actor": {Devices: client.Devices, Audit: client.AuditLog},
	} {
		if _, err := actions.NewIsolateWith(cfg); err == nil {
			t.Errorf("NewIsolateWith %s gave no error", name)
		}
	}
}

// tooMuch is an audit log that is longer than can be read, at least as a whole.
type tooMuch struct{ inPart bool }

func (m tooMuch) Search(_ context.Context, q cbc.AuditQuery) iter.Seq2[cbc.AuditEntry, error] {
	if m.inPart && q.Window > 0 {
		return func(func(cbc.AuditEntry, error) bool) {}
	}
	return func(yield func(cbc.AuditEntry, error) bool) {
		yield(cbc.AuditEntry{}, &cbc.IncompleteError{Op: "audit_log.search", Status: cbc.Status{Truncated: true}})
	}
}

func TestIsolateUndoWithMoreThanCanBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, client, _ := precinct(t, cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
		a, err := actions.NewIsolateWith(actions.IsolateConfig{Devices: client.Devices, Audit: tooMuch{}, Actor: cbctest.KeyID})
		if err != nil {
			t.Fatal(err)
		}
		isolated := only(t, a.Do(t.Context(), []hunt.Task{deviceTask("isolate", 7)}))
		o := takeBack(t, a, undoOf(isolated), func() bool { d, _ := srv.Device(7); return !d.Quarantined })
		expect(t, o, hunt.Held, "more entries than can be read")
	})
}

// A 404 of the service, as for a wrong key of the organization, is none of a device.
func TestIsolateUndoWhereNothingIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, client, _ := precinct(t, cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}}})
		a := newIsolate(t, client)
		isolated := only(t, a.Do(t.Context(), []hunt.Task{deviceTask("isolate", 7)}))
		srv.Inject(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/devices/") }, -1, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
		})
		expect(t, takeBack(t, a, undoOf(isolated), never), hunt.Failed, "404")
	})
}

// A machine of which nobody knows when it was isolated needs the whole audit log. The others do not.
func TestIsolateUndoOfManyWithOneOfUnknownTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client, _ := precinct(t, cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}, {ID: 8, Name: "LAB-8"}}})
		a, err := actions.NewIsolateWith(actions.IsolateConfig{Devices: client.Devices, Audit: tooMuch{inPart: true}, Actor: cbctest.KeyID})
		if err != nil {
			t.Fatal(err)
		}
		known := undoOf(only(t, a.Do(t.Context(), []hunt.Task{deviceTask("isolate", 7)})))
		unknown := planTask(t, a, deviceTask("isolate", 8))
		expect(t, only(t, a.Do(t.Context(), []hunt.Task{unknown})), hunt.Done)
		unknown.Undo = true
		got := ends(a.(hunt.Undoer).Undo(t.Context(), []hunt.Task{known, unknown}))
		if diff := gocmp.Diff(map[string]hunt.Status{"7": hunt.Undone, "8": hunt.Held}, got); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
	})
}

// A clock that is an hour slow must not make a check-in of before look like one that knew of the quarantine.
func TestIsolateUndoBySlowClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, client, _ := precinct(t, cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7", Offline: true, LastContact: time.Now()}}})
		a := newIsolate(t, client)
		o := only(t, a.Do(t.Context(), []hunt.Task{deviceTask("isolate", 7)}))
		task := undoOf(o)
		task.Before = []byte(`{"quarantined":false,"asked":"` + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + `"}`)
		expect(t, takeBack(t, a, task, never), hunt.Undone, "withdrawn")
		srv.SetOffline(7, false)
		if d, _ := srv.Device(7); d.Quarantined {
			t.Error("the quarantine came after it was taken back")
		}
	})
}
