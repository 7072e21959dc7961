package cbc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// PolicyID identifies a policy. Valid ids are above zero.
type PolicyID int64

// Policies reads and changes policies.
type Policies struct{ c *core }

// Policy is a policy. What [Policies.List] does not tell is zero there.
type Policy struct {
	ID          PolicyID `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description,omitzero"`
	// PriorityLevel is LOW, MEDIUM, HIGH or MISSION_CRITICAL.
	PriorityLevel string `json:"priority_level,omitzero"`
	// Position decides when asset groups compete for a device.
	Position int `json:"position,omitzero"`
	// System tells that the policy came with the product.
	System bool `json:"is_system,omitzero"`
	// Devices is how many devices have the policy. Only List tells.
	Devices int `json:"num_devices,omitzero"`
	// Updated is when the policy was changed. Only Get tells.
	Updated time.Time `json:"update_time,omitzero"`
	// SensorSettings are switches of the sensor. Only Get tells, as with all that follows.
	SensorSettings []SensorSetting `json:"sensor_settings,omitzero"`
	// Rules say what applications may do.
	Rules []PolicyRule `json:"rules,omitzero"`
	// DirectoryActionRules, RuleConfigs, SensorConfigs and AVSettings are JSON as it came: lists, and an object the last.
	DirectoryActionRules []byte `json:"-"`
	RuleConfigs          []byte `json:"-"`
	SensorConfigs        []byte `json:"-"`
	AVSettings           []byte `json:"-"`

	// Raw is the policy as it came, with what has no field here. [Policies.Replace] starts from it.
	Raw []byte `json:"-"`
}

// wirePolicy is a policy with the parts that are not looked into.
type wirePolicy struct {
	Policy
	DirectoryActionRules jsontext.Value `json:"directory_action_rules"`
	RuleConfigs          jsontext.Value `json:"rule_configs"`
	SensorConfigs        jsontext.Value `json:"sensor_configs"`
	AVSettings           jsontext.Value `json:"av_settings"`
}

// decodePolicy reads one policy with everything in it.
func decodePolicy(op string, raw jsontext.Value) (Policy, error) {
	var w wirePolicy
	if err := decodeValue(op, raw, &w); err != nil {
		return Policy{}, err
	}
	p := w.Policy
	if p.ID <= 0 {
		return Policy{}, answerError(op, http.StatusOK, raw, errors.New("a policy without an id"))
	}
	for part, value := range map[*[]byte]jsontext.Value{
		&p.DirectoryActionRules: w.DirectoryActionRules, &p.RuleConfigs: w.RuleConfigs, &p.SensorConfigs: w.SensorConfigs, &p.AVSettings: w.AVSettings,
	} {
		if len(value) > 0 && value.Kind() != 'n' {
			*part = bytes.Clone(value)
		}
	}
	p.Raw = bytes.Clone(raw)
	return p, nil
}

// SensorSetting is a switch of the sensor. Its value is a text even where it means yes or no.
type SensorSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// LiveResponse tells whether the policy allows Live Response sessions. Only a policy of [Policies.Get] knows.
func (p Policy) LiveResponse() bool {
	value, _ := p.Setting("CB_LIVE_RESPONSE")
	return strings.EqualFold(value, "true")
}

// Setting is the value of a switch of the sensor. Only a policy of [Policies.Get] knows.
func (p Policy) Setting(name string) (value string, ok bool) {
	for _, s := range p.SensorSettings {
		if s.Name == name {
			return s.Value, true
		}
	}
	return "", false
}

// List returns all policies, without their settings. It needs org.policies (READ).
//
//api:op GET /policyservice/v1/orgs/{org_key}/policies/summary
func (p *Policies) List(ctx context.Context) ([]Policy, error) {
	call := p.c.call("policies.list", http.MethodGet, "/policyservice/v1/orgs/{org_key}/policies/summary")
	call.Repeatable = true
	var answer struct {
		Policies []Policy `json:"policies"`
	}
	if err := p.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Policies == nil {
		return nil, answerError(call.Op, http.StatusOK, nil, errors.New("no policies"))
	}
	for _, policy := range answer.Policies {
		if policy.ID <= 0 {
			return nil, answerError(call.Op, http.StatusOK, nil, errors.New("a policy without an id"))
		}
	}
	return answer.Policies, nil
}

// ByName finds the policy with exactly this name; case and spaces count. A name that no policy has is [ErrNotFound], one that several
// have an [*AmbiguousError]. It needs org.policies (READ).
func (p *Policies) ByName(ctx context.Context, name string) (Policy, error) {
	const op = "policies.by_name"
	list, err := p.List(ctx)
	if err != nil {
		return Policy{}, err
	}
	var found []Policy
	for _, policy := range list {
		if policy.Name == name {
			found = append(found, policy)
		}
	}
	switch len(found) {
	case 0:
		return Policy{}, notFound(op, "policy", name)
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, policy := range found {
		ids[i] = formatID(policy.ID)
	}
	return Policy{}, &AmbiguousError{Op: op, Name: name, Candidates: ids}
}

// Get reads one policy with its settings and rules, [ErrNotFound] if there is none. It needs org.policies (READ).
//
//api:op GET /policyservice/v1/orgs/{org_key}/policies/{policy_id}
func (p *Policies) Get(ctx context.Context, id PolicyID) (Policy, error) {
	if id <= 0 {
		return Policy{}, fmt.Errorf("cbc: policies.get: %d is no policy id", id)
	}
	call := p.c.call("policies.get", http.MethodGet, "/policyservice/v1/orgs/{org_key}/policies/{policy_id}", formatID(id))
	call.Repeatable = true
	var raw jsontext.Value
	if err := p.c.do(ctx, call, &raw); err != nil {
		return Policy{}, err
	}
	policy, err := decodePolicy(call.Op, raw)
	if err != nil {
		return Policy{}, err
	}
	if policy.ID != id {
		return Policy{}, answerError(call.Op, http.StatusOK, nil, fmt.Errorf("it is about policy %d, not %d", policy.ID, id))
	}
	return policy, nil
}
