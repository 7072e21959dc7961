package actions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// DeviceLister reads the present state of devices. *cbc.Devices is one.
type DeviceLister interface {
	ByIDs(ctx context.Context, ids ...cbc.DeviceID) ([]cbc.Device, error)
}

// Quarantiner cuts devices off the network. *cbc.Devices is one.
type Quarantiner interface {
	DeviceLister
	Quarantine(ctx context.Context, ids ...cbc.DeviceID) error
}

// ErrUnknownDevice is the error of a task on a device that CBC does not know (any more).
var ErrUnknownDevice = errors.New("actions: CBC does not know the device")

// NewIsolate quarantines the devices on which a condemned file was seen with at least the given evidence: [hunt.Executed] or
// [hunt.Touched], the zero value meaning the first. Devices that are isolated already are left as they are. It needs the
// permissions device.quarantine and device (READ).
//
// A device acts on it at its next check-in, an absent one when it comes back.
func NewIsolate(devices Quarantiner, evidence hunt.Evidence) (hunt.Action, error) {
	spec, err := deviceSpec("isolate", evidence, "the device can be released from quarantine")
	if err != nil {
		return nil, err
	}
	if devices == nil {
		return nil, errors.New("actions: isolate: the devices are missing")
	}
	a := &deviceAction{
		name: spec.Name, devices: devices, apply: devices.Quarantine,
		detail: "quarantine requested; it takes effect when the sensor checks in",
		judge: func(t hunt.Task, d cbc.Device) (hunt.Outcome, bool) {
			return already(t, "the device is isolated already"), d.Quarantined
		},
		before: func(d cbc.Device) any {
			return map[string]bool{"quarantined": d.Quarantined}
		},
	}
	return hunt.NewAction(spec, a.do), nil
}

// deviceSpec is the spec of an action on devices that may be widened to touched evidence, and no further.
func deviceSpec(name string, evidence hunt.Evidence, undo string) (hunt.Spec, error) {
	switch evidence {
	case hunt.None:
		evidence = hunt.Executed
	case hunt.Touched, hunt.Executed:
	default:
		return hunt.Spec{}, fmt.Errorf("actions: %s: the evidence %s is too weak to act on a device", name, evidence)
	}
	return hunt.Spec{Name: name, Scope: hunt.ScopeDevice, Evidence: evidence, Undo: undo}, nil
}

// deviceAction sets a state on many devices: it reads them, leaves those alone that have it, and sets it on the rest in one call.
type deviceAction struct {
	name    string
	devices DeviceLister
	// apply sets the state.
	apply func(context.Context, ...cbc.DeviceID) error
	// judge tells whether there is nothing to do on a device, and then why.
	judge func(hunt.Task, cbc.Device) (hunt.Outcome, bool)
	// before is the state that apply changes.
	before func(cbc.Device) any
	detail string
}

func (a *deviceAction) do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	states, err := readDevices(ctx, a.devices, tasks)
	problem := problems(err)
	var outcomes []hunt.Outcome
	var open []hunt.Task
	for _, t := range tasks {
		d, ok := states[t.Target]
		if !ok {
			outcomes = append(outcomes, failed(t, fmt.Errorf("actions: %s: %w", a.name, cmp.Or(problem(t), ErrUnknownDevice))))
			continue
		}
		if err := gone(d); err != nil {
			outcomes = append(outcomes, failed(t, fmt.Errorf("actions: %s: %w", a.name, err)))
			continue
		}
		if o, nothing := a.judge(t, d); nothing {
			outcomes = append(outcomes, o)
			continue
		}
		open = append(open, t)
	}
	return append(outcomes, a.set(ctx, open, states)...)
}

// gone is the error of a device without a sensor.
func gone(d cbc.Device) error {
	if d.Status == "DEREGISTERED" || d.Status == "UNINSTALLED" {
		return fmt.Errorf("the sensor is %s: the device cannot be reached through CBC", d.Status)
	}
	return nil
}

// set makes one call for all.
func (a *deviceAction) set(ctx context.Context, tasks []hunt.Task, states map[string]cbc.Device) []hunt.Outcome {
	if len(tasks) == 0 || ctx.Err() != nil {
		return nil
	}
	ids := make([]cbc.DeviceID, len(tasks))
	for i, t := range tasks {
		ids[i] = states[t.Target].ID
	}
	problem := problems(a.apply(ctx, ids...))
	return same(tasks, func(t hunt.Task) hunt.Outcome {
		if err := problem(t); err != nil {
			return failed(t, fmt.Errorf("actions: %s: %w", a.name, err))
		}
		o := done(t, a.detail)
		o.Before, _ = json.Marshal(a.before(states[t.Target])) // maps and structs of numbers and words cannot fail
		return o
	})
}

// readDevices reads the devices that tasks concern, by decimal id. The error can come together with devices. A task that names no
// device has none in the result and keeps no other from having its own.
func readDevices(ctx context.Context, devices DeviceLister, tasks []hunt.Task) (map[string]cbc.Device, error) {
	ids := make([]cbc.DeviceID, 0, len(tasks))
	for _, t := range tasks {
		if d, ok := t.Device(); ok && d.ID > 0 {
			ids = append(ids, cbc.DeviceID(d.ID))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	list, err := devices.ByIDs(ctx, ids...)
	states := make(map[string]cbc.Device, len(list))
	for _, d := range list {
		states[strconv.FormatInt(int64(d.ID), 10)] = d
	}
	return states, err
}

// problems tells which task an error of a call for many devices concerns: those that a [cbc.DevicesError] in it names, and all of
// them if there is none.
func problems(err error) func(hunt.Task) error {
	byDevice := make(map[int64]error)
	general := splitDevices(err, byDevice)
	return func(t hunt.Task) error {
		d, _ := t.Device()
		return cmp.Or(byDevice[d.ID], general)
	}
}

// splitDevices files the parts of err under the devices that they name and returns the rest.
func splitDevices(err error, byDevice map[int64]error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, part := range joined.Unwrap() {
			rest = append(rest, splitDevices(part, byDevice))
		}
		return errors.Join(rest...)
	}
	e, ok := errors.AsType[*cbc.DevicesError](err)
	if !ok {
		return err
	}
	for _, id := range e.IDs {
		byDevice[int64(id)] = e
	}
	return nil
}
