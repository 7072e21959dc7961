package cbctest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// policyBody is a policy as a client sends it: the page that it got, changed, or a new one.
type policyBody struct {
	ID             *int64          `json:"id"`
	OrgKey         *string         `json:"org_key"`
	Version        *int            `json:"version"`
	Name           string          `json:"name"`
	Description    *string         `json:"description"`
	PriorityLevel  string          `json:"priority_level"`
	Position       *int            `json:"position"`
	IsSystem       *bool           `json:"is_system"`
	UpdateTime     *int64          `json:"update_time"` // the service's own
	NumDevices     *int            `json:"num_devices"` // the service's own
	Rules          []ruleBody      `json:"rules"`
	SensorSettings []sensorSetting `json:"sensor_settings"`

	// What the service keeps and the fake does not look into.
	DirectoryActionRules []directoryRule  `json:"directory_action_rules"`
	AVSettings           map[string]any   `json:"av_settings"`
	RuleConfigs          []map[string]any `json:"rule_configs"`
	RapidConfigs         []map[string]any `json:"rapid_configs"` // what rule_configs was called before
	SensorConfigs        []map[string]any `json:"sensor_configs"`
	MDRPermissions       map[string]any   `json:"managed_detection_response_permissions"`
	VDIInterval          *int64           `json:"auto_deregister_inactive_vdi_interval_ms"`
	VMInterval           *int64           `json:"auto_deregister_inactive_vm_workloads_interval_ms"`
	BadHashDelay         *int64           `json:"auto_delete_known_bad_hashes_delay"`
}

// sensorSetting is a setting of the sensor. Its value is a string whatever it means.
type sensorSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// directoryRule is a rule for files in a directory.
type directoryRule struct {
	Path       string `json:"path"`
	FileUpload bool   `json:"file_upload"`
	Protection bool   `json:"protection"`
}

// ruleBody is a rule as a client sends it.
type ruleBody struct {
	ID          *int64             `json:"id"`
	Required    *bool              `json:"required"`
	Action      string             `json:"action"`
	Application *PolicyApplication `json:"application"`
	Operation   string             `json:"operation"`
}

// The words in rules.
func ruleActions() []string {
	return []string{"IGNORE", "ALLOW", "TERMINATE_PROCESS", "TERMINATE_THREAD", "TERMINATE", "DENY"}
}

func ruleTypes() []string { return []string{"NAME_PATH", "SIGNED_BY", "REPUTATION"} }

func ruleOperations() []string {
	return []string{
		"BYPASS_ALL", "BYPASS_API", "INVOKE_SCRIPT", "INVOKE_SYSAPP", "POL_INVOKE_NOT_TRUSTED", "INVOKE_CMD_INTERPRETER", "RANSOM",
		"NETWORK", "PROCESS_ISOLATION", "CODE_INJECTION", "MEMORY_SCRAPE", "RUN_INMEMORY_CODE", "ESCALATE", "RUN",
	}
}

// check says what is wrong with a rule; at is where it stands in the body.
func (in ruleBody) check(at string) error {
	switch {
	case in.Required == nil:
		return errors.New(at + "required is missing")
	case !slices.Contains(ruleActions(), in.Action):
		return &enumError{field: at + "action", value: in.Action, known: ruleActions()}
	case in.Application == nil || in.Application.Value == "":
		return errors.New(at + "application lacks its value")
	case !slices.Contains(ruleTypes(), in.Application.Type):
		return &enumError{field: at + "application.type", value: in.Application.Type, known: ruleTypes()}
	case !slices.Contains(ruleOperations(), in.Operation):
		return &enumError{field: at + "operation", value: in.Operation, known: ruleOperations()}
	}
	return nil
}

// rule is the rule with an id.
func (in ruleBody) rule(id int64) PolicyRule {
	return PolicyRule{
		ID: id, Required: *in.Required, Action: in.Action, Operation: in.Operation,
		Application: *in.Application,
	}
}

// body is the rule as a client would send it.
func (r PolicyRule) body() ruleBody {
	return ruleBody{ID: &r.ID, Required: &r.Required, Action: r.Action, Operation: r.Operation, Application: &r.Application}
}

// check says what is wrong with a policy. id is that of the path; 0 for a new one.
func (in policyBody) check(orgKey string, id int64) error {
	levels := []string{"LOW", "MEDIUM", "HIGH", "MISSION_CRITICAL"}
	switch {
	case in.ID != nil && *in.ID != id:
		return errors.New("id is not that of the path; a new policy has none")
	case in.OrgKey != nil && *in.OrgKey != orgKey:
		return errors.New("org_key is another organization's")
	case in.Version != nil && *in.Version != policyVersion:
		return fmt.Errorf("version is not %d", policyVersion)
	case strings.TrimSpace(in.Name) == "":
		return errors.New("name is missing")
	case !slices.Contains(levels, in.PriorityLevel):
		return &enumError{field: "priority_level", value: in.PriorityLevel, known: levels}
	case in.Position != nil && *in.Position < 1:
		return errors.New("position is less than 1")
	case id == 0 && in.IsSystem != nil && *in.IsSystem:
		return errors.New("is_system: the vendor alone makes such policies")
	}
	ids := map[int64]bool{}
	for i, r := range in.Rules {
		if err := r.check(fmt.Sprintf("rules[%d].", i)); err != nil {
			return err
		}
		if r.ID != nil && ids[*r.ID] {
			return fmt.Errorf("rules[%d].id is there twice", i)
		}
		if r.ID != nil {
			ids[*r.ID] = true
		}
	}
	names := map[string]bool{}
	for i, setting := range in.SensorSettings {
		if setting.Name == "" || names[setting.Name] {
			return fmt.Errorf("sensor_settings[%d].name is missing or there twice", i)
		}
		names[setting.Name] = true
	}
	return nil
}

// apply makes a policy what the body says. Members that the world gave it and no body can have stay as they are.
func (in policyBody) apply(p *Policy, now time.Time) {
	p.Name, p.PriorityLevel, p.Updated = in.Name, in.PriorityLevel, now
	p.Description = ""
	if in.Description != nil {
		p.Description = *in.Description
	}
	p.Rules = make([]PolicyRule, 0, len(in.Rules))
	next := int64(1)
	for _, r := range in.Rules {
		if r.ID != nil {
			next = max(next, *r.ID+1)
		}
	}
	for _, r := range in.Rules {
		if r.ID != nil {
			p.Rules = append(p.Rules, r.rule(*r.ID))
			continue
		}
		p.Rules = append(p.Rules, r.rule(next))
		next++
	}
	p.NoLiveResponse, p.SensorSettings = false, map[string]string{}
	for _, setting := range in.SensorSettings {
		if setting.Name == liveResponseSetting {
			p.NoLiveResponse = setting.Value != "true"
			continue
		}
		p.SensorSettings[setting.Name] = setting.Value
	}
	p.Extra = maps.Clone(p.Extra)
	if p.Extra == nil {
		p.Extra = map[string]any{}
	}
	for member, value := range in.kept() {
		delete(p.Extra, member)
		if value != nil {
			p.Extra[member] = value
		}
	}
}

// kept are the members that are kept as they come; nil if they are not there.
func (in policyBody) kept() map[string]any {
	m := map[string]any{
		"directory_action_rules": nil, "av_settings": nil, "rule_configs": nil, "sensor_configs": nil,
		"managed_detection_response_permissions": nil, "auto_deregister_inactive_vdi_interval_ms": nil,
		"auto_deregister_inactive_vm_workloads_interval_ms": nil, "auto_delete_known_bad_hashes_delay": nil,
	}
	set := func(member string, there bool, value any) {
		if there {
			m[member] = value
		}
	}
	set("directory_action_rules", in.DirectoryActionRules != nil, in.DirectoryActionRules)
	set("av_settings", in.AVSettings != nil, in.AVSettings)
	set("rule_configs", len(in.RapidConfigs) > 0, in.RapidConfigs)
	set("rule_configs", in.RuleConfigs != nil, in.RuleConfigs)
	set("sensor_configs", in.SensorConfigs != nil, in.SensorConfigs)
	set("managed_detection_response_permissions", in.MDRPermissions != nil, in.MDRPermissions)
	set("auto_deregister_inactive_vdi_interval_ms", in.VDIInterval != nil, in.VDIInterval)
	set("auto_deregister_inactive_vm_workloads_interval_ms", in.VMInterval != nil, in.VMInterval)
	set("auto_delete_known_bad_hashes_delay", in.BadHashDelay != nil, in.BadHashDelay)
	return m
}
