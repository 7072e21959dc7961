package cbc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How devices are watched. Sensors check in every half minute to a minute.
const (
	firstDevicePause   = 5 * time.Second
	longestDevicePause = time.Minute
)

// IsQuarantined tells whether a device is cut off, for [Devices.WaitFor].
func IsQuarantined(d Device) bool { return d.Quarantined }

// IsReleased tells whether a device is not cut off, for [Devices.WaitFor].
func IsReleased(d Device) bool { return !d.Quarantined }

// PolicyInForce tells of devices whether a policy is assigned to them and at work on the sensor, for [Devices.WaitFor]. The policy is one of
// [Policies]: sensors tell its name alone.
func PolicyInForce(policy Policy) func(Device) bool {
	return func(d Device) bool { return d.PolicyID == policy.ID && d.CurrentSensorPolicy == policy.Name }
}

// WaitFor looks at devices, at once and then with pauses of five seconds growing to a minute, until all of them are as is wanted:
// [IsQuarantined], [IsReleased], [PolicyInForce] or any other question that a sensor answers at its check-in. Machines that are
// switched off answer when they come back, so give ctx a deadline. It returns the devices as they were seen last.
//
// When ctx ends first, the error is its error, an [ErrIncomplete] and a [*DevicesError] with the ids of those that are not yet as wanted. A
// device that does not exist or that is deregistered without being as wanted is not waited for; it is a [*DevicesError] of its own, for
// the former an [ErrNotFound]. It needs device (READ).
func (d *Devices) WaitFor(ctx context.Context, wanted func(Device) bool, ids ...DeviceID) ([]Device, error) {
	const op = "devices.wait_for"
	ids, err := checkDeviceIDs(op, ids)
	if err != nil {
		return nil, err
	}
	seen := make(map[DeviceID]Device, len(ids))
	list := func() []Device {
		var found []Device
		for _, id := range ids {
			if device, ok := seen[id]; ok {
				found = append(found, device)
			}
		}
		return found
	}
	var missing, left []DeviceID
	waiting := ids
	for pause := time.Duration(0); len(waiting) > 0; pause = nextPause(pause, firstDevicePause, longestDevicePause) {
		if err := sleep(ctx, spread(pause)); err != nil {
			return list(), errors.Join(waitOver(op, waiting, len(ids), err), lost(op, missing, left))
		}
		found, err := d.ByIDs(ctx, waiting...)
		if err != nil && !onlyNotFound(err) {
			if ctx.Err() != nil {
				err = waitOver(op, waiting, len(ids), err)
			}
			return list(), errors.Join(err, lost(op, missing, left))
		}
		exists := make(map[DeviceID]bool, len(found))
		var next []DeviceID
		for _, device := range found {
			seen[device.ID], exists[device.ID] = device, true
			switch {
			case wanted(device):
			case device.Status == "DEREGISTERED":
				left = append(left, device.ID)
			default:
				next = append(next, device.ID)
			}
		}
		for _, id := range waiting {
			if !exists[id] {
				missing = append(missing, id)
			}
		}
		waiting = next
	}
	return list(), lost(op, missing, left)
}

// waitOver is for those that are waited for when the context ends.
func waitOver(op string, waiting []DeviceID, all int, err error) error {
	return &DevicesError{Op: op, IDs: waiting, Err: fmt.Errorf("%d of %d are not as wanted: %w: %w", len(waiting), all, ErrIncomplete, err)}
}

// lost is for those that nobody needs to wait for.
func lost(op string, missing, left []DeviceID) error {
	var problems []error
	if len(missing) > 0 {
		problems = append(problems, &DevicesError{Op: op, IDs: missing, Err: ErrNotFound})
	}
	if len(left) > 0 {
		problems = append(problems, &DevicesError{Op: op, IDs: left, Err: errors.New("deregistered: the sensor does not check in any more")})
	}
	return errors.Join(problems...)
}

// onlyNotFound tells whether an error of [Devices.ByIDs] is about devices that do not exist and nothing else.
func onlyNotFound(err error) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return false
	}
	for _, one := range joined.Unwrap() {
		if e, ok := errors.AsType[*DevicesError](one); !ok || e.Err != ErrNotFound { //nolint:errorlint // what ByIDs itself says, not the vendor
			return false
		}
	}
	return true
}
