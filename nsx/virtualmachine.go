package nsx

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ExternalID is the id of a machine that the calls for tags take. It cannot be computed from other ids: read it.
type ExternalID string

// VMType is the kind of a machine. Unknown kinds are kept as they come.
type VMType string

// Regular is what people run. All other kinds are the infrastructure itself.
const (
	Regular      VMType = "REGULAR"
	Edge         VMType = "EDGE"
	Service      VMType = "SERVICE"
	Manager      VMType = "MP"
	Intelligence VMType = "INTELLIGENCE"
	VCSystem     VMType = "VC_SYSTEM"
)

// VirtualMachine is a machine in the inventory. What the vendor leaves out is empty.
type VirtualMachine struct {
	ExternalID ExternalID
	// DisplayName is the name in vCenter, which an administrator typed. Several machines may have it.
	DisplayName string
	// ComputeIDs are further ids, each "key:value". See [VirtualMachine.ComputeID].
	ComputeIDs []string
	// LocalIDOnHost is the id on the ESXi host.
	LocalIDOnHost string
	// HostID is the host that reported the machine.
	HostID string
	// HostName is the name of that host.
	HostName   string
	Type       VMType
	PowerState string
	// ComputerName is what the guest calls itself, and OSName its system. Both need VMware Tools in the guest.
	ComputerName string
	OSName       string
	Description  string
	// Tags are all of them, also those that NSX made itself.
	Tags []Tag
	// Owners are the project and the VPC that the machine belongs to, if it does and the manager tells. See
	// [VirtualMachines.Owners].
	Owners []Owner
	// LastSync is when the inventory saw the machine last, in UTC; zero if unknown.
	LastSync time.Time
}

// ComputeID returns the value of one of the further ids, such as "instanceUuid" or "biosUuid"; empty if the machine has none.
func (vm VirtualMachine) ComputeID(key string) string {
	for _, id := range vm.ComputeIDs {
		if k, v, ok := strings.Cut(id, ":"); ok && strings.EqualFold(k, key) {
			return v
		}
	}
	return ""
}

// HasTag tells whether the machine has a tag, with this scope, value and case.
func (vm VirtualMachine) HasTag(t Tag) bool { return slices.Contains(vm.Tags, t) }

// wireVM is the vendor's form. Members can be missing or null.
type wireVM struct {
	ExternalID    ExternalID `json:"external_id"`
	DisplayName   string     `json:"display_name"`
	ComputeIDs    []string   `json:"compute_ids"`
	LocalIDOnHost string     `json:"local_id_on_host"`
	HostID        string     `json:"host_id"`
	Source        struct {
		Name string `json:"target_display_name"`
	} `json:"source"`
	Type       VMType `json:"type"`
	PowerState string `json:"power_state"`
	Guest      struct {
		ComputerName string `json:"computer_name"`
		OSName       string `json:"os_name"`
	} `json:"guest_info"`
	Description string         `json:"description"`
	Tags        []Tag          `json:"tags"`
	Owners      []wireOwner    `json:"scope"`
	LastSync    jsontext.Value `json:"_last_sync_time"`
}

// UnmarshalJSON reads the vendor's form.
func (vm *VirtualMachine) UnmarshalJSON(raw []byte) error {
	var w wireVM
	if err := json.Unmarshal(raw, &w, jsontext.AllowInvalidUTF8(true)); err != nil {
		return err
	}
	*vm = VirtualMachine{
		ExternalID: w.ExternalID, DisplayName: w.DisplayName, ComputeIDs: w.ComputeIDs, LocalIDOnHost: w.LocalIDOnHost,
		HostID: w.HostID, HostName: w.Source.Name, Type: w.Type, PowerState: w.PowerState,
		ComputerName: w.Guest.ComputerName, OSName: w.Guest.OSName, Description: w.Description,
		// A tag of nothing cannot be; it would be one if an empty object slipped in.
		Tags:     slices.DeleteFunc(w.Tags, func(t Tag) bool { return t == Tag{} }),
		LastSync: milliseconds(w.LastSync),
	}
	for _, o := range w.Owners {
		vm.Owners = append(vm.Owners, Owner(o))
	}
	return nil
}

// milliseconds reads a time of the vendor, which is a number of milliseconds. Anything else is no time.
func milliseconds(v jsontext.Value) time.Time {
	var ms float64
	if v.Kind() != '0' || json.Unmarshal(v, &ms) != nil || ms <= 0 || ms > math.MaxInt64/2 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}
