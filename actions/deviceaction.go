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

// ErrUnknownDevice is the error of a task on a device that CBC does not know (any more).
var ErrUnknownDevice = errors.New("actions: CBC does not know the device")

// deviceSpec is the spec of an action on devices that may be widened to touched evidence, and no further.
func deviceSpec(name string, evidence hunt.Evidence, undo string) (hunt.Spec, error) {
	switch evidence {
	case hunt.None:
		evidence = hunt.Executed
	case hunt.Touched, hunt.Executed:
	default:
		return hunt.Spec{}, fmt.Errorf("actions: %s: the evidence %s is too weak to act on a device", name, evidence)
	}
	return hunt.Spec{Name: name, Scope: hunt.ScopeDevice, Impact: hunt.Contains, Evidence: evidence, Undo: undo}, nil
}

// deviceAction sets a state on many devices: it reads them, leaves those alone that have it, and sets it on the rest in one call.
type deviceAction struct {
	spec    hunt.Spec
	devices DeviceLister
	// apply sets the state.
	apply func(context.Context, ...cbc.DeviceID) error
	// judge tells whether there is nothing to do on a device, and then why.
	judge func(hunt.Task, cbc.Device) (hunt.Outcome, bool)
	// before is the state that apply changes, after what is known of the change once it was made.
	before func(cbc.Device) any
	after  func(before []byte) []byte
	// plan says what would be done, detail what was.
	plan   func(cbc.Device) string
	detail string
	// back is how a task is taken back: it parts what can be from what cannot.
	back func(context.Context, []deviceTask) ([]restoration, []hunt.Outcome)
	// restore puts a state back.
	restore func(ctx context.Context, to cbc.PolicyID, ids ...cbc.DeviceID) error
}

// deviceTask is a task with the present state of its device.
type deviceTask struct {
	hunt.Task
	device cbc.Device
}

// restoration is a task that can be taken back: the policy that the device goes back to, if it is about policies, and what is said then.
type restoration struct {
	deviceTask
	to     cbc.PolicyID
	detail string
}

// Spec implements [hunt.Action].
func (a *deviceAction) Spec() hunt.Spec { return a.spec }

// Look implements [hunt.Looker].
func (a *deviceAction) Look(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	back, forth := backwards(tasks)
	states, outcomes := a.read(ctx, forth)
	for _, t := range states {
		if o, nothing := a.judge(t.Task, t.device); nothing {
			outcomes = append(outcomes, o)
			continue
		}
		outcomes = append(outcomes, planned(t.Task, a.before(t.device), a.plan(t.device)))
	}
	open, ended := a.weigh(ctx, back)
	for _, r := range open {
		outcomes = append(outcomes, hunt.Outcome{Task: r.Task, Status: hunt.Planned, Detail: "would be " + r.detail})
	}
	return append(outcomes, ended...)
}

// Do implements [hunt.Action].
func (a *deviceAction) Do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	open, outcomes := lookFirst(ctx, tasks, a.Look)
	return append(outcomes, a.set(ctx, open)...)
}

// read reads the devices of tasks. Those that cannot be acted on get their outcome.
func (a *deviceAction) read(ctx context.Context, tasks []hunt.Task) (states []deviceTask, outcomes []hunt.Outcome) {
	devices, err := readDevices(ctx, a.devices, tasks)
	problem := problems(err)
	for _, t := range tasks {
		d, ok := devices[t.Target]
		if !ok {
			outcomes = append(outcomes, failed(t, fmt.Errorf("actions: %s: %w", a.spec.Name, cmp.Or(problem(t), ErrUnknownDevice))))
			continue
		}
		if err := gone(d); err != nil {
			outcomes = append(outcomes, failed(t, fmt.Errorf("actions: %s: %w", a.spec.Name, err)))
			continue
		}
		states = append(states, deviceTask{Task: t, device: d})
	}
	return states, outcomes
}

// gone is the error of a device without a sensor.
func gone(d cbc.Device) error {
	if d.Status == "DEREGISTERED" || d.Status == "UNINSTALLED" {
		return fmt.Errorf("the sensor is %s: %w", d.Status, errGone)
	}
	return nil
}

// set makes one call for all.
func (a *deviceAction) set(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	if len(tasks) == 0 || ctx.Err() != nil {
		return nil
	}
	ids := make([]cbc.DeviceID, len(tasks))
	for i, t := range tasks {
		d, _ := t.Device()
		ids[i] = cbc.DeviceID(d.ID)
	}
	problem := problems(a.apply(ctx, ids...))
	return same(tasks, func(t hunt.Task) hunt.Outcome {
		if err := problem(t); err != nil {
			return failed(t, fmt.Errorf("actions: %s: %w", a.spec.Name, err))
		}
		o := done(t, a.detail)
		o.Before = a.after(t.Before)
		return o
	})
}

// weigh looks at what is to be taken back.
func (a *deviceAction) weigh(ctx context.Context, tasks []hunt.Task) ([]restoration, []hunt.Outcome) {
	if len(tasks) == 0 {
		return nil, nil
	}
	states, outcomes := a.read(ctx, tasks)
	for i, o := range outcomes {
		_, answered := errors.AsType[*cbc.APIError](o.Err) // a 404 of the service itself says nothing about the device
		switch {
		case answered:
		case errors.Is(o.Err, errGone):
			outcomes[i] = held(o.Task, "stays: "+o.Err.Error())
		case errors.Is(o.Err, ErrUnknownDevice), errors.Is(o.Err, cbc.ErrNotFound):
			outcomes[i] = already(o.Task, "CBC does not know the device any more: nothing is left of it")
		}
	}
	open, ended := a.back(ctx, states)
	return open, append(outcomes, ended...)
}

// Undo implements [hunt.Undoer]. Devices that go back to the same state do so in one call.
func (a *deviceAction) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	open, outcomes := a.weigh(ctx, tasks)
	byState := make(map[cbc.PolicyID][]restoration)
	var order []cbc.PolicyID
	for _, r := range open {
		if byState[r.to] == nil {
			order = append(order, r.to)
		}
		byState[r.to] = append(byState[r.to], r)
	}
	for _, to := range order {
		if ctx.Err() != nil {
			break
		}
		var ids []cbc.DeviceID
		for _, r := range byState[to] {
			ids = append(ids, r.device.ID)
		}
		problem := problems(a.restore(ctx, to, ids...))
		for _, r := range byState[to] {
			if err := problem(r.Task); err != nil {
				outcomes = append(outcomes, failed(r.Task, fmt.Errorf("actions: %s: undo: %w", a.spec.Name, err)))
				continue
			}
			outcomes = append(outcomes, undone(r.Task, r.detail))
		}
	}
	return outcomes
}

// parseBefore reads the state before. It is false where none was recorded.
func parseBefore(t hunt.Task, into any) bool {
	return len(t.Before) > 0 && json.Unmarshal(t.Before, into) == nil
}

const noBefore = "stays: what was so before is not recorded"

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
