package cbc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SensorKit is a kind of sensor installer. The set is open.
type SensorKit string

// The kits that the vendor documents.
const (
	KitXP          SensorKit = "XP"
	KitWindows     SensorKit = "WINDOWS"
	KitMac         SensorKit = "MAC"
	KitRHEL        SensorKit = "RHEL"
	KitUbuntu      SensorKit = "UBUNTU"
	KitSUSE        SensorKit = "SUSE"
	KitAmazonLinux SensorKit = "AMAZON_LINUX"
)

func bypassAction() deviceAction    { return toggle("devices.bypass", "BYPASS", "ON") }
func endBypassAction() deviceAction { return toggle("devices.end_bypass", "BYPASS", "OFF") }
func startScanAction() deviceAction { return toggle("devices.start_scan", "BACKGROUND_SCAN", "ON") }
func stopScanAction() deviceAction  { return toggle("devices.stop_scan", "BACKGROUND_SCAN", "OFF") }
func uninstallAction() deviceAction {
	return deviceAction{op: "devices.uninstall", kind: "UNINSTALL_SENSOR"}
}

func deleteAction() deviceAction { return deviceAction{op: "devices.delete", kind: "DELETE_SENSOR"} }

func updateSensorAction(versions map[SensorKit]string) (deviceAction, error) {
	a := deviceAction{
		op: "devices.update_sensor", kind: "UPDATE_SENSOR_VERSION", options: actionOptions{SensorVersion: versions}, repeatable: true,
	}
	if len(versions) == 0 {
		return a, fmt.Errorf("cbc: %s: no version to update to", a.op)
	}
	for _, kit := range slices.Sorted(maps.Keys(versions)) {
		if strings.TrimSpace(string(kit)) == "" || strings.TrimSpace(versions[kit]) == "" {
			return a, fmt.Errorf("cbc: %s: version %q for kit %q", a.op, versions[kit], kit)
		}
	}
	return a, nil
}

// Bypass makes the sensors of devices let everything pass: they protect nothing and record nothing until [Devices.EndBypass]. The
// sensor follows at its next check-in; see [Device.PassiveMode]. It is repeatable ("each sets a target state"). Numbers of devices and
// errors are as with [Devices.Quarantine]. It needs the permission device.bypass (EXECUTE).
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) Bypass(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, bypassAction(), ids)
}

// EndBypass makes the sensors of devices work again. All else is as with [Devices.Bypass].
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) EndBypass(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, endBypassAction(), ids)
}

// StartScan lets the sensors of devices scan what lies on them, in the background. Nothing about a device tells reliably whether they
// do. It is repeatable ("each sets a target state"). Numbers of devices and errors are as with [Devices.Quarantine]. It needs the
// permission device.bg-scan (EXECUTE).
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) StartScan(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, startScanAction(), ids)
}

// StopScan ends the scan of [Devices.StartScan]. All else is as there.
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) StopScan(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, stopScanAction(), ids)
}

// UpdateSensor brings the sensors of devices to a version, a kit of its own for each system: {KitWindows: "4.0.3.1234"}. Devices of other
// kits are left alone. [Device.SensorPendingUpdate] tells of updates under way, [Device.SensorVersion] of their end. It is repeatable
// ("each sets a target state"). Numbers of devices and errors are as with [Devices.Quarantine]; a version that does not exist is an
// [*APIError] with status 400. It needs the permission org.kits (EXECUTE).
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) UpdateSensor(ctx context.Context, versions map[SensorKit]string, ids ...DeviceID) error {
	action, err := updateSensorAction(versions)
	if err != nil {
		return err
	}
	return d.act(ctx, action, ids)
}

// Uninstall removes the sensors from devices, for good: nothing protects the machine afterwards, and nothing can be done to it from
// here. Its record becomes DEREGISTERED. It is never repeated after an error that leaves open whether it was done, and devices that
// share a call with one that does not exist are not tried without it: read [Device.Status] before asking again. Numbers of devices and
// errors are as with [Devices.Quarantine]. It needs the permission device.uninstall (EXECUTE).
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) Uninstall(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, uninstallAction(), ids)
}

// Delete removes the records of devices whose sensors are gone (DEREGISTERED), with everything that is known of them. It is never repeated,
// as with [Devices.Uninstall]: after an error that leaves open whether it was done, [Devices.ByIDs] tells what is left. It needs the
// permission device.deregistered (DELETE).
//
//api:op POST /appservices/v6/orgs/{org_key}/device_actions
func (d *Devices) Delete(ctx context.Context, ids ...DeviceID) error {
	return d.act(ctx, deleteAction(), ids)
}
