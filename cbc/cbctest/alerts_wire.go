package cbctest

import (
	"maps"
	"slices"
	"time"
)

// alertDocument is an alert on the wire and what it can be found by. The caller holds the lock.
func (s *Server) alertDocument(a *alert) document {
	reported := a.Time.Add(90 * time.Second)
	if reported.After(a.raised) {
		reported = a.raised
	}
	latest := reported
	if a.updated.After(latest) {
		latest = a.updated
	}
	t := s.alerts.threats[a.ThreatID]
	wire := map[string]any{
		"org_key": s.orgKey, "alert_url": "cbc.invalid/alerts?s[c][query_string]=id:" + a.ID + "&orgKey=" + s.orgKey, "id": a.ID,
		"type": a.Type, "severity": a.Severity, "reason": a.Reason, "reason_code": "R_" + a.Type, "threat_id": a.ThreatID,
		"primary_event_id": madeUp("event "+a.ID, 0), "policy_applied": "NOT_APPLIED", "run_state": "RAN", "sensor_action": "ALLOW",
		"detection_timestamp": stamp(a.Time), "first_event_timestamp": stamp(a.Time), "last_event_timestamp": stamp(a.Time),
		"backend_timestamp": stamp(reported), "backend_update_timestamp": stamp(latest), "user_update_timestamp": nil,
		"workflow": map[string]any{
			"status": a.Status, "closure_reason": a.ClosureReason, "change_timestamp": stamp(a.workflow.at),
			"changed_by_type": a.workflow.kind, "changed_by": a.workflow.by,
		},
		"determination": map[string]any{
			"value": a.Determination, "change_timestamp": stamp(a.determination.at),
			"changed_by_type": a.determination.kind, "changed_by": a.determination.by,
		},
		"tags": nil, "alert_notes_present": len(a.Notes) > 0, "threat_notes_present": len(t.Notes) > 0, "is_updated": !a.updated.IsZero(),
	}
	if !a.updated.IsZero() {
		wire["user_update_timestamp"] = stamp(a.updated)
	}
	if len(t.Tags) > 0 {
		wire["tags"] = slices.Clone(t.Tags)
	}
	s.describeAlertDevice(wire, a.DeviceID)
	s.describeAlertProcess(wire, a.ProcessGUID)
	describeReport(wire, a.Alert)
	maps.Copy(wire, a.Extra)
	hidden := map[string][]string{
		"workflow_status": {a.Status}, "workflow_closure_reason": {a.ClosureReason}, "workflow_changed_by": {a.workflow.by},
		"workflow_changed_by_type": {a.workflow.kind}, "workflow_change_timestamp": {stamp(a.workflow.at)},
		"determination_value": {a.Determination}, "determination_changed_by": {a.determination.by},
		"determination_changed_by_type": {a.determination.kind}, "determination_change_timestamp": {stamp(a.determination.at)},
	}
	for _, l := range a.Watchlists {
		hidden["watchlists_id"] = append(hidden["watchlists_id"], l.ID)
		hidden["watchlists_name"] = append(hidden["watchlists_name"], l.Name)
	}
	for _, field := range a.Omit {
		delete(wire, field)
	}
	return document{wire: wire, hidden: hidden, time: reported, bare: []string{
		"id", "threat_id", "reason", "device_name", "process_name", "process_guid", "process_sha256", "process_md5", "process_cmdline",
		"process_username", "report_name", "ioc_hit",
	}}
}

// describeAlertDevice writes what is known of the device. The caller holds the lock.
func (s *Server) describeAlertDevice(wire map[string]any, id int64) {
	d, ok := s.device(id)
	if !ok {
		return
	}
	wire["device_id"], wire["device_name"], wire["device_os"], wire["device_os_version"] = d.ID, d.Name, d.OS, d.OSVersion
	wire["device_policy_id"], wire["device_policy"] = d.PolicyID, s.policyName(d.PolicyID)
	wire["device_internal_ip"], wire["device_external_ip"] = d.InternalIP, externalIP
	wire["device_location"], wire["device_target_value"] = "OFFSITE", d.TargetPriority
	wire["device_username"] = orNull(d.User)
}

// describeAlertProcess writes what is known of the process. Unlike in a search, everything is a single value. The caller
// holds the lock.
func (s *Server) describeAlertProcess(wire map[string]any, guid string) {
	if guid == "" {
		return
	}
	wire["process_guid"] = guid
	i, ok := s.byGUID[guid]
	if !ok {
		return
	}
	p := s.processes[i]
	if len(p.PIDs) > 0 {
		wire["process_pid"] = p.PIDs[0]
	}
	for field, text := range map[string]string{
		"process_name": p.Name, "process_cmdline": p.CmdLine, "process_username": p.Username, "process_reputation": p.Reputation,
		"process_effective_reputation": p.Reputation, "parent_guid": p.ParentGUID,
	} {
		if text != "" {
			wire[field] = text
		}
	}
	hashMembers(wire, "process", p.Hashes)
	up, ok := s.byGUID[p.ParentGUID]
	if !ok {
		return
	}
	parent := s.processes[up]
	hashMembers(wire, "parent", parent.Hashes)
	if len(parent.PIDs) > 0 {
		wire["parent_pid"] = parent.PIDs[0]
	}
	if parent.Name != "" {
		wire["parent_name"] = parent.Name
	}
}

// hashMembers writes hashes as the members of one kind each.
func hashMembers(wire map[string]any, of string, hashes []string) {
	for _, h := range hashes {
		if len(h) == 64 {
			wire[of+"_sha256"] = h
		} else {
			wire[of+"_md5"] = h
		}
	}
}

// describeReport writes what a watchlist alert has besides.
func describeReport(wire map[string]any, a Alert) {
	if a.Type != "WATCHLIST" {
		return
	}
	lists := []map[string]any{}
	for _, l := range a.Watchlists {
		lists = append(lists, map[string]any{"id": l.ID, "name": l.Name})
	}
	wire["watchlists"], wire["report_id"], wire["report_name"] = lists, a.ReportID, a.ReportName
	wire["report_description"], wire["report_link"] = orNull(a.ReportDescription), orNull(a.ReportLink)
	wire["report_tags"] = append([]string{}, a.ReportTags...)
	wire["ioc_id"], wire["ioc_hit"] = a.IOCID, a.IOCHit
	if a.IOCField != "" {
		wire["ioc_field"] = a.IOCField
	}
}

// alertDocuments are all alerts. The caller holds the lock.
func (s *Server) alertDocuments() []document {
	s.advanceServiceJobs()
	all := make([]document, 0, len(s.alerts.alerts))
	for _, a := range s.alerts.alerts {
		all = append(all, s.alertDocument(a))
	}
	return all
}

// alertFields are the members that alerts can be searched, sorted and counted by. An alert in the world can have others,
// which then are known as well.
func alertFields() []string {
	return []string{
		"alert_notes_present", "attack_tactic", "attack_technique", "backend_timestamp", "backend_update_timestamp", "blocked_effective_reputation",
		"blocked_md5", "blocked_name", "blocked_sha256", "childproc_cmdline", "childproc_effective_reputation", "childproc_guid", "childproc_md5",
		"childproc_name", "childproc_sha256", "childproc_username", "connection_type", "detection_timestamp", "determination_changed_by",
		"determination_changed_by_type", "determination_change_timestamp", "determination_value", "device_external_ip", "device_id",
		"device_internal_ip", "device_location", "device_name", "device_os", "device_os_version", "device_policy", "device_policy_id",
		"device_target_value", "device_username", "external_device_friendly_name", "first_event_timestamp", "id", "ioc_field", "ioc_hit",
		"ioc_id", "is_updated", "k8s_cluster", "k8s_kind", "k8s_namespace", "k8s_pod_name", "k8s_policy", "k8s_policy_id", "k8s_rule",
		"k8s_rule_id", "k8s_workload_name", "last_event_timestamp", "mdr_alert", "mdr_alert_notes_present", "mdr_determination_value",
		"mdr_threat_notes_present", "mdr_workflow_status", "ml_classification_final_verdict", "netconn_local_ip", "netconn_local_port",
		"netconn_protocol", "netconn_remote_domain", "netconn_remote_ip", "netconn_remote_port", "org_key", "parent_cmdline",
		"parent_effective_reputation", "parent_guid", "parent_md5", "parent_name", "parent_pid", "parent_reputation", "parent_sha256",
		"parent_username", "policy_applied", "primary_event_id", "process_cmdline", "process_effective_reputation", "process_guid",
		"process_issuer", "process_md5", "process_name", "process_pid", "process_publisher", "process_reputation", "process_sha256",
		"process_username", "product_id", "product_name", "reason", "reason_code", "remote_is_private", "remote_k8s_kind",
		"remote_k8s_namespace", "remote_k8s_pod_name", "remote_k8s_workload_name", "report_description", "report_id", "report_link",
		"report_name", "report_tags", "rule_category_id", "rule_config_category", "rule_config_id", "rule_config_name", "rule_id",
		"run_state", "sensor_action", "serial_number", "severity", "tags", "threat_id", "threat_name", "threat_notes_present", "tms_rule_id",
		"ttps", "type", "user_update_timestamp", "vendor_id", "vendor_name", "watchlists_id", "watchlists_name", "workflow_changed_by",
		"workflow_changed_by_type", "workflow_change_timestamp", "workflow_closure_reason", "workflow_status",
	}
}
