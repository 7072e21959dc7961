package cbctest

import (
	"maps"
	"slices"
	"time"
)

// externalIP is the address that all devices come from.
const externalIP = "203.0.113.40"

// deviceJSON is a device on the wire. The caller holds the lock.
func (s *Server) deviceJSON(d *device) map[string]any {
	status := d.Status
	if d.Bypass && status == "REGISTERED" {
		status = "BYPASS"
	}
	assignment := "DEFAULT"
	switch {
	case d.PolicyOverride:
		assignment = "MANUAL"
	case len(d.AssetGroups) > 0:
		assignment = "ASSET_GROUP"
	}
	groups := []map[string]any{}
	for _, name := range d.AssetGroups {
		if i := slices.IndexFunc(s.assetGroups, func(g AssetGroup) bool { return g.Name == name }); i >= 0 {
			g := s.assetGroups[i]
			groups = append(groups, map[string]any{"id": g.ID, "name": g.Name, "membership_type": g.Membership})
		}
	}
	m := map[string]any{
		"id": d.ID, "name": d.Name, "status": status, "os": d.OS, "os_version": d.OSVersion,
		"organization_id": 1204, "organization_name": "corp.example",
		"policy_id": d.PolicyID, "policy_name": s.policyName(d.PolicyID), "policy_override": d.PolicyOverride,
		"policy_assignment_type": assignment, "current_sensor_policy_name": orNull(s.policyName(d.SensorPolicyID)),
		"last_device_policy_requested_time": timeOrNull(d.requested),
		"last_device_policy_changed_time":   timeOrNull(d.enforced),
		"last_policy_updated_time":          nil,
		"quarantined":                       d.Quarantined, "passive_mode": d.Bypass,
		"sensor_states": d.SensorStates, "sensor_version": d.SensorVersion, "sensor_kit_type": sensorKit(d.OS),
		"sensor_out_of_date": false, "sensor_pending_update": d.updating,
		"deployment_type": d.DeploymentType, "target_priority": d.TargetPriority, "asset_group": groups,
		"ad_group_id": 0, "ad_domain": nil, "ad_org_unit": nil,
		"last_contact_time": stamp(d.contact), "last_reported_time": stamp(d.contact),
		"registered_time": stamp(s.created.AddDate(-1, 0, 0)), "deregistered_time": timeOrNull(d.left),
		"last_reset_time": nil, "last_shutdown_time": nil, "last_location": "OFFSITE",
		"last_internal_ip_address": d.InternalIP, "last_external_ip_address": externalIP,
		"mac_address": "02005e" + madeUp("mac "+d.Name, 0)[:6], "login_user_name": orNull(d.User),
		"virtual_machine": d.VMUUID != "", "virtualization_provider": "UNKNOWN", "windows_platform": nil,
		"vm_uuid": orNull(d.VMUUID), "vm_name": orNull(d.VMName), "nsx_enabled": nil, "nsx_distributed_firewall_policy": orNull(d.NSXTag),
		"activation_code": nil, "uninstall_code": nil, "device_meta_data_item_list": nil, "av_status": nil,
	}
	for _, member := range []string{
		"vm_ip", "vcenter_name", "vcenter_uuid", "vcenter_host_url", "esx_host_name", "esx_host_uuid", "cluster_name",
		"datacenter_name", "appliance_name", "appliance_uuid", "vdi_base_device", "email",
		"cloud_provider_account_id", "auto_scaling_group_name", "virtual_private_cloud_id", "host_based_firewall_status",
		"host_based_firewall_reasons", "compliance_status", "scan_status",
	} {
		m[member] = nil
	}
	if d.OS == "WINDOWS" {
		m["windows_platform"] = "CLIENT_X64"
	}
	if d.NSXEnabled {
		m["nsx_enabled"] = true
	}
	if d.VMUUID != "" {
		m["virtualization_provider"] = "VMW_ESX"
	}
	maps.Copy(m, d.Extra)
	return m
}

// sensorKit is the kind of sensor that an operating system has.
func sensorKit(os string) string {
	if os == "LINUX" {
		return "UBUNTU"
	}
	return os
}

// uuidOf writes 32 digits as a UUID.
func uuidOf(id string) string {
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// orNull writes an empty text as null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// timeOrNull writes the zero time as null.
func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}
