package actions_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

var quarantine = nsx.Tag{Scope: "security", Tag: "quarantine"}

func connectNSX(t testing.TB, srv *nsxtest.Server) *nsx.Client {
	t.Helper()
	client, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, Credentials: nsx.Basic(nsxtest.Username, nsxtest.Password), HTTPClient: srv.Client()})
	if err != nil {
		t.Fatalf("nsx.New: %v", err)
	}
	return client
}

// tagged runs the action on device 7 and returns its outcome and the tags of all machines by external id.
func tagged(t *testing.T, device cbctest.Device, srv *nsxtest.Server) (hunt.Outcome, map[string][]nsxtest.Tag) {
	t.Helper()
	device.ID = 7
	console := cbctest.New(cbctest.World{Devices: []cbctest.Device{device}})
	action, err := actions.NewNSXTag(actions.NSXTagConfig{VMs: connectNSX(t, srv).VirtualMachines, Devices: connect(t, console.Client()).Devices, Tag: quarantine})
	if err != nil {
		t.Fatal(err)
	}
	o := only(t, action.Do(t.Context(), []hunt.Task{deviceTask("nsx_tag", 7)}))
	tags := make(map[string][]nsxtest.Tag)
	for _, vm := range srv.State().VMs {
		tags[vm.ExternalID] = vm.Tags
	}
	return o, tags
}

func TestNSXTagFindsTheMachine(t *testing.T) {
	t.Parallel()
	owner, held := nsxtest.Tag{Scope: "owner", Tag: "finance"}, nsxtest.Tag{Scope: "security", Tag: "quarantine"}
	other := nsxtest.Tag{Scope: "security", Tag: "Quarantine"} // case makes it another tag
	for _, c := range []struct {
		name   string
		device cbctest.Device
		vm     nsxtest.VM
		status hunt.Status
		tags   []nsxtest.Tag
	}{
		{"by DOMAIN\\HOST in another case", cbctest.Device{Name: `CORP\FIN-1`}, nsxtest.VM{ComputerName: "fin-1"}, hunt.Done, []nsxtest.Tag{owner, held}},
		{"by its DNS name", cbctest.Device{Name: "fin-1.corp.example"}, nsxtest.VM{ComputerName: "FIN-1.corp.example"}, hunt.Done, []nsxtest.Tag{owner, held}},
		{"by DOMAIN\\HOST where the guest tells its DNS name", cbctest.Device{Name: `CORP\FIN-1`}, nsxtest.VM{ComputerName: "fin-1.corp.example"}, hunt.Done, []nsxtest.Tag{owner, held}},
		{"by its UUID whatever its name", cbctest.Device{Name: "RENAMED", VMUUID: "4221E0AA-97C4-1B3F-8D52-6F0E13B7A2C8"}, nsxtest.VM{ComputerName: "fin-1", BIOSUUID: "4221e0aa-97c4-1b3f-8d52-6f0e13b7a2c8"}, hunt.Done, []nsxtest.Tag{owner, held}},
		{"by its UUID where its sensor is gone", cbctest.Device{Name: "RENAMED", Status: "DEREGISTERED", VMUUID: "4221E0AA-97C4-1B3F-8D52-6F0E13B7A2C8"}, nsxtest.VM{ComputerName: "fin-1", BIOSUUID: "4221e0aa-97c4-1b3f-8d52-6f0e13b7a2c8"}, hunt.Done, []nsxtest.Tag{owner, held}},
		{"not, by its name alone where its sensor is gone", cbctest.Device{Name: "FIN-1", Status: "DEREGISTERED"}, nsxtest.VM{ComputerName: "fin-1"}, hunt.Failed, []nsxtest.Tag{owner}},
		{"not, by its name where its sensor is gone and its UUID is another's", cbctest.Device{Name: "FIN-1", Status: "UNINSTALLED", DeploymentType: "WORKLOAD", VMUUID: "4221E0AA-97C4-1B3F-8D52-6F0E13B7A2C8"}, nsxtest.VM{ComputerName: "fin-1"}, hunt.Failed, []nsxtest.Tag{owner}},
		{"with the tag already", cbctest.Device{Name: "FIN-1"}, nsxtest.VM{ComputerName: "fin-1", Tags: []nsxtest.Tag{held, owner}}, hunt.Already, []nsxtest.Tag{held, owner}},
		{"with a tag that differs in case", cbctest.Device{Name: "FIN-1"}, nsxtest.VM{ComputerName: "fin-1", Tags: []nsxtest.Tag{other}}, hunt.Done, []nsxtest.Tag{other, held}},
		{"not, for an endpoint that is none", cbctest.Device{Name: "LAP-9"}, nsxtest.VM{ComputerName: "fin-1"}, hunt.Already, []nsxtest.Tag{owner}},
		{"not, for a workload that has to be one", cbctest.Device{Name: "LAP-9", DeploymentType: "WORKLOAD"}, nsxtest.VM{ComputerName: "fin-1"}, hunt.Failed, []nsxtest.Tag{owner}},
		{"not, in another domain", cbctest.Device{Name: "fin-1.lab.example", DeploymentType: "WORKLOAD"}, nsxtest.VM{ComputerName: "fin-1.corp.example"}, hunt.Failed, []nsxtest.Tag{owner}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c.vm.ExternalID, c.vm.Name = "vm-1", "some name"
				if c.vm.Tags == nil {
					c.vm.Tags = []nsxtest.Tag{owner}
				}
				before := slices.Clone(c.vm.Tags)
				srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{c.vm, {Name: "bystander", ComputerName: "bystander", ExternalID: "vm-2"}}})
				o, tags := tagged(t, c.device, srv)
				expect(t, o, c.status)
				byName := func(a, b nsxtest.Tag) bool { return a.Scope+"|"+a.Tag < b.Scope+"|"+b.Tag }
				if diff := cmp.Diff(sorted(c.tags, byName), sorted(tags["vm-1"], byName)); diff != "" {
					t.Errorf("tags mismatch (-want +got):\n%s", diff)
				}
				if len(tags["vm-2"]) != 0 {
					t.Errorf("a bystander was tagged: %v", tags["vm-2"])
				}
				if c.status == hunt.Done {
					want := `{"external_id":"vm-1","name":"some name","tags":[{"scope":"` + before[0].Scope + `","tag":"` + before[0].Tag + `"}],"set":{"scope":"security","tag":"quarantine"}}`
					if string(o.Before) != want {
						t.Errorf("the state before is %s, want %s", o.Before, want)
					}
				} else if o.Before != nil {
					t.Errorf("nothing was changed, and the state before is %s", o.Before)
				}
			})
		})
	}
}

func sorted(tags []nsxtest.Tag, less func(a, b nsxtest.Tag) bool) []nsxtest.Tag {
	tags = slices.Clone(tags)
	slices.SortFunc(tags, func(a, b nsxtest.Tag) int {
		switch {
		case less(a, b):
			return -1
		case less(b, a):
			return 1
		}
		return 0
	})
	return tags
}

func TestNSXTagDoesNotGuess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{
			{ExternalID: "vm-1", Name: "fin", ComputerName: "FIN-1.corp.example"}, {ExternalID: "vm-2", Name: "fin-clone", ComputerName: "fin-1"},
		}})
		o, tags := tagged(t, cbctest.Device{Name: `CORP\FIN-1`}, srv)
		expect(t, o, hunt.Failed, "vm-1", "vm-2")
		if !errors.Is(o.Err, nsx.ErrAmbiguous) || len(tags["vm-1"])+len(tags["vm-2"]) != 0 {
			t.Errorf("error = %v, tags = %v; want ErrAmbiguous and none", o.Err, tags)
		}
	})
}

// The manager's own 404, of a wrong address for instance, must not pass for a machine that is none.
func TestNSXTagTellsAMissingManagerFromAMissingMachine(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusNotFound, http.StatusForbidden} {
		synctest.Test(t, func(t *testing.T) {
			srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{ExternalID: "vm-1", Name: "fin", ComputerName: "FIN-1"}}})
			srv.Inject(nil, -1, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
			})
			o, _ := tagged(t, cbctest.Device{Name: "FIN-1"}, srv)
			expect(t, o, hunt.Failed, "nsx_tag")
		})
	}
}

func TestNSXTagWithoutItsDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{VMs: []nsxtest.VM{{ExternalID: "vm-7", Name: "host-7", ComputerName: "HOST-7"}, {ExternalID: "vm-8", Name: "host-8", ComputerName: "HOST-8"}}})
		console := cbctest.New(cbctest.World{Devices: []cbctest.Device{{ID: 8, Name: "HOST-8"}}})
		action, err := actions.NewNSXTag(actions.NSXTagConfig{VMs: connectNSX(t, srv).VirtualMachines, Devices: connect(t, console.Client()).Devices, Tag: quarantine})
		if err != nil {
			t.Fatal(err)
		}
		got := ends(action.Do(t.Context(), []hunt.Task{deviceTask("nsx_tag", 7), deviceTask("nsx_tag", 8)}))
		if diff := cmp.Diff(map[string]hunt.Status{"7": hunt.Failed, "8": hunt.Done}, got); diff != "" {
			t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestNewNSXTagRefuses(t *testing.T) {
	t.Parallel()
	vms := connectNSX(t, nsxtest.New(nsxtest.World{})).VirtualMachines
	devices := connect(t, cbctest.New(cbctest.World{}).Client()).Devices
	for name, cfg := range map[string]actions.NSXTagConfig{
		"without machines":      {Devices: devices, Tag: quarantine},
		"without devices":       {VMs: vms, Tag: quarantine},
		"without a tag":         {VMs: vms, Devices: devices},
		"with evidence too low": {VMs: vms, Devices: devices, Tag: quarantine, Evidence: hunt.Named},
	} {
		if _, err := actions.NewNSXTag(cfg); err == nil {
			t.Errorf("NewNSXTag %s gave no error", name)
		}
	}
}
