package cbctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/pphunt/pphunt/internal/fake"
)

// registerRuleConfigs adds the routes of the rule configurations in a policy, which the vendor's SDK changes one by one.
func (s *Server) registerRuleConfigs() {
	const (
		one    = "/policyservice/v1/orgs/{org_key}/policies/{policy_id}"
		read   = "org.policies:READ"
		update = "org.policies:UPDATE"
	)
	s.serve("GET "+one+"/configs/presentation", read, s.presentConfigs)
	s.serve("GET "+one+"/rule_configs", read, s.listConfigs)
	s.serve("GET "+one+"/rule_configs/{category}", read, s.listConfigs)
	s.serve("PUT "+one+"/rule_configs/{category}", update, s.changeConfigs)
	s.serve("DELETE "+one+"/rule_configs/{category}/{config_id}", "org.policies:DELETE", s.resetConfig)
}

// configs are the rule configurations of a policy. The caller holds the lock.
func (s *Server) configs(p Policy) []map[string]any {
	var list []map[string]any
	// They are kept as the world or a client wrote them; on the wire they are what they are there.
	raw, err := json.Marshal(s.policyJSON(p)["rule_configs"])
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		return nil
	}
	return list
}

// keepConfigs changes the rule configurations of a policy. The caller holds the lock.
func (s *Server) keepConfigs(policy int, configs []map[string]any) {
	p := &s.policies[policy]
	p.Extra = maps.Clone(p.Extra)
	if p.Extra == nil {
		p.Extra = map[string]any{}
	}
	p.Extra["rule_configs"], p.Updated = configs, s.now()
	s.policyChanged(p.ID)
}

// presentConfigs tells what rule configurations a policy can have, and what parameters those take.
func (s *Server) presentConfigs(w http.ResponseWriter, r *http.Request) {
	i, ok := s.policyOf(w, r)
	if !ok {
		return
	}
	list := []map[string]any{}
	for _, c := range s.configs(s.policies[i]) {
		list = append(list, map[string]any{
			"id": c["id"], "name": c["name"], "description": c["description"],
			"presentation": map[string]any{"name": c["name"], "category": c["category"], "description": []any{c["description"]}},
			"parameters": []map[string]any{{
				"name": "WindowsAssignmentMode", "default": "BLOCK", "description": "What is done about it.", "recommended": "BLOCK",
				"validations": []map[string]any{{"type": "enum", "required": true, "values": []string{"REPORT", "BLOCK"}}},
			}},
		})
	}
	s.reply(w, http.StatusOK, map[string]any{"configs": list})
}

func (s *Server) listConfigs(w http.ResponseWriter, r *http.Request) {
	i, ok := s.policyOf(w, r)
	if !ok {
		return
	}
	list := []map[string]any{}
	for _, c := range s.configs(s.policies[i]) {
		if category := r.PathValue("category"); category == "" || c["category"] == category {
			list = append(list, c)
		}
	}
	s.reply(w, http.StatusOK, map[string]any{"results": list})
}

// configBody is a change of one rule configuration.
type configBody struct {
	ID         string         `json:"id"`
	Parameters map[string]any `json:"parameters"`
}

// configBodies reads changes: a list of them, or a single one.
func configBodies(r *http.Request) ([]configBody, error) {
	raw, err := io.ReadAll(r.Body) //nolint:forbidigo // the router has bounded the body
	if err != nil {
		return nil, errors.New("the body cannot be read")
	}
	var all []configBody
	if raw = bytes.TrimSpace(raw); len(raw) > 0 && raw[0] == '{' {
		raw = slices.Concat([]byte{'['}, raw, []byte{']'})
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return all, fake.DecodeStrict(r, &all)
}

// changeConfigs sets parameters of rule configurations. Each change succeeds or fails by itself; the answer is 200 all the same.
func (s *Server) changeConfigs(w http.ResponseWriter, r *http.Request) {
	changes, err := configBodies(r)
	if err != nil {
		s.fail(w, http.StatusBadRequest, "MALFORMED_JSON", err.Error())
		return
	}
	i, ok := s.policyOf(w, r)
	if !ok {
		return
	}
	configs := s.configs(s.policies[i])
	successful, failed := []map[string]any{}, []map[string]any{}
	for _, change := range changes {
		j := slices.IndexFunc(configs, func(c map[string]any) bool {
			return c["id"] == change.ID && c["category"] == r.PathValue("category")
		})
		switch mode, given := change.Parameters["WindowsAssignmentMode"]; {
		case j < 0:
			failed = append(failed, map[string]any{"id": change.ID, "error_code": "NOT_FOUND", "message": "no such rule configuration"})
			continue
		case given && mode != "REPORT" && mode != "BLOCK":
			failed = append(failed, map[string]any{
				"id": change.ID, "error_code": "INVALID_ENUM_VALUE", "message": "WindowsAssignmentMode is neither REPORT nor BLOCK",
			})
			continue
		}
		parameters, _ := configs[j]["parameters"].(map[string]any)
		parameters = maps.Clone(parameters)
		if parameters == nil {
			parameters = map[string]any{}
		}
		maps.Copy(parameters, change.Parameters)
		configs[j]["parameters"] = parameters
		successful = append(successful, configs[j])
	}
	s.keepConfigs(i, configs)
	s.reply(w, http.StatusOK, map[string]any{"successful": successful, "failed": failed})
}

// resetConfig sets a rule configuration back to what it is in a new policy.
func (s *Server) resetConfig(w http.ResponseWriter, r *http.Request) {
	i, ok := s.policyOf(w, r)
	if !ok {
		return
	}
	configs := s.configs(s.policies[i])
	j := slices.IndexFunc(configs, func(c map[string]any) bool {
		return c["id"] == r.PathValue("config_id") && c["category"] == r.PathValue("category")
	})
	if j < 0 {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "no such rule configuration")
		return
	}
	configs[j]["parameters"] = map[string]any{"WindowsAssignmentMode": "BLOCK"}
	s.keepConfigs(i, configs)
	w.WriteHeader(http.StatusNoContent)
}
