package actions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

func TestRefusedByStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{400: true, 401: false, 403: true, 404: true, 409: false, 429: false, 500: false, 503: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "A"}}})
				srv.Inject(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/device_actions") }, -1, func(http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
				})
				o := only(t, newIsolate(t, connect(t, srv.Client())).Do(t.Context(), []hunt.Task{deviceTask("isolate", 7)}))
				expect(t, o, hunt.Failed, fmt.Sprint(status))
				if o.Refused != want {
					t.Errorf("Refused = %t, want %t", o.Refused, want)
				}
			})
		})
	}
}

// What the device's state decides passes: it comes back, or its policy changes. What is gone stays gone.
func TestRefusedByTheDevice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		action string
		change func(*cbctest.Device)
		want   bool
	}{
		{"isolate a device that is not there", "isolate", func(d *cbctest.Device) { d.ID = 70 }, true},
		{"isolate a device without its sensor", "isolate", func(d *cbctest.Device) { d.Status = "DEREGISTERED" }, true},
		{"kill on a device that is not there", "live_response", func(d *cbctest.Device) { d.ID = 70 }, true},
		{"kill on a device without its sensor", "live_response", func(d *cbctest.Device) { d.Status = "UNINSTALLED" }, true},
		{"kill on a device whose policy forbids it", "live_response", func(d *cbctest.Device) { d.PolicyID = 5 }, false},
		{"kill on a device that forbids it for good", "live_response", func(d *cbctest.Device) { d.SensorStates = []string{"LIVE_RESPONSE_ENABLED", "LIVE_RESPONSE_KILLED"} }, true},
		{"kill on a device that is off", "live_response", func(d *cbctest.Device) { d.Offline = true }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				device := lab(nil, cbctest.File{Path: evilPath, Content: evil})
				c.change(&device)
				srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{device}, Policies: []cbctest.Policy{{ID: 4, Name: "Standard"}, {ID: 5, Name: "Locked", NoLiveResponse: true}}})
				client := connect(t, srv.Client())
				a, task := newIsolate(t, client), deviceTask("isolate", 7)
				if c.action == "live_response" {
					a, task = newLiveResponse(t, client, ""), fileTask("live_response", 7, found, evil, 5120)
				}
				o := only(t, a.Do(t.Context(), []hunt.Task{task}))
				expect(t, o, hunt.Failed)
				if o.Refused != c.want {
					t.Errorf("Refused = %t of %q, want %t", o.Refused, o.Detail, c.want)
				}
			})
		})
	}
}

// The zero value stands for destroying: an action must not have it by forgetting.
func TestImpacts(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{}).Client())
	script, err := actions.NewScript(actions.ScriptConfig{Command: []string{"contain"}})
	if err != nil {
		t.Fatal(err)
	}
	move, err := actions.NewPolicyMove(client.Devices, cbc.Policy{ID: 1}, hunt.Executed)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := actions.NewNSXTag(actions.NSXTagConfig{VMs: noVMs{}, Devices: client.Devices, Tag: quarantine})
	if err != nil {
		t.Fatal(err)
	}
	for want, all := range map[hunt.Impact][]hunt.Action{
		hunt.Tells:    {newWatchlist(t, client), newWebhook(t, "https://hooks.example")},
		hunt.Contains: {newIsolate(t, client), move, tag},
		hunt.Destroys: {actions.NewDenylist(client.Reputation), newLiveResponse(t, client, ""), script},
	} {
		for _, a := range all {
			if got := a.Spec().Impact; got != want {
				t.Errorf("%s %s, want %s", a.Spec().Name, got, want)
			}
		}
	}
}

// noVMs knows no machines.
type noVMs struct{ actions.VMTagger }

func TestDeviceActionsReadOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "A"}}})
		a := newIsolate(t, connect(t, srv.Client()))
		task := planTask(t, a, deviceTask("isolate", 7))
		if string(task.Before) != `{"quarantined":false}` || calls(srv, opDeviceAction) != 0 {
			t.Errorf("Look found %s with %d actions, want the flag and none", task.Before, calls(srv, opDeviceAction))
		}
		read := calls(srv, opDeviceSearch)
		expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Done)
		if n := calls(srv, opDeviceSearch) - read; n != 0 {
			t.Errorf("Do read the device again: %d calls", n)
		}
	})
}
