package nsx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

const opFind = "virtual_machines.find"

// Find returns the one machine that is the host. It compares, in this order, and stops at the first way in which any machine fits:
//
//  1. the UUIDs with the external id, the instance UUID and the BIOS UUID of the machine;
//  2. the name with what the guest calls itself, in full;
//  3. the first labels of both, unless both have a domain and they differ;
//  4. the name with the display name, in full;
//  5. the first labels of both;
//  6. a name of the form DOMAIN\HOST with HOST of 15 characters, which is where Windows cuts names off, with the beginning of what
//     the guest calls itself, unless that is in another domain.
//
// If several machines fit it returns an [*AmbiguousError] that lists them, and never goes on to the next way. If none does it
// returns [ErrNotFound]. Case does not count. Only machines of the type [Regular] are looked at.
//
// A display name says what a machine was meant to be, its guest what it is. In 4 and 5 a machine whose guest calls itself
// something else is an [*AmbiguousError] too, with one candidate. A name that tells nothing, such as localhost, is an
// [ErrAmbiguous].
//
// The machines are listed once for all searches within [Config.CacheFor]. What is returned was read after that.
//
// It needs the right to read the inventory.
//
//api:op GET /api/v1/fabric/virtual-machines
func (v *VirtualMachines) Find(ctx context.Context, host Host) (VirtualMachine, error) {
	return v.inventory.find(ctx, host)
}

func (i *inventory) find(ctx context.Context, host Host) (VirtualMachine, error) {
	want := wanted{host: host, name: parseName(host.Name)}
	for _, id := range host.UUIDs {
		if key := uuidKey(id); key != "" {
			want.uuids = append(want.uuids, key)
		}
	}
	if len(want.uuids) == 0 && !want.name.usable() {
		if host.Name == "" && len(host.UUIDs) == 0 {
			return VirtualMachine{}, fmt.Errorf("nsx: %s: neither a name nor a UUID", opFind)
		}
		return VirtualMachine{}, fmt.Errorf("nsx: %s: %s tells no machine from another: %w", opFind, host, ErrAmbiguous)
	}
	// A second time if the machine changed between the listing and the reading.
	for range 2 {
		all, err := i.machines(ctx)
		if err != nil {
			return VirtualMachine{}, err
		}
		found, err := want.in(all)
		if err != nil {
			return VirtualMachine{}, err
		}
		vm, err := i.get(ctx, opFind, found.ExternalID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return VirtualMachine{}, err
		}
		if err == nil {
			if _, err := want.in([]candidate{candidateOf(vm)}); err == nil {
				return vm, nil
			}
		}
		i.forget() // it is gone or has been renamed
	}
	return VirtualMachine{}, fmt.Errorf("nsx: %s: the virtual machine of %s changes while it is looked for: %w", opFind, host, ErrNotFound)
}

// wanted is a host that is looked for.
type wanted struct {
	host  Host
	name  name
	uuids []string
}

// candidate is a machine with its names taken apart.
type candidate struct {
	vm      VirtualMachine
	guest   name
	display name
}

func candidateOf(vm VirtualMachine) candidate {
	return candidate{vm: vm, guest: parseName(vm.ComputerName), display: parseName(vm.DisplayName)}
}

// in picks the machine out of all.
func (w wanted) in(all []candidate) (VirtualMachine, error) {
	for _, tier := range []struct {
		by    string
		fits  func(candidate) bool
		typed bool // by a name that somebody typed, which the guest may contradict
	}{
		{"UUID", w.byUUID, false},
		{"computer name", w.byGuest, false},
		{"the first label of the computer name", w.byGuestLabel, false},
		{"display name", w.byDisplay, true},
		{"the first label of the display name", w.byDisplayLabel, true},
		{"the first 15 characters of the computer name", w.byCutOff, false},
	} {
		var fit []VirtualMachine
		doubtful := false
		for _, c := range all {
			if tier.fits(c) {
				fit = append(fit, c.vm)
				doubtful = doubtful || tier.typed && w.contradicted(c)
			}
		}
		switch {
		case len(fit) == 1 && !doubtful:
			return fit[0], nil
		case len(fit) > 0:
			return VirtualMachine{}, &AmbiguousError{Op: opFind, Host: w.host, By: tier.by, Candidates: fit}
		}
	}
	return VirtualMachine{}, fmt.Errorf("nsx: %s: no virtual machine fits %s: %w", opFind, w.host, ErrNotFound)
}

func (w wanted) byUUID(c candidate) bool {
	return slices.ContainsFunc([]string{string(c.vm.ExternalID), c.vm.ComputeID("instanceUuid"), c.vm.ComputeID("biosUuid")}, func(id string) bool {
		key := uuidKey(id)
		return key != "" && slices.Contains(w.uuids, key)
	})
}

// byGuest is for names with a domain. One without says no more than its first label: a machine that bears it alone is no better
// than one that bears it with a domain.
func (w wanted) byGuest(c candidate) bool {
	return w.name.usable() && w.name.domain() != "" && strings.EqualFold(w.name.full, c.guest.full)
}

func (w wanted) byGuestLabel(c candidate) bool {
	return w.name.usable() && w.name.sameShort(c.guest)
}

func (w wanted) byDisplay(c candidate) bool {
	return w.name.usable() && strings.EqualFold(w.name.full, strings.TrimSpace(c.vm.DisplayName))
}

func (w wanted) byDisplayLabel(c candidate) bool {
	return w.name.usable() && w.name.sameShort(c.display)
}

func (w wanted) byCutOff(c candidate) bool {
	return w.name.usable() && w.name.cutOff(c.guest)
}

// contradicted tells whether the guest says that it is another machine.
func (w wanted) contradicted(c candidate) bool {
	return c.guest.usable() && !w.name.sameShort(c.guest) && !w.name.cutOff(c.guest)
}

// inventory is the listing that searches share.
type inventory struct {
	list     func(ctx context.Context, op string) iter.Seq2[VirtualMachine, error]
	get      func(ctx context.Context, op string, id ExternalID) (VirtualMachine, error)
	cacheFor time.Duration
	turn     chan struct{} // whoever holds it lists

	mu   sync.Mutex
	all  []candidate
	read time.Time
}

func newInventory(c *core) *inventory {
	list := func(ctx context.Context, op string) iter.Seq2[VirtualMachine, error] {
		return c.rows(ctx, op, VMQuery{})
	}
	return &inventory{list: list, get: c.get, cacheFor: c.cacheFor, turn: make(chan struct{}, 1)}
}

// machines returns those that can be meant. One caller lists, the others wait for it.
func (i *inventory) machines(ctx context.Context) ([]candidate, error) {
	if all, ok := i.fresh(); ok {
		return all, nil
	}
	select {
	case i.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("nsx: %s: %w", opFind, ctx.Err())
	}
	defer func() { <-i.turn }()
	if all, ok := i.fresh(); ok {
		return all, nil
	}
	var list machines
	for vm, err := range i.list(ctx, opFind) {
		if err != nil {
			return nil, err
		}
		list.add(vm)
	}
	all := make([]candidate, 0, len(list.list))
	for _, vm := range list.list {
		if vm.Type == "" || strings.EqualFold(string(vm.Type), string(Regular)) {
			all = append(all, candidateOf(vm))
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.all, i.read = all, time.Now()
	return all, nil
}

func (i *inventory) fresh() ([]candidate, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.all, i.all != nil && time.Since(i.read) < i.cacheFor
}

func (i *inventory) forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.all = nil
}
