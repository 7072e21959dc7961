package cbctest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// exportAlerts starts a job that writes the selected alerts as CSV. Which those are is settled now.
func (s *Server) exportAlerts(w http.ResponseWriter, r *http.Request) {
	var in struct {
		alertSelection
		Format string   `json:"format"`
		Fields []string `json:"fields"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	if in.Format != "CSV" {
		s.badEnum(w, "format", in.Format, []string{"CSV"})
		return
	}
	known := s.knownAlertFields()
	for i, field := range in.Fields {
		if !slices.Contains(known, field) {
			s.badEnum(w, fmt.Sprintf("fields[%d]", i), field, known)
			return
		}
	}
	m, err := s.understandAlerts(in.alertSelection)
	if err != nil {
		s.badAlerts(w, err)
		return
	}
	_, found := s.selectAlerts(m, "")
	ordered(found, in.Sort, "backend_timestamp")
	fields := in.Fields
	if len(fields) == 0 {
		fields = []string{
			"id", "type", "severity", "threat_id", "detection_timestamp", "reason", "device_id", "device_name", "process_guid",
			"process_name", "process_sha256", "workflow_status", "workflow_closure_reason", "determination_value",
		}
	}
	var buf bytes.Buffer
	out := csv.NewWriter(&buf)
	// Writing to a buffer does not fail.
	_ = out.Write(fields)
	for _, d := range found {
		record := make([]string, 0, len(fields))
		for _, field := range fields {
			record = append(record, strings.Join(d.values(field), ";"))
		}
		_ = out.Write(record)
	}
	out.Flush()
	body := buf.Bytes()
	id := s.startServiceJob("ALERTS", len(found), func() (string, []byte) { return "text/csv", body }, ownedBy(r))
	s.reply(w, http.StatusOK, map[string]any{"job_id": id})
}

// groupBy is the field that alerts are grouped by.
type groupBy struct {
	Field string `json:"field"`
}

// grouped puts alerts together that have a value in common, in the order in which the values come first. Alerts without
// the field are in no group.
func grouped(found []document, field string) []map[string]any {
	var order []string
	members := map[string][]document{}
	for _, d := range found {
		for _, v := range d.values(field) {
			if members[v] == nil {
				order = append(order, v)
			}
			members[v] = append(members[v], d)
		}
	}
	groups := []map[string]any{}
	for _, v := range order {
		groups = append(groups, alertGroup(members[v]))
	}
	return groups
}

// alertGroup is a group on the wire.
func alertGroup(members []document) map[string]any {
	statuses, values, devices := map[string]int{}, map[string]int{}, map[string]bool{}
	latest, first, severity, noted := members[0], members[0], 0, false
	for _, d := range members {
		statuses[d.values("workflow_status")[0]]++
		values[d.values("determination_value")[0]]++
		for _, id := range d.values("device_id") {
			devices[id] = true
		}
		if n, ok := d.wire["severity"].(int); ok {
			severity = max(severity, n)
		}
		if d.time.After(latest.time) {
			latest = d
		}
		if d.time.Before(first.time) {
			first = d
		}
		present, _ := d.wire["threat_notes_present"].(bool)
		noted = noted || present
	}
	return map[string]any{
		"count": len(members), "workflow_states": statuses, "determination_values": values, "device_count": len(devices),
		"workload_count": 0, "highest_severity": severity, "first_alert_timestamp": first.wire["detection_timestamp"],
		"last_alert_timestamp": latest.wire["detection_timestamp"], "policy_applied": latest.wire["policy_applied"],
		"threat_notes_present": noted, "tags": latest.wire["tags"], "most_recent_alert": latest.wire,
	}
}
