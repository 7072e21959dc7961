package cbctest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// externalIP is the address that all devices come from.
const externalIP = "203.0.113.40"

// deviceJSON is a device on the wire. The caller holds the lock.
func (s *Server) deviceJSON(d *device) map[string]any {
	status := d.Status
	switch {
	case status == "UNINSTALLED":
		status = "DEREGISTERED" // answers have no other word for it
	case status == "REGISTERED" && d.Bypass:
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
		"sensor_states": d.SensorStates, "sensor_version": d.SensorVersion, "sensor_kit_type": d.SensorKit,
		"sensor_out_of_date": d.SensorOutOfDate, "sensor_pending_update": d.updating,
		"deployment_type": d.DeploymentType, "target_priority": d.TargetPriority, "asset_group": groups,
		"ad_group_id": 0, "ad_domain": nil, "ad_org_unit": nil,
		"last_contact_time": stamp(d.contact), "last_reported_time": stamp(d.contact),
		"registered_time": stamp(s.created.AddDate(-1, 0, 0)), "deregistered_time": timeOrNull(d.left),
		"last_reset_time": nil, "last_shutdown_time": nil, "last_location": "OFFSITE",
		"last_internal_ip_address": d.InternalIP, "last_external_ip_address": externalIP,
		"mac_address": "02005e" + madeUp("mac "+d.Name, 0)[:6], "login_user_name": orNull(d.User),
		"virtual_machine": d.VMUUID != "", "virtualization_provider": "UNKNOWN", "windows_platform": nil,
		"vm_uuid": orNull(d.VMUUID), "vm_name": orNull(d.VMName), "nsx_enabled": nil, "nsx_distributed_firewall_policy": orNull(d.NSXTag),
		"uninstall_code": strings.ToUpper(madeUp("uninstall code", int(d.ID))[:8]), "device_owner_id": 93474, "av_status": nil,
		"device_meta_data_item_list": []map[string]any{
			{"key_name": "OS_MAJOR_VERSION", "key_value": d.OSVersion, "position": 0},
			{"key_name": "SUBNET", "key_value": d.InternalIP[:max(strings.LastIndexByte(d.InternalIP, '.'), 0)], "position": 0},
		},
		"av_master": false, "cloud_provider_tags": []string{}, "vulnerability_score": 0.0, "vuln_score": 0.0,
	}
	for _, member := range []string{
		"vm_ip", "vcenter_name", "vcenter_uuid", "vcenter_host_url", "esx_host_name", "esx_host_uuid", "cluster_name",
		"datacenter_name", "appliance_name", "appliance_uuid", "vdi_base_device", "vdi_provider",
		"golden_device", "golden_device_id", "base_device", "email", "first_name", "middle_name", "last_name",
		"activation_code", "encoded_activation_code", "activation_code_expiry_time", "av_engine", "av_pack_version",
		"av_product_version", "av_ave_version", "av_vdf_version", "av_last_scan_time", "av_update_servers", "scan_status",
		"scan_last_action_time", "scan_last_complete_time", "cloud_provider_account_id", "cloud_provider_resource_id",
		"cloud_provider_resource_group", "cloud_provider_scale_group", "cloud_provider_network",
		"cloud_provider_managed_identity", "virtual_private_cloud_id", "auto_scaling_group_name", "infrastructure_provider",
		"host_based_firewall_status", "host_based_firewall_reasons", "vulnerability_severity", "vuln_severity",
		"sensor_gateway_url", "sensor_gateway_uuid", "linux_kernel_version", "compliance_status",
	} {
		m[member] = nil
	}
	if d.Status == "PENDING" {
		m["activation_code"] = strings.ToUpper(madeUp("activation code", int(d.ID))[:6])
		m["activation_code_expiry_time"] = stamp(s.created.AddDate(0, 0, 7))
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
