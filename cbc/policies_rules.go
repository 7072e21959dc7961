package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// PolicyRuleID identifies a rule within its policy. Valid ids are above zero.
type PolicyRuleID int64

// PolicyRule says what applications may do, or what becomes of them. The words are the vendor's; the sets are open.
type PolicyRule struct {
	// ID is the vendor's; CreateRule ignores it.
	ID PolicyRuleID `json:"id,omitzero"`
	// Required tells that the rule belongs to the policy for good.
	Required bool `json:"required"`
	// Action is what the sensor does, such as DENY, TERMINATE or IGNORE.
	Action string `json:"action"`
	// Application is what the rule is about.
	Application PolicyApplication `json:"application"`
	// Operation is what the application does, such as RUN or RANSOM.
	Operation string `json:"operation"`
}

// PolicyApplication is a kind of application: by its reputation, its path or its signature.
type PolicyApplication struct {
	// Type says what Value is, such as REPUTATION or NAME_PATH.
	Type string `json:"type"`
	// Value is such as COMPANY_BLACK_LIST, or a path.
	Value string `json:"value"`
}

func (r PolicyRule) check(op string) error {
	if r.Action == "" || r.Application.Type == "" || r.Application.Value == "" || r.Operation == "" {
		return fmt.Errorf("cbc: %s: a rule needs Action, Application and Operation", op)
	}
	return nil
}

// CreateRule adds a rule to a policy and returns it with its id. Sensors follow at their next check-in. It is never repeated after an
// error that leaves open whether it was done, because a repetition may add a second rule. An unknown policy is [ErrNotFound]. It needs
// org.policies (UPDATE).
//
//api:op POST /policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules
func (p *Policies) CreateRule(ctx context.Context, policy PolicyID, rule PolicyRule) (PolicyRule, error) {
	const op = "policies.create_rule"
	if err := errors.Join(checkPolicyID(op, policy), rule.check(op)); err != nil {
		return PolicyRule{}, err
	}
	rule.ID = 0
	call := p.c.call(op, http.MethodPost, "/policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules", formatID(policy))
	call.Body = rule
	var made PolicyRule
	if err := p.c.do(ctx, call, &made); err != nil {
		return PolicyRule{}, err
	}
	if made.ID <= 0 {
		return PolicyRule{}, answerError(op, http.StatusOK, nil, errors.New("a rule without an id"))
	}
	return made, nil
}

// ReplaceRule makes the rule with the id of rule what rule says. It sets a state, so that it is repeatable. An unknown policy or rule is
// [ErrNotFound]. It needs org.policies (UPDATE).
//
//api:op PUT /policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules/{rule_id}
func (p *Policies) ReplaceRule(ctx context.Context, policy PolicyID, rule PolicyRule) error {
	const op = "policies.replace_rule"
	if err := errors.Join(checkPolicyID(op, policy), checkRuleID(op, rule.ID), rule.check(op)); err != nil {
		return err
	}
	call := p.c.call(op, http.MethodPut, "/policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules/{rule_id}", formatID(policy), formatID(rule.ID))
	call.Body, call.Repeatable = rule, true
	return p.c.do(ctx, call, nil)
}

// DeleteRule removes a rule from a policy. It is never repeated after an error that leaves open whether it was done. An unknown policy or
// rule is [ErrNotFound]. It needs org.policies (UPDATE).
//
//api:op DELETE /policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules/{rule_id}
func (p *Policies) DeleteRule(ctx context.Context, policy PolicyID, rule PolicyRuleID) error {
	const op = "policies.delete_rule"
	if err := errors.Join(checkPolicyID(op, policy), checkRuleID(op, rule)); err != nil {
		return err
	}
	return p.c.do(ctx, p.c.call(op, http.MethodDelete, "/policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules/{rule_id}", formatID(policy), formatID(rule)), nil)
}

func checkPolicyID(op string, id PolicyID) error {
	if id <= 0 {
		return fmt.Errorf("cbc: %s: %d is no policy id", op, id)
	}
	return nil
}

func checkRuleID(op string, id PolicyRuleID) error {
	if id <= 0 {
		return fmt.Errorf("cbc: %s: %d is no rule id", op, id)
	}
	return nil
}
