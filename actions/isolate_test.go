package actions_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

const opDeviceAction = "POST /appservices/v6/orgs/{org_key}/device_actions"

func newIsolate(t testing.TB, client *cbc.Client) hunt.Action {
	t.Helper()
	a, err := actions.NewIsolate(client.Devices, hunt.None)
	if err != nil {
		t.Fatalf("NewIsolate: %v", err)
	}
	return a
}

func TestIsolateMakesOneCallForManyDevices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{
			{ID: 1, Name: "A"}, {ID: 2, Name: "B"}, {ID: 3, Name: "C", Quarantined: true}, {ID: 4, Name: "D", Status: "DEREGISTERED"}, {ID: 5, Name: "E"},
		}})
		nameless := deviceTask("isolate", 6)
		nameless.Sightings = nil
		tasks := []hunt.Task{deviceTask("isolate", 1), deviceTask("isolate", 2), deviceTask("isolate", 3), deviceTask("isolate", 4), deviceTask("isolate", 99), nameless}
		outcomes := newIsolate(t, connect(t, srv.Client())).Do(t.Context(), tasks)
		want := map[string]hunt.Status{"1": hunt.Done, "2": hunt.Done, "3": hunt.Already, "4": hunt.Failed, "99": hunt.Failed, "6": hunt.Failed}
		if diff := cmp.Diff(want, ends(outcomes)); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
		if n := calls(srv, opDeviceAction); n != 1 {
			t.Errorf("%d device actions were called, want one for all", n)
		}
		for id, want := range map[int64]bool{1: true, 2: true, 3: true, 4: false, 5: false} {
			if d, _ := srv.Device(id); d.Quarantined != want {
				t.Errorf("device %d: quarantined is %t, want %t", id, d.Quarantined, want)
			}
		}
		for _, o := range outcomes {
			switch o.Task.Target {
			case "1", "2":
				if string(o.Before) != `{"quarantined":false,"asked":"2000-01-01T00:00:00Z"}` {
					t.Errorf("the state before of device %s is %s", o.Task.Target, o.Before)
				}
			case "3":
				if o.Before != nil {
					t.Errorf("a device that was isolated before has a state to go back to: %s", o.Before)
				}
			case "4":
				expect(t, o, hunt.Failed, "DEREGISTERED")
			case "6":
				if !errors.Is(o.Err, actions.ErrUnknownDevice) {
					t.Errorf("a task without a device failed with %v, want ErrUnknownDevice", o.Err)
				}
			default:
				if !errors.Is(o.Err, cbc.ErrNotFound) {
					t.Errorf("an unknown device failed with %v, want ErrNotFound", o.Err)
				}
			}
		}
	})
}

func TestIsolateWithoutPermission(t *testing.T) {
	t.Parallel()
	for name, permissions := range map[string][]string{
		"to act":  {"device:READ"},
		"to read": {"device.quarantine:EXECUTE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{
					Keys:    []cbctest.Key{{ID: cbctest.KeyID, Secret: cbctest.KeySecret, Permissions: permissions}},
					Devices: []cbctest.Device{{ID: 1, Name: "A"}},
				})
				o := only(t, newIsolate(t, connect(t, srv.Client())).Do(t.Context(), []hunt.Task{deviceTask("isolate", 1)}))
				expect(t, o, hunt.Failed, "403")
				if !errors.Is(o.Err, cbc.ErrForbidden) || !o.Refused || o.Before != nil {
					t.Errorf("outcome = %v with the state before %s, want ErrForbidden, refused, and no state", o.Err, o.Before)
				}
			})
		})
	}
}

func TestIsolateAfterALostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 1, Name: "A"}}})
		srv.Inject(func(r *http.Request) bool {
			return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/device_actions")
		}, 1, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(discard{header: http.Header{}}, r)
				panic(http.ErrAbortHandler)
			})
		})
		expect(t, only(t, newIsolate(t, connect(t, srv.Client())).Do(t.Context(), []hunt.Task{deviceTask("isolate", 1)})), hunt.Done)
	})
}

// discard is an answer that gets lost.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func TestEvidenceOfDeviceActions(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{}).Client())
	for _, c := range []struct {
		given, want hunt.Evidence
		refused     bool
	}{
		{given: hunt.None, want: hunt.Executed},
		{given: hunt.Executed, want: hunt.Executed},
		{given: hunt.Touched, want: hunt.Touched},
		{given: hunt.Named, refused: true},
		{given: hunt.Executed + 1, refused: true},
	} {
		isolate, errIsolate := actions.NewIsolate(client.Devices, c.given)
		move, errMove := actions.NewPolicyMove(client.Devices, cbc.Policy{ID: 1}, c.given)
		if (errIsolate != nil) != c.refused || (errMove != nil) != c.refused {
			t.Errorf("with %v evidence NewIsolate says %v and NewPolicyMove %v; refused should be %t", c.given, errIsolate, errMove, c.refused)
			continue
		}
		if !c.refused && (isolate.Spec().Evidence != c.want || move.Spec().Evidence != c.want) {
			t.Errorf("with %v evidence the actions need %v and %v, want %v", c.given, isolate.Spec().Evidence, move.Spec().Evidence, c.want)
		}
	}
	if _, err := actions.NewIsolate(nil, hunt.Executed); err == nil {
		t.Error("NewIsolate without devices gave no error")
	}
}

// What kills, deletes or bans needs a file that ran, and offers no way around it.
func TestEvidenceThatCannotBeWidened(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{}).Client())
	script, err := actions.NewScript(actions.ScriptConfig{Command: []string{"contain"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []hunt.Action{newLiveResponse(t, client, ""), actions.NewDenylist(client.Reputation), script} {
		if s := a.Spec(); s.Evidence != hunt.Executed {
			t.Errorf("%s needs %v, want executed", s.Name, s.Evidence)
		}
	}
}
