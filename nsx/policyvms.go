package nsx

import (
	"context"
	"fmt"
	"iter"
	"strconv"
)

// PolicyVMs finds and tags the machines of one [Space] through the Policy API. Where the manager API is at hand,
// [Client.VirtualMachines] does both better: it can ask for one machine, and add a tag without replacing the others. This one is
// for projects and for VMware Cloud, where there is nothing else. It is safe for concurrent use.
type PolicyVMs struct {
	at        place
	inventory *inventory
}

func newPolicyVMs(at place) *PolicyVMs {
	v := &PolicyVMs{at: at}
	v.inventory = &inventory{list: v.rows, get: v.get, cacheFor: at.core.cacheFor, turn: make(chan struct{}, 1)}
	return v
}

// List returns all machines of the space, each once. They come page by page; the sequence asks for no page before it is needed and
// ends with its first error.
//
// The manager sends a thousand at a time, and often tells neither how many there are nor how to go on. The list goes on until a page
// is empty, in the order of the ids, since without an order pages overlap and leave gaps.
//
// It needs the right to read the inventory.
//
//api:op GET /policy/api/v1/infra/realized-state/virtual-machines
func (v *PolicyVMs) List(ctx context.Context) iter.Seq2[VirtualMachine, error] {
	return once(v.rows(ctx, "policy.virtual_machines.list"))
}

// Get returns one machine as it is now. It returns [ErrNotFound] if the space has none of that id. The Policy API cannot be asked for
// one machine, so this reads the list.
//
// It needs the right to read the inventory.
//
//api:op GET /policy/api/v1/infra/realized-state/virtual-machines
func (v *PolicyVMs) Get(ctx context.Context, id ExternalID) (VirtualMachine, error) {
	return v.get(ctx, "policy.virtual_machines.get", id)
}

// Find returns the one machine of the space that is the host. It compares as [VirtualMachines.Find] does.
//
// It needs the right to read the inventory.
//
//api:op GET /policy/api/v1/infra/realized-state/virtual-machines
func (v *PolicyVMs) Find(ctx context.Context, host Host) (VirtualMachine, error) {
	return v.inventory.find(ctx, host)
}

func (v *PolicyVMs) get(ctx context.Context, op string, id ExternalID) (VirtualMachine, error) {
	if err := checkID(id); err != nil {
		return VirtualMachine{}, fmt.Errorf("nsx: %s: %w", op, err)
	}
	return pick(op, id, v.rows(ctx, op))
}

// rows reads the list. What the vendor's schema says of its paging holds for some releases only: most send no cursor and no count,
// yet go on after the rows that a cursor counts.
func (v *PolicyVMs) rows(ctx context.Context, op string) iter.Seq2[VirtualMachine, error] {
	return func(yield func(VirtualMachine, error) bool) {
		call := v.at.call(op, "/realized-state/virtual-machines")
		call.Query = v.at.realized("sort_by", "external_id", "sort_ascending", "true")
		used := make(map[string]bool)
		seen := make(map[ExternalID]bool)
		cursor, read, told := "", 0, false // told: the manager sends cursors of its own
		for {
			p, err := onePage(ctx, v.at.core, call, vmPaging(0), cursor)
			if err != nil {
				yield(VirtualMachine{}, err)
				return
			}
			known := len(seen)
			for _, vm := range p.Results {
				seen[folded(vm.ExternalID)] = true
			}
			told = told || p.Cursor != ""
			if !told && read > 0 && len(p.Results) > 0 && len(seen) == known {
				// It does not go on after a number: this is the first page again. That is all there is unless it was full.
				if read >= maxPageSize {
					yield(VirtualMachine{}, odd(op, "the manager sent the same machines again: the list is not complete"))
				}
				return
			}
			for _, vm := range p.Results {
				if !yield(vm, nil) {
					return
				}
			}
			read += len(p.Results)
			used[cursor] = true
			switch {
			case len(p.Results) == 0, told && p.Cursor == "", !told && p.Count != nil && read >= *p.Count:
				return
			case told:
				cursor = p.Cursor
			default:
				cursor = strconv.Itoa(read)
			}
			if used[cursor] {
				yield(VirtualMachine{}, odd(op, "the manager sent a cursor for the second time: the list is not complete"))
				return
			}
		}
	}
}
