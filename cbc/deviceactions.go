package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// maxActionDevices is how many devices one call acts on. The vendor publishes no limit.
const maxActionDevices = 1000

type deviceAction struct {
	ActionType string        `json:"action_type"`
	DeviceID   []DeviceID    `json:"device_id"`
	Options    actionOptions `json:"options"`
}

type actionOptions struct {
	Toggle   string   `json:"toggle,omitzero"`
	PolicyID PolicyID `json:"policy_id,omitzero"`
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
	const some = 10
	names := make([]string, 0, some)
	for _, id := range e.IDs[:min(some, len(e.IDs))] {
		names = append(names, formatID(id))
	}
	more := ""
	if len(e.IDs) > some {
		more = fmt.Sprintf(" and %d more", len(e.IDs)-some)
	}
	return fmt.Sprintf("cbc: %s: device %s%s: %s", e.Op, strings.Join(names, ", "), more, unprefixed(e.Op, e.Err))
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
	return d.act(ctx, "devices.quarantine", deviceAction{ActionType: "QUARANTINE", Options: actionOptions{Toggle: "ON"}}, ids)
}

// Release ends the quarantine of devices. All else is as with [Devices.Quarantine].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) Release(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, "devices.release", deviceAction{ActionType: "QUARANTINE", Options: actionOptions{Toggle: "OFF"}}, ids)
}

// SetPolicy assigns a policy to devices. It is an override by hand, which beats every asset group until somebody removes it: keep
// [Device.PolicyID] and [Device.PolicyOverride] of before if it is to be undone. The sensor follows at its next check-in. It sets a
// state, so that it is repeatable. Numbers of devices and errors are as with [Devices.Quarantine]; a policy that does not exist is an
// [*APIError] with status 400. It needs the permission device.policy (UPDATE).
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) SetPolicy(ctx context.Context, policy PolicyID, ids ...DeviceID) error {
	if policy <= 0 {
		return fmt.Errorf("cbc: devices.set_policy: %d is no policy id", policy)
	}
	return d.act(ctx, "devices.set_policy", deviceAction{ActionType: "UPDATE_POLICY", Options: actionOptions{PolicyID: policy}}, ids)
}

func (d *Devices) act(ctx context.Context, op string, action deviceAction, ids []DeviceID) error {
	ids, err := checkDeviceIDs(op, ids)
	if err != nil {
		return err
	}
	var problems []error
	for chunk := range slices.Chunk(ids, maxActionDevices) {
		problems = append(problems, d.actOn(ctx, op, action, chunk))
	}
	return errors.Join(problems...)
}

// actOn acts on the devices of one call. Whether an unknown device among them is passed over or makes the vendor refuse them all is
// not documented: if it refuses, those that exist are done without the others.
func (d *Devices) actOn(ctx context.Context, op string, action deviceAction, ids []DeviceID) error {
	err := d.post(ctx, op, action, ids)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrNotFound) || len(ids) == 1 {
		return &DevicesError{Op: op, IDs: slices.Clone(ids), Err: err}
	}
	found, lookup := d.ByIDs(ctx, ids...)
	switch {
	case lookup != nil && !errors.Is(lookup, ErrNotFound):
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
	if err := d.post(ctx, op, action, existing); err != nil {
		problem = errors.Join(problem, &DevicesError{Op: op, IDs: existing, Err: err})
	}
	return problem
}

func (d *Devices) post(ctx context.Context, op string, action deviceAction, ids []DeviceID) error {
	action.DeviceID = ids
	call := d.c.call(op, http.MethodPost, "/appservices/v6/orgs/{org_key}/device_actions")
	call.Body, call.Repeatable = action, true
	return d.c.do(ctx, call, nil)
}
