package cbctest

import (
	"maps"
	"slices"
	"strconv"
)

// policyVersion is the version of the form of policies.
const policyVersion = 2

// liveResponseSetting is the setting of the sensor that allows Live Response.
const liveResponseSetting = "CB_LIVE_RESPONSE"

// clone is a copy that shares nothing that the server changes.
func (p Policy) clone() Policy {
	p.Rules, p.SensorSettings, p.Extra = slices.Clone(p.Rules), maps.Clone(p.SensorSettings), maps.Clone(p.Extra)
	return p
}

// policyJSON is a policy's own page on the wire.
func (s *Server) policyJSON(p Policy) map[string]any {
	settings := []sensorSetting{{Name: liveResponseSetting, Value: strconv.FormatBool(!p.NoLiveResponse)}}
	values := map[string]string{"SHOW_UI": "true"}
	maps.Copy(values, p.SensorSettings)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		settings = append(settings, sensorSetting{Name: name, Value: values[name]})
	}
	rules := p.Rules
	if rules == nil {
		rules = []PolicyRule{}
	}
	page := map[string]any{
		"id": p.ID, "name": p.Name, "org_key": s.orgKey, "version": policyVersion, "priority_level": p.PriorityLevel,
		"position": p.Position, "is_system": p.System, "description": p.Description, "update_time": p.Updated.UnixMilli(),
		"rules": rules, "sensor_settings": settings, "av_settings": antivirus(), "directory_action_rules": []any{},
		"rule_configs": ruleConfigs(), "sensor_configs": []any{},
		"managed_detection_response_permissions":            map[string]any{"policy_modification": false, "quarantine": false},
		"auto_deregister_inactive_vdi_interval_ms":          0,
		"auto_deregister_inactive_vm_workloads_interval_ms": 0,
		"auto_delete_known_bad_hashes_delay":                nil,
	}
	maps.Copy(page, p.Extra)
	return page
}

// antivirus are the settings of the local scan in a new policy.
func antivirus() map[string]any {
	return map[string]any{
		"avira_protection_cloud": map[string]any{"enabled": true, "max_exe_delay": 45, "max_file_size": 4, "risk_level": 4},
		"on_access_scan":         map[string]any{"enabled": true, "mode": "NORMAL"},
		"on_demand_scan": map[string]any{
			"enabled": true, "profile": "NORMAL", "scan_usb": "AUTOSCAN", "scan_cd_dvd": "AUTOSCAN",
			"schedule": map[string]any{"days": nil, "start_hour": 0, "range_hours": 0, "recovery_scan_if_missed": true},
		},
		"signature_update": map[string]any{
			"enabled": true, "schedule": map[string]any{
				"full_interval_hours": 0, "initial_random_delay_hours": 4, "interval_hours": 4,
			},
		},
		"update_servers": map[string]any{
			"servers_override":           []string{},
			"servers_for_onsite_devices": []map[string]any{{"server": "https://updates.cbc.invalid/update", "preferred": false}},
			"servers_for_offsite_devices": []string{
				"https://updates.cbc.invalid/update",
			},
		},
	}
}

// ruleConfigs are the rule configurations in a new policy.
func ruleConfigs() []map[string]any {
	return []map[string]any{{
		"id": uuidOf(madeUp("rule configuration", 0)), "name": "Credential Theft", "category": "core_prevention",
		"description": "Made up for the fake.", "inherited_from": "psc:region",
		"parameters": map[string]any{"WindowsAssignmentMode": "BLOCK"},
	}}
}
