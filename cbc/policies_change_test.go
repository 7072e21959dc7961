package cbc_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const (
	opPolicyCreate  = "POST /policyservice/v1/orgs/{org_key}/policies"
	opPolicyReplace = "PUT /policyservice/v1/orgs/{org_key}/policies/{policy_id}"
	opPolicyDelete  = "DELETE /policyservice/v1/orgs/{org_key}/policies/{policy_id}"
	opRules         = "POST /policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules"
	opRule          = "PUT /policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules/{rule_id}"
	opRuleDelete    = "DELETE /policyservice/v1/orgs/{org_key}/policies/{policy_id}/rules/{rule_id}"
)

// denyBanned is the rule that lets bans of the organization have an effect.
func denyBanned() cbc.PolicyRule {
	return cbc.PolicyRule{
		Required: true, Action: "DENY", Application: cbc.PolicyApplication{Type: "REPUTATION", Value: "COMPANY_BLACK_LIST"}, Operation: "RUN",
	}
}

func TestPolicyFullSample(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opPolicy: {platformSample(t, "policy_full.json")}})
	got, err := client.Policies.Get(t.Context(), 88402)
	first := denyBanned()
	first.ID = 1
	want := cbc.Policy{
		ID: 88402, Name: "Contain", PriorityLevel: "HIGH", Position: 3, Devices: 1, Updated: time.Date(2025, 2, 11, 8, 16, 30, 555e6, time.UTC),
		SensorSettings: []cbc.SensorSetting{{Name: "CB_LIVE_RESPONSE", Value: "true"}, {Name: "SHOW_UI", Value: "false"}},
		Rules: []cbc.PolicyRule{first, {
			ID: 2, Action: "BLINK", Application: cbc.PolicyApplication{Type: "NAME_PATH", Value: `**\invoice*.exe`}, Operation: "NETWORK",
		}},
		DirectoryActionRules: []byte(`[{"path": "C:\\drop", "file_upload": false, "protection": true}]`),
		RuleConfigs:          []byte(`[{"id": "1f8a5e4b", "name": "Credential Theft", "parameters": {"WindowsAssignmentMode": "BLOCK"}}]`),
		SensorConfigs:        []byte(`[]`),
		Raw:                  []byte(strings.TrimSpace(platformSample(t, "policy_full.json"))),
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Get: %v (-want +got):\n%s", err, diff)
	}
	if value, ok := got.Setting("SHOW_UI"); value != "false" || !ok || !got.LiveResponse() {
		t.Errorf("Setting = %q, %v; LiveResponse = %v", value, ok, got.LiveResponse())
	}
	if _, ok := got.Setting("NONE"); ok {
		t.Error("Setting knows what is not there")
	}
}

func TestPolicyLife(t *testing.T) {
	t.Parallel()
	for _, switches := range []cbctest.PolicySwitches{{}, {Created: true}} {
		world := devices(7)
		world.Switches.Policies = switches
		srv := cbctest.New(world)
		p := connect(t, srv.Client()).Policies
		made, err := p.Create(t.Context(), cbc.Policy{Name: "Watch", PriorityLevel: "LOW", Rules: []cbc.PolicyRule{denyBanned()}, Devices: 5})
		if err != nil || made.ID == 0 || made.Name != "Watch" || len(made.Rules) != 1 || made.Rules[0].ID == 0 {
			t.Fatalf("Create = %+v, %v", made, err)
		}
		if _, err := p.Create(t.Context(), cbc.Policy{Name: "Watch", PriorityLevel: "LOW"}); !errors.Is(err, cbc.ErrConflict) {
			t.Errorf("Create again = %v, want ErrConflict", err)
		}
		made.Description, made.Position = "for suspects", 1
		made.SensorSettings = append(made.SensorSettings, cbc.SensorSetting{Name: "ALLOW_UNINSTALL", Value: "false"})
		changed, err := p.Replace(t.Context(), made)
		value, _ := changed.Setting("ALLOW_UNINSTALL")
		if err != nil || changed.Description != "for suspects" || value != "false" || changed.Position != 1 || !slices.Equal(changed.Rules, made.Rules) {
			t.Errorf("Replace = %+v, %v", changed, err)
		}
		changed.Rules, changed.Name = nil, "Watch 2"
		if changed, err = p.Replace(t.Context(), changed); err != nil || len(changed.Rules) != 0 || changed.Name != "Watch 2" {
			t.Errorf("Replace = %+v, %v, want no rules left", changed, err)
		}
		rule, err := p.CreateRule(t.Context(), made.ID, cbc.PolicyRule{
			ID: 99, Action: "TERMINATE", Application: cbc.PolicyApplication{Type: "NAME_PATH", Value: `**\a.exe`}, Operation: "RANSOM",
		})
		if err != nil || rule.ID == 0 || rule.ID == 99 {
			t.Fatalf("CreateRule = %+v, %v", rule, err)
		}
		rule.Action = "DENY"
		if err := p.ReplaceRule(t.Context(), made.ID, rule); err != nil {
			t.Errorf("ReplaceRule = %v", err)
		}
		got, err := p.Get(t.Context(), made.ID)
		if diff := cmp.Diff([]cbc.PolicyRule{rule}, got.Rules); err != nil || diff != "" {
			t.Errorf("Get: %v (-want +got):\n%s", err, diff)
		}
		if err := p.DeleteRule(t.Context(), made.ID, rule.ID); err != nil {
			t.Errorf("DeleteRule = %v", err)
		}
		if err := p.DeleteRule(t.Context(), made.ID, rule.ID); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("DeleteRule again = %v, want ErrNotFound", err)
		}
		if err := p.Delete(t.Context(), made.ID); err != nil {
			t.Errorf("Delete = %v", err)
		}
		if err := p.Delete(t.Context(), made.ID); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Delete again = %v, want ErrNotFound", err)
		}
		if err := p.Delete(t.Context(), 88231); err == nil || errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("Delete of a policy with devices = %v, want it refused", err)
		}
	}
}

func TestPolicyCopied(t *testing.T) {
	t.Parallel()
	world := devices(7)
	world.Policies[0].Rules = []cbctest.PolicyRule{{ID: 4, Action: "DENY", Application: cbctest.PolicyApplication{Type: "NAME_PATH", Value: "x"}, Operation: "RUN"}}
	p := connect(t, cbctest.New(world).Client()).Policies
	original, err := p.Get(t.Context(), 88231)
	if err != nil {
		t.Fatal(err)
	}
	original.Name = "Standard, copied"
	copied, err := p.Create(t.Context(), original)
	if err != nil || copied.ID == original.ID || copied.Name != "Standard, copied" || !slices.Equal(copied.Rules, original.Rules) || copied.System {
		t.Errorf("Create = %+v, %v", copied, err)
	}
}

func TestPolicyReplaceKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	full := platformSample(t, "policy_full.json")
	client, srv := scripted(t, map[string][]string{opPolicy: {full}, opPolicyReplace: {full, `204 `, `{"id":1,"name":"x"}`}})
	policy, err := client.Policies.Get(t.Context(), 88402)
	if err != nil {
		t.Fatal(err)
	}
	policy.Description, policy.AVSettings, policy.SensorConfigs = "new", []byte(`{"on":true}`), nil
	if got, err := client.Policies.Replace(t.Context(), policy); err != nil || got.ID != 88402 {
		t.Errorf("Replace = %+v, %v", got, err)
	}
	var want, got map[string]any
	if err := errors.Join(json.Unmarshal([]byte(full), &want), json.Unmarshal(srv.Requests()[1].Body, &got)); err != nil {
		t.Fatal(err)
	}
	delete(want, "update_time")
	delete(want, "num_devices")
	delete(want, "sensor_configs")
	want["description"], want["av_settings"] = "new", map[string]any{"on": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Replace sent (-want +got):\n%s", diff)
	}
	if got, err := client.Policies.Replace(t.Context(), policy); err != nil || got.ID != 88402 {
		t.Errorf("Replace without an answer = %+v, %v, want the policy read again", got, err)
	}
	if got, err := client.Policies.Replace(t.Context(), policy); err == nil || got.ID != 0 {
		t.Errorf("Replace = %+v, %v, want an error for an answer about another policy", got, err)
	}
}

func TestPolicyChangesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opPolicy: {platformSample(t, "policy_full.json")}})
	p := client.Policies
	policy, err := p.Get(t.Context(), 88402)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*cbc.Policy)) cbc.Policy {
		other := policy
		f(&other)
		return other
	}
	create := func(policy cbc.Policy) error { _, err := p.Create(t.Context(), policy); return err }
	replace := func(policy cbc.Policy) error { _, err := p.Replace(t.Context(), policy); return err }
	createRule := func(id cbc.PolicyID, rule cbc.PolicyRule) error {
		_, err := p.CreateRule(t.Context(), id, rule)
		return err
	}
	for want, err := range map[string]error{
		"policies.create: a policy needs Name":      create(cbc.Policy{PriorityLevel: "LOW"}),
		"policies.replace: a policy needs Name":     replace(change(func(p *cbc.Policy) { p.PriorityLevel = "" })),
		"does not come from Policies.Get":           replace(cbc.Policy{ID: 7, Name: "x", PriorityLevel: "LOW"}),
		"Raw is not that of policy 7":               replace(change(func(p *cbc.Policy) { p.ID = 7 })),
		"rule_configs is no JSON":                   replace(change(func(p *cbc.Policy) { p.RuleConfigs = []byte("[") })),
		"policies.replace: 0 is no policy id":       replace(cbc.Policy{}),
		"policies.delete: 0 is no policy id":        p.Delete(t.Context(), 0),
		"policies.create_rule: 0 is no policy id":   createRule(0, denyBanned()),
		"policies.create_rule: a rule needs Action": createRule(7, cbc.PolicyRule{}),
		"policies.replace_rule: 0 is no rule id":    p.ReplaceRule(t.Context(), 7, denyBanned()),
		"policies.delete_rule: -1 is no rule id":    p.DeleteRule(t.Context(), 7, -1),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if n := len(srv.Requests()); n != 1 {
		t.Errorf("%d calls, want none besides the first", n-1)
	}
}

func TestPolicyChangesAreRepeatedOnlyIfTheySetAState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := platformSample(t, "policy_full.json")
		client, srv := scripted(t, map[string][]string{
			opPolicy: {full}, opPolicyCreate: {`503 {}`}, opPolicyReplace: {`503 {}`, full}, opPolicyDelete: {`503 {}`},
			opRules: {`503 {}`}, opRule: {`503 {}`, `204 `}, opRuleDelete: {`503 {}`},
		})
		p := client.Policies
		policy, err := p.Get(t.Context(), 88402)
		if err != nil {
			t.Fatal(err)
		}
		rule := policy.Rules[0]
		_, create := p.Create(t.Context(), policy)
		_, createRule := p.CreateRule(t.Context(), policy.ID, rule)
		remove, removeRule := p.Delete(t.Context(), policy.ID), p.DeleteRule(t.Context(), policy.ID, rule.ID)
		_, replace := p.Replace(t.Context(), policy)
		replaceRule := p.ReplaceRule(t.Context(), policy.ID, rule)
		if create == nil || createRule == nil || remove == nil || removeRule == nil || replace != nil || replaceRule != nil {
			t.Errorf("%v, %v, %v, %v, want errors; %v, %v, want none", create, createRule, remove, removeRule, replace, replaceRule)
		}
		var ops []string
		for _, r := range srv.Requests() {
			ops = append(ops, r.Operation)
		}
		want := []string{opPolicy, opPolicyCreate, opRules, opPolicyDelete, opRuleDelete, opPolicyReplace, opPolicyReplace, opRule, opRule}
		if diff := cmp.Diff(want, ops); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}
