package actions_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestNSXTagUndo(t *testing.T) {
	t.Parallel()
	ours, finance := nsxtest.Tag{Scope: "security", Tag: "quarantine"}, nsxtest.Tag{Scope: "owner", Tag: "finance"}
	machine := func(id string, tags ...nsxtest.Tag) nsxtest.VM {
		return nsxtest.VM{ExternalID: id, Name: "fin", ComputerName: "FIN-1", Tags: tags}
	}
	const before = `{"external_id":"vm-1","name":"fin","tags":[{"scope":"owner","tag":"finance"}],"set":{"scope":"security","tag":"quarantine"}}`
	for _, c := range []struct {
		name   string
		vm     nsxtest.VM
		before string
		status hunt.Status
		detail string
		tags   []nsxtest.Tag
	}{
		{"takes our tag off and no other", machine("vm-1", finance, ours), before, hunt.Undone, "off virtual machine fin (vm-1)", []nsxtest.Tag{finance}},
		{"leaves a machine that has it no more", machine("vm-1", finance), before, hunt.Already, "does not have the tag any more", []nsxtest.Tag{finance}},
		{"leaves a machine that is gone", machine("vm-2", ours), before, hunt.Already, "does not know the virtual machine", []nsxtest.Tag{ours}},
		{
			"leaves a tag that was there before", machine("vm-1", ours),
			`{"external_id":"vm-1","tags":[{"scope":"security","tag":"quarantine"}],"set":{"scope":"security","tag":"quarantine"}}`, hunt.Already, "had the tag before",
			[]nsxtest.Tag{ours},
		},
		{"leaves what nobody recorded", machine("vm-1", ours), "", hunt.Held, "not recorded", []nsxtest.Tag{ours}},
		{"leaves what nobody knows", machine("vm-1", ours), "{}", hunt.Held, "not recorded", []nsxtest.Tag{ours}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{c.vm}})
				console := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "FIN-1"}}})
				// What was set counts, not what is configured by now.
				a, err := actions.NewNSXTag(actions.NSXTagConfig{VMs: connectNSX(t, srv).VirtualMachines, Devices: connect(t, console.Client()).Devices, Tag: nsx.Tag{Tag: "other"}})
				if err != nil {
					t.Fatal(err)
				}
				task := deviceTask("nsx_tag", 7)
				task.Undo, task.Before = true, []byte(c.before)
				has := func() []nsxtest.Tag { return srv.State().VMs[0].Tags }
				o := takeBack(t, a, task, func() bool { return !slices.Equal(has(), c.vm.Tags) })
				expect(t, o, c.status, c.detail)
				if !slices.Equal(has(), c.tags) {
					t.Errorf("tags = %v, want %v", has(), c.tags)
				}
			})
		})
	}
}

func TestNSXTagThereAndBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{ExternalID: "vm-1", Name: "fin", ComputerName: "FIN-1"}}})
		console := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "FIN-1"}}})
		a, err := actions.NewNSXTag(actions.NSXTagConfig{VMs: connectNSX(t, srv).VirtualMachines, Devices: connect(t, console.Client()).Devices, Tag: quarantine})
		if err != nil {
			t.Fatal(err)
		}
		task := planTask(t, a, deviceTask("nsx_tag", 7))
		asked := len(console.Requests())
		tagged := only(t, a.Do(t.Context(), []hunt.Task{task}))
		expect(t, tagged, hunt.Done, "tagged virtual machine fin (vm-1)")
		if n := len(console.Requests()) - asked; n != 0 {
			t.Errorf("Do read the device again: %d calls", n)
		}
		expect(t, takeBack(t, a, undoOf(tagged), never), hunt.Undone)
		if tags := srv.State().VMs[0].Tags; len(tags) != 0 {
			t.Errorf("tags = %v, want none", tags)
		}
	})
}

func TestNSXTagRefused(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{http.StatusForbidden: true, http.StatusUnauthorized: false, http.StatusServiceUnavailable: false} {
		synctest.Test(t, func(t *testing.T) {
			srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{ExternalID: "vm-1", Name: "fin", ComputerName: "FIN-1"}}})
			srv.Inject(func(r *http.Request) bool { return r.URL.Query().Get("action") == "add_tags" }, -1, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			})
			o, _ := tagged(t, cbctest.Device{Name: "FIN-1"}, srv)
			expect(t, o, hunt.Failed)
			if o.Refused != want {
				t.Errorf("status %d: Refused = %t, want %t", status, o.Refused, want)
			}
		})
	}
}
