package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/nsx"
)

// VMTagger finds virtual machines and tags them. *nsx.VirtualMachines is one.
type VMTagger interface {
	Find(ctx context.Context, host nsx.Host) (nsx.VirtualMachine, error)
	Get(ctx context.Context, id nsx.ExternalID) (nsx.VirtualMachine, error)
	AddTags(ctx context.Context, id nsx.ExternalID, tags ...nsx.Tag) error
	RemoveTags(ctx context.Context, id nsx.ExternalID, tags ...nsx.Tag) error
}

// NSXTagConfig wires the action. VMs, Devices and Tag are required.
type NSXTagConfig struct {
	VMs VMTagger
	// Devices tell what CBC knows of the machine beyond its name.
	Devices DeviceLister
	Tag     nsx.Tag
	// Evidence is the least that is needed: hunt.Executed, which is the default, or hunt.Touched.
	Evidence hunt.Evidence
}

// NewNSXTag tags the virtual machines of devices on which a condemned file was seen. The other tags of a machine stay. A machine is
// found by what CBC tells of it, see [nsx.VirtualMachines.Find]; several that fit are a failure that names them, never a guess. A
// device that CBC calls an endpoint and that NSX does not know is no virtual machine: there is nothing to do. One without a sensor is
// found by its UUID alone, since another machine may have its name by now.
//
// It needs device (READ) in CBC and the right to tag virtual machines in NSX. A tag isolates nothing by itself: a group and a rule of
// the distributed firewall have to use it.
//
// Undo takes the tag off the machine that got it, and leaves the others: a tag that was there before stays. That somebody else has set
// the same tag since cannot be seen.
func NewNSXTag(cfg NSXTagConfig) (hunt.Action, error) {
	spec, err := deviceSpec("nsx_tag", cfg.Evidence, "the tag can be taken off")
	if err != nil {
		return nil, err
	}
	if cfg.VMs == nil || cfg.Devices == nil || cfg.Tag == (nsx.Tag{}) {
		return nil, errors.New("actions: nsx_tag: VMs, Devices and Tag are required")
	}
	return &nsxTag{spec: spec, cfg: cfg}, nil
}

type nsxTag struct {
	spec hunt.Spec
	cfg  NSXTagConfig
}

// nsxBefore is the state before, and the tag that is set.
type nsxBefore struct {
	ExternalID nsx.ExternalID `json:"external_id"`
	Name       string         `json:"name"`
	Tags       []nsx.Tag      `json:"tags"`
	Set        nsx.Tag        `json:"set"`
}

// Spec implements [hunt.Action].
func (a *nsxTag) Spec() hunt.Spec { return a.spec }

// Look implements [hunt.Looker].
func (a *nsxTag) Look(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	back, forth := backwards(tasks)
	states, err := readDevices(ctx, a.cfg.Devices, forth)
	problem := problems(err)
	outcomes := each(ctx, forth, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		d, ok := states[t.Target]
		if !ok {
			return failed(t, fmt.Errorf("actions: nsx_tag: %w", cmp.Or(problem(t), ErrUnknownDevice)))
		}
		return a.find(ctx, t, d)
	})
	return append(outcomes, each(ctx, back, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		if o, ok := a.weigh(ctx, t, new(nsxBefore)); !ok {
			return o
		}
		return hunt.Outcome{Task: t, Status: hunt.Planned, Detail: "the tag would be taken off"}
	})...)
}

func (a *nsxTag) find(ctx context.Context, t hunt.Task, d cbc.Device) hunt.Outcome {
	host := nsx.Host{Name: d.Name}
	if d.VMUUID != "" {
		host.UUIDs = []string{d.VMUUID}
	}
	if err := gone(d); err != nil { // another machine may have its name by now
		if host.Name = ""; len(host.UUIDs) == 0 {
			return failed(t, fmt.Errorf("actions: nsx_tag: no more than the name of the machine is known, which another one may have by now: %w", err))
		}
	}
	vm, err := a.cfg.VMs.Find(ctx, host)
	// A 404 of the manager itself, for a wrong address for instance, says nothing about the machine.
	if _, answered := errors.AsType[*nsx.APIError](err); errors.Is(err, nsx.ErrNotFound) && !answered && d.DeploymentType == "ENDPOINT" {
		o := already(t, "no virtual machine that NSX knows: nothing to tag")
		o.Again = true // the machine may come into the inventory later
		return o
	}
	if err != nil {
		return failed(t, fmt.Errorf("actions: nsx_tag: %w", err))
	}
	if slices.Contains(vm.Tags, a.cfg.Tag) {
		return already(t, fmt.Sprintf("virtual machine %s has the tag already", vm.DisplayName))
	}
	tags := append([]nsx.Tag{}, vm.Tags...) // never null
	slices.SortFunc(tags, func(x, y nsx.Tag) int { return cmp.Or(cmp.Compare(x.Scope, y.Scope), cmp.Compare(x.Tag, y.Tag)) })
	return planned(t, nsxBefore{ExternalID: vm.ExternalID, Name: vm.DisplayName, Tags: tags, Set: a.cfg.Tag}, fmt.Sprintf("virtual machine %s (%s) would be tagged", vm.DisplayName, vm.ExternalID))
}

// Do implements [hunt.Action].
func (a *nsxTag) Do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	open, outcomes := lookFirst(ctx, tasks, a.Look)
	return append(outcomes, each(ctx, open, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		var b nsxBefore
		if !parseBefore(t, &b) || b.ExternalID == "" {
			return failed(t, errors.New("actions: nsx_tag: the state before names no virtual machine"))
		}
		if err := a.cfg.VMs.AddTags(ctx, b.ExternalID, a.cfg.Tag); err != nil {
			return failed(t, fmt.Errorf("actions: nsx_tag: %w", err))
		}
		o := done(t, fmt.Sprintf("tagged virtual machine %s (%s)", b.Name, b.ExternalID))
		o.Before = t.Before
		return o
	})...)
}

// weigh tells whether a tag can be taken off, and otherwise what is to be said.
func (a *nsxTag) weigh(ctx context.Context, t hunt.Task, b *nsxBefore) (o hunt.Outcome, ok bool) {
	switch {
	case !parseBefore(t, b) || b.ExternalID == "" || b.Set == (nsx.Tag{}):
		return held(t, noBefore), false
	case slices.Contains(b.Tags, b.Set):
		return already(t, "stays: the virtual machine had the tag before"), false
	}
	vm, err := a.cfg.VMs.Get(ctx, b.ExternalID)
	_, answered := errors.AsType[*nsx.APIError](err)
	switch {
	case errors.Is(err, nsx.ErrNotFound) && !answered:
		return already(t, "NSX does not know the virtual machine any more: nothing is left of it"), false
	case err != nil:
		return failed(t, fmt.Errorf("actions: nsx_tag: undo: %w", err)), false
	case !slices.Contains(vm.Tags, b.Set):
		return already(t, "the virtual machine does not have the tag any more"), false
	}
	return o, true
}

// Undo implements [hunt.Undoer].
func (a *nsxTag) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	return each(ctx, tasks, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		var b nsxBefore
		if o, ok := a.weigh(ctx, t, &b); !ok {
			return o
		}
		if err := a.cfg.VMs.RemoveTags(ctx, b.ExternalID, b.Set); err != nil {
			return failed(t, fmt.Errorf("actions: nsx_tag: undo: %w", err))
		}
		return undone(t, fmt.Sprintf("took the tag %s off virtual machine %s (%s)", b.Set, b.Name, b.ExternalID))
	})
}
