package cbctest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// registerPolicies adds the routes of policies.
func (s *Server) registerPolicies() {
	const policies = "/policyservice/v1/orgs/{org_key}/policies"
	s.serve("GET "+policies+"/summary", "org.policies:READ", s.listPolicies)
	s.serve("GET "+policies+"/{policy_id}", "org.policies:READ", s.getPolicy)
}

// policy finds a policy. The caller holds the lock.
func (s *Server) policy(id int64) (Policy, bool) {
	i := slices.IndexFunc(s.policies, func(p Policy) bool { return p.ID == id })
	if i < 0 {
		return Policy{}, false
	}
	return s.policies[i], true
}

// policyName is empty if there is no such policy. The caller holds the lock.
func (s *Server) policyName(id int64) string {
	p, _ := s.policy(id)
	return p.Name
}

// Policies lists the policies.
func (s *Server) Policies() []Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.policies)
}

func (s *Server) listPolicies(w http.ResponseWriter, _ *http.Request) {
	list := []map[string]any{}
	for _, p := range s.policies {
		devices := 0
		for _, d := range s.devices {
			if d.PolicyID == p.ID && !d.gone() {
				devices++
			}
		}
		list = append(list, map[string]any{
			"id": p.ID, "name": p.Name, "description": p.Description, "priority_level": p.PriorityLevel,
			"position": p.Position, "is_system": p.System, "num_devices": devices,
		})
	}
	s.reply(w, http.StatusOK, map[string]any{"policies": list})
}

func (s *Server) getPolicy(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("policy_id"), 10, 64)
	p, ok := s.policy(id)
	if err != nil || !ok {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "policy not found")
		return
	}
	page := map[string]any{
		"id": p.ID, "name": p.Name, "org_key": s.orgKey, "version": 2, "priority_level": p.PriorityLevel,
		"position": p.Position, "is_system": p.System, "description": p.Description,
		"update_time": s.created.UnixMilli(), "av_settings": map[string]any{}, "rules": []any{},
		"directory_action_rules": []any{}, "rule_configs": []any{}, "sensor_configs": []any{},
		"sensor_settings": []map[string]any{
			{"name": "CB_LIVE_RESPONSE", "value": strconv.FormatBool(!p.NoLiveResponse)},
			{"name": "SHOW_UI", "value": "true"},
		},
		"managed_detection_response_permissions":            map[string]any{},
		"auto_deregister_inactive_vdi_interval_ms":          0,
		"auto_deregister_inactive_vm_workloads_interval_ms": 0,
		"auto_delete_known_bad_hashes_delay":                nil,
	}
	maps.Copy(page, p.Extra)
	s.reply(w, http.StatusOK, page)
}
