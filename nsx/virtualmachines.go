package nsx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/internal/rest"
)

const routeVMs = "/api/v1/fabric/virtual-machines"

// VirtualMachines finds machines and tags them. It is safe for concurrent use.
type VirtualMachines struct {
	core      *core
	inventory *inventory
}

// VMQuery chooses machines. All that is set must fit. The zero value is all machines.
type VMQuery struct {
	// DisplayName is the whole name; case does not count.
	DisplayName string
	// ExternalID is the id; case does not count.
	ExternalID ExternalID
	// HostID is the host that reports the machine.
	HostID string
	// ExcludeTypes leaves out machines of these kinds.
	ExcludeTypes []VMType
	// PageSize is how many machines the manager sends at a time, at most 1000. Defaults to the manager's own, 1000.
	PageSize int
}

// List returns the machines that fit, each once: while one moves to another host, the manager lists it twice. They come page by
// page; the sequence asks for no page before it is needed and ends with its first error.
//
// It needs the right to read the inventory.
//
//api:op GET /api/v1/fabric/virtual-machines
func (v *VirtualMachines) List(ctx context.Context, q VMQuery) iter.Seq2[VirtualMachine, error] {
	return once(v.core.rows(ctx, "virtual_machines.list", q))
}

// once leaves out the machines that came before.
func once(all iter.Seq2[VirtualMachine, error]) iter.Seq2[VirtualMachine, error] {
	return func(yield func(VirtualMachine, error) bool) {
		seen := make(map[ExternalID]bool)
		for vm, err := range all {
			if err != nil {
				yield(VirtualMachine{}, err)
				return
			}
			if key := folded(vm.ExternalID); !seen[key] {
				seen[key] = true
				if !yield(vm, nil) {
					return
				}
			}
		}
	}
}

// Get returns one machine as it is now. It returns [ErrNotFound] if there is none of that id.
//
// It needs the right to read the inventory.
//
//api:op GET /api/v1/fabric/virtual-machines
func (v *VirtualMachines) Get(ctx context.Context, id ExternalID) (VirtualMachine, error) {
	return v.core.get(ctx, "virtual_machines.get", id)
}

func (c *core) get(ctx context.Context, op string, id ExternalID) (VirtualMachine, error) {
	if err := checkID(id); err != nil {
		return VirtualMachine{}, fmt.Errorf("nsx: %s: %w", op, err)
	}
	return pick(op, id, c.rows(ctx, op, VMQuery{ExternalID: id}))
}

// pick returns the machine of an id, as the inventory saw it last.
func pick(op string, id ExternalID, all iter.Seq2[VirtualMachine, error]) (VirtualMachine, error) {
	var found machines
	for vm, err := range all {
		if err != nil {
			return VirtualMachine{}, err
		}
		if folded(vm.ExternalID) == folded(id) {
			found.add(vm)
		}
	}
	if len(found.list) == 0 {
		return VirtualMachine{}, fmt.Errorf("nsx: %s: no virtual machine has the id %s: %w", op, quoted(string(id)), ErrNotFound)
	}
	return found.list[0], nil
}

func checkID(id ExternalID) error {
	if strings.TrimSpace(string(id)) == "" {
		return errors.New("the external id is empty")
	}
	return nil
}

func folded(id ExternalID) ExternalID { return ExternalID(strings.ToLower(string(id))) }

// rows are the machines that fit as the manager lists them, which can be the same one twice. How it compares names is not
// documented, so what it sends is looked at again.
func (c *core) rows(ctx context.Context, op string, q VMQuery) iter.Seq2[VirtualMachine, error] {
	call := rest.Call{Op: op, Route: routeVMs, Query: setNonEmpty(url.Values{},
		"display_name", q.DisplayName, "external_id", string(q.ExternalID), "host_id", q.HostID)}
	if len(q.ExcludeTypes) > 0 {
		names := make([]string, len(q.ExcludeTypes))
		for i, kind := range q.ExcludeTypes {
			names[i] = string(kind)
		}
		call.Query.Set("exclude_vm_type", strings.Join(names, ","))
	}
	how := vmPaging(q.PageSize)
	how.last = endsWithZeros
	return func(yield func(VirtualMachine, error) bool) {
		for vm, err := range rows(ctx, c, call, how) {
			if (err != nil || q.fits(vm)) && !yield(vm, err) {
				return
			}
		}
	}
}

// vmPaging is what all lists of machines share.
func vmPaging(size int) paging[VirtualMachine] {
	return paging[VirtualMachine]{
		what: "a virtual machine", valid: func(vm VirtualMachine) bool { return vm.ExternalID != "" }, size: size,
	}
}

func (q VMQuery) fits(vm VirtualMachine) bool {
	return (q.DisplayName == "" || strings.EqualFold(q.DisplayName, vm.DisplayName)) &&
		(q.ExternalID == "" || folded(q.ExternalID) == folded(vm.ExternalID)) &&
		(q.HostID == "" || strings.EqualFold(q.HostID, vm.HostID)) &&
		!slices.Contains(q.ExcludeTypes, vm.Type)
}

// machines collects rows, each machine once, as the inventory saw it last.
type machines struct {
	list  []VirtualMachine
	index map[ExternalID]int
}

func (m *machines) add(vm VirtualMachine) {
	if m.index == nil {
		m.index = make(map[ExternalID]int)
	}
	key := folded(vm.ExternalID)
	if i, ok := m.index[key]; ok {
		if vm.LastSync.After(m.list[i].LastSync) {
			m.list[i] = vm
		}
		return
	}
	m.index[key] = len(m.list)
	m.list = append(m.list, vm)
}
