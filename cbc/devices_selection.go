package cbc

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// DeviceSelection is devices that a search describes, for actions on all of them in one call. Make one with [Devices.Where] or
// [Devices.All].
//
// Each action counts the devices first and returns the number: none is no call, and more than the ceiling of [DeviceSelection.AtMost] is an
// error without a call. Devices that begin to match between counting and acting are acted on too: who has to know each device reads
// their ids with a search and acts on those. The vendor tells nothing about single devices. Actions need the permission device (READ)
// besides their own; which of them are repeated, and what becomes of a device that is switched off, is as with the methods of
// [Devices].
type DeviceSelection struct {
	d       *Devices
	query   DeviceQuery
	all     bool
	ceiling int
}

// Where selects the devices that q describes. A query that restricts nothing, or does no more than exclude, is refused when something is
// to be done, and so is an alternative that would let everything in: [Devices.All] says so in plain words. Sort and Rows are not used.
func (d *Devices) Where(q DeviceQuery) DeviceSelection { return DeviceSelection{d: d, query: q} }

// All selects every device of the organization, servers and those that are deregistered included.
func (d *Devices) All() DeviceSelection { return DeviceSelection{d: d, all: true} }

// AtMost lets actions refuse a selection of more than n devices. Defaults to 10,000, which is also the most: an action by search does not
// reach further, and says nothing of those that it leaves out. Larger fleets are acted on by the ids of a [Devices.Scroll].
func (s DeviceSelection) AtMost(n int) DeviceSelection {
	s.ceiling = n
	return s
}

// TooManyDevicesError says that nothing was done because a selection has more devices than it may. It is an [ErrConflict].
type TooManyDevicesError struct {
	// Op is the operation, such as "devices.quarantine".
	Op string
	// Found is how many devices match, AtMost how many may.
	Found, AtMost int
}

// Error tells both numbers.
func (e *TooManyDevicesError) Error() string {
	return fmt.Sprintf("cbc: %s: %d devices match where %d may: nothing was done", e.Op, e.Found, e.AtMost)
}

// Is makes the error an [ErrConflict].
func (e *TooManyDevicesError) Is(target error) bool { return target == ErrConflict }

// Count tells how many devices match now. It does nothing to them. It needs device (READ).
//
//api:op POST /appservices/v6/orgs/{org_key}/devices/_search
func (s DeviceSelection) Count(ctx context.Context) (int, error) {
	const op = "devices.count"
	filter, err := s.filter(op)
	if err != nil {
		return 0, err
	}
	return s.count(ctx, op, filter)
}

func (s DeviceSelection) count(ctx context.Context, op string, filter deviceFilter) (int, error) {
	call := s.d.c.call(op, http.MethodPost, "/appservices/v6/orgs/{org_key}/devices/_search")
	call.Body = deviceSearch{deviceFilter: filter, Rows: 1, Start: 1, Sort: []sortBy{{Field: "id", Order: "ASC"}}}
	call.Repeatable = true
	var answer listAnswer[wireDevice]
	if err := s.d.read(ctx, call, &answer); err != nil {
		return 0, err
	}
	rows, total, err := answer.page(op)
	if err == nil && total < len(rows) { // a number that cannot be read is zero, and would let any fleet pass
		err = answerError(op, http.StatusOK, nil, fmt.Errorf("%d devices of num_found %d", len(rows), total))
	}
	return total, err
}

// filter refuses what could be the whole fleet by accident.
func (s DeviceSelection) filter(op string) (deviceFilter, error) {
	if s.d == nil {
		return deviceFilter{}, fmt.Errorf("cbc: %s: the zero DeviceSelection selects nothing: use Devices.Where", op)
	}
	filter, err := s.query.filter(op)
	if err == nil && !s.all && s.query.restrictsNothing() {
		err = fmt.Errorf("cbc: %s: the query restricts nothing: use Devices.All if every device is meant", op)
	}
	return filter, err
}

// restrictsNothing tells whether q finds all devices, or all but some.
func (q DeviceQuery) restrictsNothing() bool {
	for _, list := range [][]string{
		q.OS, q.TargetPriorities, q.DeploymentTypes, q.VirtualizationProviders, q.CloudAccountIDs, q.AutoScalingGroups, q.VirtualPrivateClouds,
	} {
		if len(list) > 0 {
			return false
		}
	}
	statuses := len(q.Statuses) > 0 && !slices.ContainsFunc(q.Statuses, func(s string) bool { return strings.EqualFold(s, "ALL") })
	return len(q.IDs) == 0 && len(q.PolicyIDs) == 0 && len(q.ADGroupIDs) == 0 && q.ContactedWithin == 0 && q.ContactedFrom.IsZero() &&
		!statuses && findsAnything(q.Query)
}

// act does something to the selection and returns how many devices it has.
func (s DeviceSelection) act(ctx context.Context, action deviceAction) (int, error) {
	filter, err := s.filter(action.op)
	if err != nil {
		return 0, err
	}
	ceiling := s.ceiling
	switch {
	case ceiling == 0:
		ceiling = maxDevices
	case ceiling < 0 || ceiling > maxDevices:
		return 0, fmt.Errorf("cbc: %s: at most %d devices: want 1 to %d", action.op, ceiling, maxDevices)
	}
	found, err := s.count(ctx, action.op, filter)
	switch {
	case err != nil:
		return 0, err
	case found == 0:
		return 0, nil
	case found > ceiling:
		return 0, &TooManyDevicesError{Op: action.op, Found: found, AtMost: ceiling}
	}
	if err := s.d.post(ctx, action, actionBody{Search: &filter}); err != nil {
		return 0, err
	}
	return found, nil
}

// Quarantine cuts the selection off from the network. See [Devices.Quarantine].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) Quarantine(ctx context.Context) (int, error) {
	return s.act(ctx, quarantineAction())
}

// Release ends the quarantine of the selection. See [Devices.Release].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) Release(ctx context.Context) (int, error) {
	return s.act(ctx, releaseAction())
}

// Bypass switches the sensors of the selection to passive. See [Devices.Bypass].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) Bypass(ctx context.Context) (int, error) {
	return s.act(ctx, bypassAction())
}

// EndBypass switches the sensors of the selection back on. See [Devices.EndBypass].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) EndBypass(ctx context.Context) (int, error) {
	return s.act(ctx, endBypassAction())
}

// StartScan lets the selection scan itself. See [Devices.StartScan].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) StartScan(ctx context.Context) (int, error) {
	return s.act(ctx, startScanAction())
}

// StopScan ends the scans of the selection. See [Devices.StopScan].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) StopScan(ctx context.Context) (int, error) {
	return s.act(ctx, stopScanAction())
}

// SetPolicy assigns a policy to the selection. See [Devices.SetPolicy].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) SetPolicy(ctx context.Context, policy PolicyID) (int, error) {
	action, err := setPolicyAction(policy)
	if err != nil {
		return 0, err
	}
	return s.act(ctx, action)
}

// UpdateSensor brings the sensors of the selection to a version. See [Devices.UpdateSensor].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) UpdateSensor(ctx context.Context, versions map[SensorKit]string) (int, error) {
	action, err := updateSensorAction(versions)
	if err != nil {
		return 0, err
	}
	return s.act(ctx, action)
}

// Uninstall removes the sensors of the selection, for good and without repetition. See [Devices.Uninstall].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) Uninstall(ctx context.Context) (int, error) {
	return s.act(ctx, uninstallAction())
}

// Delete removes the records of the selection, for good and without repetition. See [Devices.Delete].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (s DeviceSelection) Delete(ctx context.Context) (int, error) {
	return s.act(ctx, deleteAction())
}
