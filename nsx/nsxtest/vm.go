package nsxtest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// VM is a virtual machine in the inventory.
type VM struct {
	// ExternalID is the id that tag calls want. Made up if empty.
	ExternalID string `json:"external_id,omitempty"`
	// Name is what vCenter calls the machine. It need not be unique, nor be the name of the guest.
	Name string `json:"name"`
	// ComputerName is the guest's own name, often with its domain, and OS its operating system. Both are told by VMware
	// Tools; without the first the machine has no guest information.
	ComputerName string `json:"computer_name,omitempty"`
	OS           string `json:"os,omitempty"`
	// Type is "REGULAR" (the default), "EDGE", "SERVICE", "MP", "INTELLIGENCE", "VC_SYSTEM" or "UNKNOWN".
	Type string `json:"type,omitempty"`
	// PowerState is "VM_RUNNING" (the default), "VM_STOPPED", "VM_SUSPENDED" or "UNKNOWN".
	PowerState string `json:"power_state,omitempty"`
	// HostID is the host that it runs on. Made up if empty.
	HostID string `json:"host_id,omitempty"`
	// LocalID is its number on the host. Defaults to its place in the World.
	LocalID string `json:"local_id,omitempty"`
	// InstanceUUID defaults to the external id. BIOSUUID and LocationID are made up if empty.
	InstanceUUID string `json:"instance_uuid,omitempty"`
	BIOSUUID     string `json:"bios_uuid,omitempty"`
	LocationID   string `json:"location_id,omitempty"`
	// ComputeIDs replaces the list made from the ids above.
	ComputeIDs []string `json:"compute_ids,omitempty"`
	// Tags are the tags that it starts with.
	Tags []Tag `json:"tags,omitempty"`
	// TwinHost lists the machine a second time, on that host, as the manager does while it moves; until TwinUntil, or for
	// ever where that is zero.
	TwinHost  string    `json:"twin_host,omitempty"`
	TwinUntil time.Time `json:"twin_until,omitzero"`
	// ListedFrom is when the manager learns of it; before, it is nowhere. New machines take some seconds. Zero is at once.
	ListedFrom time.Time `json:"listed_from,omitzero"`
	// VIFs are its network interfaces.
	VIFs []VIF `json:"vifs,omitempty"`
	// Project and VPC put the machine on the networks of a project, and of a VPC of it.
	Project string `json:"project,omitempty"`
	VPC     string `json:"vpc,omitempty"`
	// Sessions are who is and was logged in.
	Sessions []GuestSession `json:"sessions,omitempty"`
}

// Tag is a pair of scope and tag, each perhaps empty, but not both.
type Tag struct {
	// Scope is the key, at most 128 characters.
	Scope string `json:"scope,omitempty"`
	// Tag is the value, at most 256 characters.
	Tag string `json:"tag,omitempty"`
}

// VIF is a network interface of a virtual machine.
type VIF struct {
	// MAC is the hardware address.
	MAC string `json:"mac,omitempty"`
	// DeviceKey defaults to 4000 and so on.
	DeviceKey string `json:"device_key,omitempty"`
	// LPort is the attachment to a logical port. Without one no firewall rule is enforced on the interface.
	LPort string `json:"lport,omitempty"`
	// IPs are the guest's addresses.
	IPs []string `json:"ips,omitempty"`
}

// machine is a VM as the server keeps it.
type machine struct {
	VM
	synced time.Time
	// history holds the sets of tags, oldest first, the present one last. Groups look at it with a lag.
	history []tagging
}

// tagging is a set of tags since a moment.
type tagging struct {
	since time.Time
	tags  []Tag
}

// tags returns the present tags.
func (m *machine) tags() []Tag { return m.history[len(m.history)-1].tags }

// tagsAt returns the tags that it had at a moment.
func (m *machine) tagsAt(t time.Time) []Tag {
	for _, h := range slices.Backward(m.history) {
		if !h.since.After(t) {
			return h.tags
		}
	}
	return m.history[0].tags
}

// newMachine fills in what a VM leaves out.
func newMachine(vm VM, number int, now time.Time) *machine {
	if vm.ExternalID == "" {
		vm.ExternalID = madeUpID("vm", vm.Name, fmt.Sprint(number))
	}
	or := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	or(&vm.Type, "REGULAR")
	or(&vm.PowerState, "VM_RUNNING")
	or(&vm.HostID, madeUpID("host"))
	or(&vm.LocalID, fmt.Sprint(number+1))
	or(&vm.InstanceUUID, vm.ExternalID)
	or(&vm.BIOSUUID, madeUpID("bios", vm.ExternalID))
	or(&vm.LocationID, madeUpID("location", vm.ExternalID))
	if vm.ComputeIDs == nil {
		vm.ComputeIDs = []string{
			"moIdOnHost:" + vm.LocalID, "hostLocalId:" + vm.LocalID, "instanceUuid:" + vm.InstanceUUID, "externalId:" + vm.ExternalID,
			"biosUuid:" + vm.BIOSUUID, "locationId:" + vm.LocationID,
		}
	}
	vm.VIFs = slices.Clone(vm.VIFs)
	for i := range vm.VIFs {
		or(&vm.VIFs[i].DeviceKey, fmt.Sprint(4000+i))
	}
	return &machine{VM: vm, synced: now, history: []tagging{{tags: slices.Clone(vm.Tags)}}}
}

// wireVM is a machine in a list.
type wireVM struct {
	ResourceType string     `json:"resource_type"`
	DisplayName  string     `json:"display_name"`
	ExternalID   string     `json:"external_id"`
	LocalID      string     `json:"local_id_on_host"`
	HostID       string     `json:"host_id"`
	Type         string     `json:"type"`
	PowerState   string     `json:"power_state"`
	ComputeIDs   []string   `json:"compute_ids"`
	Source       wireSource `json:"source"`
	Guest        *wireGuest `json:"guest_info,omitempty"`
	Tags         []wireTag  `json:"tags,omitempty"`
	Scope        []scopeRow `json:"scope,omitempty"`
	Synced       int64      `json:"_last_sync_time"`
}

// wireSource names the host that reported a machine.
type wireSource struct {
	TargetID    string `json:"target_id"`
	TargetType  string `json:"target_type"`
	DisplayName string `json:"target_display_name"`
	Valid       bool   `json:"is_valid"`
}

// wireGuest is what VMware Tools told.
type wireGuest struct {
	OS           string `json:"os_name"`
	ComputerName string `json:"computer_name"`
}

// wireTag is a tag in an answer. A nil member is left out.
type wireTag struct {
	Scope *string `json:"scope,omitempty"`
	Tag   *string `json:"tag,omitempty"`
}

// wire is the machine as one row, on the given host.
func (m *machine) wire(host string, omitEmpty bool) wireVM {
	row := wireVM{
		ResourceType: "VirtualMachine", DisplayName: m.Name, ExternalID: m.ExternalID, LocalID: m.LocalID, HostID: host,
		Type: m.Type, PowerState: m.PowerState, ComputeIDs: m.ComputeIDs, Synced: m.synced.UnixMilli(),
		Source: wireSource{host, "HostNode", "esx-" + host[:min(len(host), 4)] + ".lab.example", true},
		Tags:   wireTags(m.tags(), omitEmpty),
		Scope:  m.scopes(),
	}
	if m.ComputerName != "" {
		row.Guest = &wireGuest{m.OS, m.ComputerName}
	}
	return row
}

// wireTags spells tags in one of the two ways.
func wireTags(tags []Tag, omitEmpty bool) []wireTag {
	out := make([]wireTag, len(tags))
	for i := range tags {
		t := tags[i]
		if t.Scope != "" || !omitEmpty {
			out[i].Scope = &t.Scope
		}
		if t.Tag != "" || !omitEmpty {
			out[i].Tag = &t.Tag
		}
	}
	return out
}

// rows are the machine's rows in lists: two while it moves.
func (m *machine) rows(now time.Time, omitEmpty bool) []wireVM {
	out := []wireVM{m.wire(m.HostID, omitEmpty)}
	if m.TwinHost != "" && (m.TwinUntil.IsZero() || now.Before(m.TwinUntil)) {
		out = append(out, m.wire(m.TwinHost, omitEmpty))
	}
	return out
}

// madeUpID is a UUID that depends on nothing but its arguments.
func madeUpID(parts ...string) string {
	b := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
