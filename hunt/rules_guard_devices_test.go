package hunt_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/cbchunt"
)

const (
	otherVM  = "50217c3e-0000-9a60-2f77-c1d20e8a5b94"
	otherPID = 81
	otherAt  = `C:\Users\bob\invoice.exe`
)

// twoRanIt is the plain world in which the invoice ran on the second device as well, a virtual machine like the first.
func twoRanIt() world {
	w := plainWorld()
	w.cbc.Devices[1].DeploymentType = "WORKLOAD"
	w.cbc.Devices[1].Running = []cbctest.RunningProcess{{PID: otherPID, Path: strings.ToLower(otherAt)}, {PID: 80, Path: `c:\outlook.exe`}}
	w.cbc.Devices[1].Files = []cbctest.File{{Path: otherAt, Content: string(invoice)}}
	w.cbc.Processes[1] = ran(savedIt, otherPID, otherAt, invoice)
	w.nsx.VMs[1].ExternalID = otherVM
	return w
}

// to is everything that is done to a device on which the invoice ran, but for what tells of it.
func to(device, pid int64, path, vm string) []string {
	return []string{
		fmt.Sprintf("QUARANTINE %d", device), fmt.Sprintf("UPDATE_POLICY %d", device), "TAG " + vm,
		fmt.Sprintf("kill %d on %d", pid, device), fmt.Sprintf("delete file %s on %d", strings.ToLower(path), device),
	}
}

// told is what tells of the invoice, which ran on two devices.
func told() []string {
	return []string{
		"REPORT " + invoice.sha(), fmt.Sprintf("POST executed %s on %d", invoice.sha(), ranIt), fmt.Sprintf("POST executed %s on %d", invoice.sha(), savedIt),
	}
}

// wantChanges compares what the services were made to do.
func (o *office) wantChanges(t *testing.T, want ...[]string) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(slices.Values(slices.Concat(want...))), o.changes(t)); diff != "" {
		t.Errorf("changes mismatch (-want +got):\n%s", diff)
	}
}

// marks is a script that leaves a file named after the device.
func marks(dir string) []string {
	return []string{os.Args[0], "-test.run=^TestArguments$", "--", filepath.Join(dir, "mark-{device_id}")}
}

// wantMarks compares on which devices the script was run.
func wantMarks(t *testing.T, dir string, devices ...int) {
	t.Helper()
	for _, id := range []int{ranIt, savedIt, innocent} {
		_, err := os.Stat(filepath.Join(dir, fmt.Sprint("mark-", id)))
		if ran := err == nil; ran != slices.Contains(devices, id) {
			t.Errorf("the script was run on device %d: %t", id, ran)
		}
	}
}

var withScript = []string{"watchlist", "webhook", "script", "live_response", "isolate", "policy", "denylist", "nsx_tag"}

func TestRule7ProtectedDeviceIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, twoRanIt())
		_, console, _ := o.clients(t, crew{})
		guard, err := cbchunt.NewProtectDevices(cbchunt.ProtectDevicesConfig{Devices: console.Devices, Names: []string{"fin-1"}})
		if err != nil {
			t.Fatal(err)
		}
		r := o.run(t, crew{actions: withScript, command: marks(dir), guards: []hunt.Guard{guard}})
		o.wantChanges(t, told(), []string{"BAN " + invoice.sha()}, to(savedIt, otherPID, otherAt, otherVM))
		wantMarks(t, dir, savedIt)
		held := 0
		for _, outcome := range r.Outcomes {
			if outcome.Status != hunt.Held {
				continue
			}
			held++
			if d, _ := outcome.Task.Device(); d.ID != ranIt || outcome.Detail != `CORP\FIN-1 is protected: its name fits fin-1` {
				t.Errorf("%s is held: %s", outcome.Task, outcome.Detail)
			}
		}
		if held != 5 {
			t.Errorf("%d tasks are held, want the script, the kill, the isolation, the policy and the tag", held)
		}
	})
}

func TestRule7NobodyKnowsWhoIsProtected(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, twoRanIt())
		_, console, _ := o.clients(t, crew{})
		guard, err := cbchunt.NewProtectDevices(cbchunt.ProtectDevicesConfig{Devices: console.Devices})
		if err != nil {
			t.Fatal(err)
		}
		search := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/devices/_search") }
		o.cbc.Inject(search, 1, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
		})
		c := crew{actions: withScript, command: marks(dir), guards: []hunt.Guard{guard}}
		r, err := o.hunter(t, c).Run(t.Context(), o.window)
		if err == nil || !strings.Contains(err.Error(), "the permission device (READ)") {
			t.Errorf("Run = %v, want the permission that is missing", err)
		}
		o.wantChanges(t, told())
		wantMarks(t, dir)
		if got := r.Count(hunt.Held); got != 2*5+1 {
			t.Errorf("%d tasks are held, want all that do more than tell", got)
		}
		o.run(t, c) // nothing of it was a person's affair
		o.wantChanges(t, told(), []string{"BAN " + invoice.sha()}, to(ranIt, invoicePID, invoiceAt, vmID), to(savedIt, otherPID, otherAt, otherVM))
		wantMarks(t, dir, ranIt, savedIt)
	})
}

func TestRule7TrustedFileIsNotDestroyed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world){
		"by its reputation": func(w *world) { w.cbc.Processes[0].Reputation = "TRUSTED_WHITE_LIST" },
		"by the organization": func(w *world) {
			w.cbc.Overrides = []cbctest.Override{{SHA256: invoice.sha(), List: "WHITE_LIST"}}
		},
		"by its signer": func(w *world) {
			w.cbc.Binaries = []cbctest.Binary{{SHA256: invoice.sha(), Signatures: []cbctest.BinarySignature{{SignedBy: "Microsoft Corporation"}}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				w := twoRanIt()
				change(&w)
				o := newOffice(t, w)
				_, console, _ := o.clients(t, crew{})
				guard, err := cbchunt.NewTrustedFiles(cbchunt.TrustedFilesConfig{Overrides: console.Reputation, Binaries: console.Binaries})
				if err != nil {
					t.Fatal(err)
				}
				r := o.run(t, crew{actions: withScript, command: marks(dir), guards: []hunt.Guard{guard}})
				o.wantChanges(t, told(), to(ranIt, 0, "", vmID)[:3], to(savedIt, 0, "", otherVM)[:3]) // cut off, moved and tagged
				wantMarks(t, dir)
				if got := r.Count(hunt.Held); got != 2*2+1 {
					t.Errorf("%d tasks are held, want the scripts, the kills and the ban", got)
				}
			})
		})
	}
}

// The file comes to a second device after the first was dealt with.
func TestRule7CeilingCountsWhatEarlierRunsDid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := twoRanIt()
		later := w.cbc.Processes[1]
		w.cbc.Processes = slices.Delete(w.cbc.Processes, 1, 2)
		o := newOffice(t, w)
		c := crew{actions: []string{"live_response", "isolate", "denylist"}, guards: []hunt.Guard{hunt.Ceilings{DevicesPerHash: 1}}}
		o.run(t, c)
		done := [][]string{{"BAN " + invoice.sha(), fmt.Sprintf("QUARANTINE %d", ranIt)}, to(ranIt, invoicePID, invoiceAt, vmID)[3:]}
		o.wantChanges(t, done...)
		o.cbc.AddProcesses(later)
		r := o.run(t, c)
		o.wantChanges(t, done...)
		want := map[string]hunt.Status{
			"isolate 7": hunt.Already, "live_response 7": hunt.Already, "denylist 0": hunt.Already, "isolate 8": hunt.Held, "live_response 8": hunt.Held,
		}
		got := make(map[string]hunt.Status)
		for _, outcome := range r.Outcomes {
			d, _ := outcome.Task.Device()
			got[fmt.Sprint(outcome.Task.Action, " ", d.ID)] = outcome.Status
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
	})
}
