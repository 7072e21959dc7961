package actions

import (
	"cmp"
	"context"
	"encoding/json"
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
	AddTags(ctx context.Context, id nsx.ExternalID, tags ...nsx.Tag) error
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
// device that CBC calls an endpoint and that NSX does not know is no virtual machine: there is nothing to do.
//
// It needs device (READ) in CBC and the right to tag virtual machines in NSX. A tag isolates nothing by itself: a group and a rule of
// the distributed firewall have to use it.
func NewNSXTag(cfg NSXTagConfig) (hunt.Action, error) {
	spec, err := deviceSpec("nsx_tag", cfg.Evidence, "the tag can be taken off")
	if err != nil {
		return nil, err
	}
	if cfg.VMs == nil || cfg.Devices == nil || cfg.Tag == (nsx.Tag{}) {
		return nil, errors.New("actions: nsx_tag: VMs, Devices and Tag are required")
	}
	a := &nsxTag{cfg: cfg}
	return hunt.NewAction(spec, a.do), nil
}

type nsxTag struct {
	cfg NSXTagConfig
}

func (a *nsxTag) do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	states, err := readDevices(ctx, a.cfg.Devices, tasks)
	problem := problems(err)
	return each(ctx, tasks, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		d, ok := states[t.Target]
		if !ok {
			return failed(t, fmt.Errorf("actions: nsx_tag: %w", cmp.Or(problem(t), ErrUnknownDevice)))
		}
		return a.tag(ctx, t, d)
	})
}

func (a *nsxTag) tag(ctx context.Context, t hunt.Task, d cbc.Device) hunt.Outcome {
	host := nsx.Host{Name: d.Name}
	if d.VMUUID != "" {
		host.UUIDs = []string{d.VMUUID}
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
	if err := a.cfg.VMs.AddTags(ctx, vm.ExternalID, a.cfg.Tag); err != nil {
		return failed(t, fmt.Errorf("actions: nsx_tag: %w", err))
	}
	o := done(t, fmt.Sprintf("tagged virtual machine %s (%s)", vm.DisplayName, vm.ExternalID))
	o.Before, _ = json.Marshal(map[string]any{"external_id": vm.ExternalID, "tags": vm.Tags}) // words cannot fail
	return o
}
