package cbc_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const (
	opPolicies = "GET /policyservice/v1/orgs/{org_key}/policies/summary"
	opPolicy   = "GET /policyservice/v1/orgs/{org_key}/policies/{policy_id}"
)

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPoliciesSamples(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opPolicies: {read(t, "policies.json")}, opPolicy: {read(t, "policy.json")}})
	list, err := client.Policies.List(t.Context())
	want := []cbc.Policy{
		{ID: 88230, Name: "Monitored", PriorityLevel: "LOW", Position: 1, System: true, Devices: 3},
		{ID: 88231, Name: "Standard", PriorityLevel: "MEDIUM", Position: 2, System: true, Devices: 212},
		{ID: 88402, Name: "Contain after mail threat", PriorityLevel: "HIGH", Position: 3},
	}
	if diff := cmp.Diff(want, list); err != nil || diff != "" {
		t.Errorf("List: %v (-want +got):\n%s", err, diff)
	}
	one, err := client.Policies.Get(t.Context(), 88231)
	wantOne := cbc.Policy{
		ID: 88231, Name: "Standard", Description: "Default protection", PriorityLevel: "MEDIUM", Position: 2, System: true,
		Updated:              time.Date(2025, 2, 11, 8, 16, 30, 555e6, time.UTC),
		SensorSettings:       []cbc.SensorSetting{{Name: "ALLOW_UNINSTALL", Value: "true"}, {Name: "CB_LIVE_RESPONSE", Value: "true"}},
		DirectoryActionRules: []byte("[]"), RuleConfigs: []byte("[]"), AVSettings: []byte(`{"avira_protection_cloud": {"enabled": true}}`),
		Raw: []byte(strings.TrimSpace(read(t, "policy.json"))),
	}
	if diff := cmp.Diff(wantOne, one); err != nil || diff != "" || !one.LiveResponse() {
		t.Errorf("Get: %v (-want +got):\n%s", err, diff)
	}
	if _, err := client.Policies.Get(t.Context(), 88402); err == nil {
		t.Error("Get(88402) takes the answer about another policy")
	}
}

func TestPoliciesByName(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{Policies: []cbctest.Policy{
		{ID: 1, Name: "Contain"}, {ID: 2, Name: "Contain VDI"}, {ID: 3, Name: "contain"}, {ID: 4, Name: "Twice"}, {ID: 5, Name: "Twice"},
	}}).Client())
	for _, tt := range []struct {
		name string
		want cbc.PolicyID
		is   error
	}{
		{"Contain", 1, nil},
		{"Contain VDI", 2, nil},
		{"contain", 3, nil},
		{"Contai", 0, cbc.ErrNotFound},
		{" Contain", 0, cbc.ErrNotFound},
		{"", 0, cbc.ErrNotFound},
		{"Twice", 0, cbc.ErrAmbiguous},
	} {
		got, err := client.Policies.ByName(t.Context(), tt.name)
		if got.ID != tt.want || !errors.Is(err, tt.is) {
			t.Errorf("ByName(%q) = %+v, %v, want %d, %v", tt.name, got, err, tt.want, tt.is)
		}
	}
	_, err := client.Policies.ByName(t.Context(), "Twice")
	ambiguous, ok := errors.AsType[*cbc.AmbiguousError](err)
	if want := (&cbc.AmbiguousError{Op: "policies.by_name", Name: "Twice", Candidates: []string{"4", "5"}}); !ok || !cmp.Equal(want, ambiguous) {
		t.Errorf("ByName(Twice) = %v, want both candidates", err)
	}
	if want := `cbc: policies.by_name: 2 objects are named "Twice": 4, 5`; err.Error() != want {
		t.Errorf("ByName(Twice) = %q, want %q", err, want)
	}
}

func TestPoliciesGet(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{Policies: []cbctest.Policy{{ID: 1, Name: "Contain", NoLiveResponse: true}, {ID: 2, Name: "Standard"}}}).Client())
	for id, live := range map[cbc.PolicyID]bool{1: false, 2: true} {
		if got, err := client.Policies.Get(t.Context(), id); err != nil || got.ID != id || got.LiveResponse() != live {
			t.Errorf("Get(%d) = %+v, %v, want Live Response %v", id, got, err, live)
		}
	}
	if _, err := client.Policies.Get(t.Context(), 3); !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Get(3) = %v, want ErrNotFound", err)
	}
	if _, err := client.Policies.Get(t.Context(), 0); err == nil || errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("Get(0) = %v, want an error that says that it is no id", err)
	}
}

func TestPoliciesAnswerThatIsNone(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{}`: "no policies", `{"policies":null}`: "no policies", `{"policies":[{"name":"Standard"}]}`: "without an id", `[]`: "not the documented answer",
	} {
		client, _ := scripted(t, map[string][]string{opPolicies: {answer}})
		if _, err := client.Policies.ByName(t.Context(), "Standard"); err == nil || errors.Is(err, cbc.ErrNotFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("ByName after %s = %v, want an error that says %q", answer, err, want)
		}
	}
}
