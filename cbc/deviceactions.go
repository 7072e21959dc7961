package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// maxActionDevices is how many devices one call acts on. The vendor publishes no limit.
const maxActionDevices = 1000

// deviceAction is what is to be done to devices.
type deviceAction struct {
	op         string // the middle of its errors
	kind       string
	options    actionOptions
	repeatable bool // it sets a state: done twice is done once
}

type actionOptions struct {
	Toggle        string               `json:"toggle,omitzero"`
	PolicyID      PolicyID             `json:"policy_id,omitzero"`
	SensorVersion map[SensorKit]string `json:"sensor_version,omitzero"`
}

type actionBody struct {
	ActionType string        `json:"action_type"`
	DeviceID   []DeviceID    `json:"device_id,omitzero"`
	Search     *deviceFilter `json:"search,omitzero"`
	Options    actionOptions `json:"options,omitzero"`
}

func toggle(op, kind, state string) deviceAction {
	return deviceAction{op: op, kind: kind, options: actionOptions{Toggle: state}, repeatable: true}
}

func quarantineAction() deviceAction { return toggle("devices.quarantine", "QUARANTINE", "ON") }
func releaseAction() deviceAction    { return toggle("devices.release", "QUARANTINE", "OFF") }

func setPolicyAction(policy PolicyID) (deviceAction, error) {
	a := deviceAction{op: "devices.set_policy", kind: "UPDATE_POLICY", options: actionOptions{PolicyID: policy}, repeatable: true}
	if policy <= 0 {
		return a, fmt.Errorf("cbc: %s: %d is no policy id", a.op, policy)
	}
	return a, nil
}

// DevicesError says what went wrong for which devices. The other devices of the call are not concerned.
type DevicesError struct {
	// Op is the operation, such as "devices.quarantine".
	Op string
	// IDs are the devices, each of which may or may not have the state that was asked for.
	IDs []DeviceID
	Err error
}

// Error names the devices, the first ones of many.
func (e *DevicesError) Error() string {
	return fmt.Sprintf("cbc: %s: device %s: %s", e.Op, firstOf(e.IDs, 10, formatID[DeviceID]), unprefixed(e.Op, e.Err))
}

// Unwrap returns Err.
func (e *DevicesError) Unwrap() error { return e.Err }

// Quarantine cuts devices off from the network, but for the vendor and Live Response. The call returns before the sensors know: a
// machine that is switched off is cut off at its next check-in, and until then [Device.Quarantined] is false. It sets a state, so that
// it is repeatable ("each sets a target state"). Any number of devices goes out in calls of a thousand; none is no call. What
// failed is a [*DevicesError] for the devices concerned, several of them joined; devices that do not exist are an [ErrNotFound] and do
// not keep the others from being cut off. It needs the permission device.quarantine (EXECUTE), [ErrForbidden] without it, and device
// (READ) to find out which device does not exist.
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) Quarantine(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, quarantineAction(), ids)
}

// Release ends the quarantine of devices. It needs device.quarantine (EXECUTE), and all else is as with [Devices.Quarantine].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) Release(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, releaseAction(), ids)
}

// SetPolicy assigns a policy to devices. It is an override by hand, which beats every asset group until somebody removes it: keep
// [Device.PolicyID] and [Device.PolicyOverride] of before if it is to be undone. The sensor follows at its next check-in. It sets a
// state, so that it is repeatable. Numbers of devices and errors are as with [Devices.Quarantine]; a policy that does not exist is an
// [*APIError] with status 400. It needs the permission device.policy (UPDATE).
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) SetPolicy(ctx context.Context, policy PolicyID, ids ...DeviceID) error {
	action, err := setPolicyAction(policy)
	if err != nil {
		return err
	}
	return d.act(ctx, action, ids)
}

func (d *Devices) act(ctx context.Context, action deviceAction, ids []DeviceID) error {
	ids, err := checkDeviceIDs(action.op, ids)
	if err != nil {
		return err
	}
	var problems []error
	for chunk := range slices.Chunk(ids, maxActionDevices) {
		problems = append(problems, d.actOn(ctx, action, chunk))
	}
	return errors.Join(problems...)
}

// actOn acts on the devices of one call. Whether an unknown device among them is passed over or makes the vendor refuse them all is
// not documented: if it refuses, those that exist are done without the others, unless the action must not be made twice.
func (d *Devices) actOn(ctx context.Context, action deviceAction, ids []DeviceID) error {
	op := action.op
	err := d.post(ctx, action, actionBody{DeviceID: ids})
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrNotFound) || len(ids) == 1 || !action.repeatable {
		return &DevicesError{Op: op, IDs: slices.Clone(ids), Err: err}
	}
	found, lookup := d.ByIDs(ctx, ids...)
	switch {
	case lookup != nil && !onlyNotFound(lookup):
		return &DevicesError{Op: op, IDs: slices.Clone(ids), Err: fmt.Errorf("%w; which devices exist cannot be told: %w", err, lookup)}
	case len(found) == len(ids) || len(found) == 0:
		return &DevicesError{Op: op, IDs: slices.Clone(ids), Err: err}
	}
	existing := make([]DeviceID, len(found))
	for i, device := range found {
		existing[i] = device.ID
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id DeviceID) bool { return slices.Contains(existing, id) })
	problem := error(&DevicesError{Op: op, IDs: missing, Err: err})
	if err := d.post(ctx, action, actionBody{DeviceID: existing}); err != nil {
		problem = errors.Join(problem, &DevicesError{Op: op, IDs: existing, Err: err})
	}
	return problem
}

func (d *Devices) post(ctx context.Context, action deviceAction, body actionBody) error {
	body.ActionType, body.Options = action.kind, action.options
	call := d.c.call(action.op, http.MethodPost, "/appservices/v6/orgs/{org_key}/device_actions")
	call.Body, call.Repeatable = body, action.repeatable
	return d.c.do(ctx, call, nil)
}
