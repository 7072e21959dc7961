package cbc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Create makes a policy and returns it as the vendor has it. Name and PriorityLevel are required. A policy of [Policies.Get] with another Name is
// copied with everything in it. Create is never repeated after an error that leaves open whether it was done, because a repetition may
// make a second policy; [Policies.ByName] tells. A name that is taken may be an [ErrConflict]. It needs org.policies (CREATE).
//
//api:op POST /policyservice/v1/orgs/{org_key}/policies
func (p *Policies) Create(ctx context.Context, policy Policy) (Policy, error) {
	const op = "policies.create"
	body, err := policy.body(op)
	if err != nil {
		return Policy{}, err
	}
	for _, theirs := range []string{"id", "org_key", "is_system"} {
		delete(body, theirs)
	}
	call := p.c.call(op, http.MethodPost, "/policyservice/v1/orgs/{org_key}/policies")
	call.Body = body
	var raw jsontext.Value
	if err := p.c.do(ctx, call, &raw); err != nil {
		return Policy{}, err
	}
	return decodePolicy(op, raw)
}

// Replace makes a policy what the given one says, and returns it as the vendor has it. The policy must come from [Policies.Get], so that
// nothing that has no field here is lost: what was not changed since is sent as it came. Who else has changed the policy meanwhile, loses
// that. Where Rules were changed, they are sent without what has no field in [PolicyRule]; [Policies.ReplaceRule] changes a single one.
// Sensors follow at their next check-in. It sets a state, so that it is repeatable. It needs org.policies (UPDATE).
//
//api:op PUT /policyservice/v1/orgs/{org_key}/policies/{policy_id}
func (p *Policies) Replace(ctx context.Context, policy Policy) (Policy, error) {
	const op = "policies.replace"
	if err := checkPolicyID(op, policy.ID); err != nil {
		return Policy{}, err
	}
	if len(policy.Raw) == 0 {
		return Policy{}, fmt.Errorf("cbc: %s: the policy does not come from Policies.Get", op)
	}
	if was, err := decodePolicy(op, policy.Raw); err != nil || was.ID != policy.ID {
		return Policy{}, fmt.Errorf("cbc: %s: Raw is not that of policy %d", op, policy.ID)
	}
	body, err := policy.body(op)
	if err != nil {
		return Policy{}, err
	}
	call := p.c.call(op, http.MethodPut, "/policyservice/v1/orgs/{org_key}/policies/{policy_id}", formatID(policy.ID))
	call.Body, call.Repeatable = body, true
	var raw jsontext.Value
	if result, err := p.c.send(ctx, call, &raw); err != nil {
		if result.Status == http.StatusNoContent {
			return p.Get(ctx, policy.ID) // instead of showing it
		}
		return Policy{}, err
	}
	made, err := decodePolicy(op, raw)
	if err == nil && made.ID != policy.ID {
		err = answerError(op, http.StatusOK, nil, fmt.Errorf("it is about policy %d, not %d", made.ID, policy.ID))
	}
	if err != nil {
		return Policy{}, err
	}
	return made, nil
}

// Delete removes a policy. The vendor refuses for a policy that devices have, or that came with the product: an [*APIError] with status 400.
// It is never repeated after an error that leaves open whether it was done. An unknown policy is [ErrNotFound]. It needs org.policies
// (DELETE).
//
//api:op DELETE /policyservice/v1/orgs/{org_key}/policies/{policy_id}
func (p *Policies) Delete(ctx context.Context, id PolicyID) error {
	const op = "policies.delete"
	if err := checkPolicyID(op, id); err != nil {
		return err
	}
	return p.c.do(ctx, p.c.call(op, http.MethodDelete, "/policyservice/v1/orgs/{org_key}/policies/{policy_id}", formatID(id)), nil)
}

// body is the policy to send: what came, with what was changed since.
func (p Policy) body(op string) (map[string]jsontext.Value, error) {
	if strings.TrimSpace(p.Name) == "" || p.PriorityLevel == "" {
		return nil, fmt.Errorf("cbc: %s: a policy needs Name and PriorityLevel", op)
	}
	body := make(map[string]jsontext.Value)
	var was Policy
	if len(p.Raw) > 0 {
		var err error
		if was, err = decodePolicy(op, p.Raw); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(p.Raw, &body, jsontext.AllowInvalidUTF8(true)); err != nil {
			return nil, fmt.Errorf("cbc: %s: Raw: %w", op, err)
		}
	} else {
		body["version"] = jsontext.Value("2")
	}
	for _, theirs := range []string{"update_time", "num_devices"} {
		delete(body, theirs)
	}
	isNew := len(p.Raw) == 0
	var problems []error
	set := func(member string, changed bool, value any) {
		if !changed && !isNew {
			return
		}
		raw, err := json.Marshal(value)
		problems = append(problems, err)
		body[member] = raw
	}
	set("name", p.Name != was.Name, p.Name)
	set("description", p.Description != was.Description, p.Description)
	set("priority_level", p.PriorityLevel != was.PriorityLevel, p.PriorityLevel)
	if p.Position != was.Position {
		set("position", true, p.Position)
	}
	set("rules", !slices.Equal(p.Rules, was.Rules), slices.Concat([]PolicyRule{}, p.Rules))
	set("sensor_settings", !slices.Equal(p.SensorSettings, was.SensorSettings), slices.Concat([]SensorSetting{}, p.SensorSettings))
	for _, part := range []struct {
		member   string
		now, was []byte
	}{
		{"directory_action_rules", p.DirectoryActionRules, was.DirectoryActionRules},
		{"rule_configs", p.RuleConfigs, was.RuleConfigs},
		{"sensor_configs", p.SensorConfigs, was.SensorConfigs},
		{"av_settings", p.AVSettings, was.AVSettings},
	} {
		switch {
		case bytes.Equal(part.now, part.was):
		case len(part.now) == 0:
			delete(body, part.member)
		case !jsontext.Value(part.now).IsValid():
			problems = append(problems, fmt.Errorf("cbc: %s: %s is no JSON", op, part.member))
		default:
			body[part.member] = part.now
		}
	}
	return body, errors.Join(problems...)
}
