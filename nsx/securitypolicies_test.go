package nsx_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
)

const policiesAt = "/infra/domains/default/security-policies/"

func TestWhatASecurityPolicyCanBe(t *testing.T) {
	t.Parallel()
	want := []nsx.SecurityPolicy{
		{
			ID: "isolate", DisplayName: "Isolate", Path: policiesAt + "isolate", Category: "Emergency", Sequence: 1, AppliedTo: []nsx.Path{"ANY"},
			Rules: []nsx.Rule{
				{
					ID: "sensor", DisplayName: "Sensor traffic", Path: policiesAt + "isolate/rules/sensor", Action: nsx.Allow, Direction: nsx.Out,
					Sources: []nsx.Path{groupsAt + "quarantined-vms"}, SourcesExcluded: true, Destinations: []nsx.Path{"203.0.113.0/24"},
					Services: []nsx.Path{"/infra/services/HTTPS"}, Profiles: []nsx.Path{"ANY"}, Sequence: 5,
				},
				{
					ID: "drop-all", Path: policiesAt + "isolate/rules/drop-all", Action: nsx.Drop, Direction: nsx.InOut,
					Sources: []nsx.Path{"ANY"}, Destinations: []nsx.Path{"ANY"}, Services: []nsx.Path{"ANY"},
					AppliedTo: []nsx.Path{groupsAt + "quarantined-vms"}, Sequence: 10,
				},
			},
		},
		{ID: "app", Path: policiesAt + "app", Category: "Application"},
	}
	client, _ := scripted(t, ok(sample(t, "security_policies.json")))
	var got []nsx.SecurityPolicy
	for p, err := range client.Policy.SecurityPolicies.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	for _, tc := range []struct {
		rule nsx.Rule
		want bool
	}{
		{nsx.Rule{Action: nsx.Drop}, true},
		{nsx.Rule{Action: "reject"}, true},
		{nsx.Rule{Action: nsx.Drop, Disabled: true}, false},
		{nsx.Rule{Action: nsx.Allow}, false},
		{nsx.Rule{Action: nsx.JumpToApplication}, false},
		{nsx.Rule{}, false},
	} {
		if got := tc.rule.Blocks(); got != tc.want {
			t.Errorf("%+v.Blocks() = %v, want %v", tc.rule, got, tc.want)
		}
	}
}

func TestRulesComeInTheirOrder(t *testing.T) {
	t.Parallel()
	client, s := scripted(t, ok(`{"results":[{"id":"b","sequence_number":20},{"id":"a","sequence_number":10}],"cursor":"c"}`), ok(`{"results":[{"id":"0","sequence_number":5}]}`))
	rules, err := client.Policy.SecurityPolicies.Rules(t.Context(), "a/b")
	if err != nil || len(rules) != 3 || rules[0].ID != "0" || rules[1].ID != "a" || rules[2].ID != "b" {
		t.Errorf("Rules = %+v, %v", rules, err)
	}
	want := []string{"/policy/api/v1" + policiesAt + "a%2Fb/rules", "/policy/api/v1" + policiesAt + "a%2Fb/rules?cursor=c"}
	if diff := cmp.Diff(want, s.urls); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	for _, c := range []canned{ok(`{}`), {status: http.StatusNotFound}, ok(`{"id":"p","rules":[7]}`)} {
		client, _ := scripted(t, c)
		if p, err := client.Policy.SecurityPolicies.Get(t.Context(), "p"); err == nil || errors.Is(err, nsx.ErrNotFound) != (c.status == http.StatusNotFound) {
			t.Errorf("%s: Get = %+v, %v", c.body, p, err)
		}
	}
}

func TestExcludeLists(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		body  string
		want  []nsx.Path
		fails bool
	}{
		{`{"resource_type":"PolicyExcludeList","members":["/infra/domains/default/groups/mgmt-vms"],"_revision":2}`, []nsx.Path{groupsAt + "mgmt-vms"}, false},
		{`{"resource_type":"PolicyExcludeList","members":[]}`, []nsx.Path{}, false},
		{`{"resource_type":"PolicyExcludeList"}`, nil, false},
		{`{"resource_type":"PolicyExcludeList","members":null}`, nil, false},
		{`{"members":["a"]}`, []nsx.Path{"a"}, false},
		{`{"members":"a"}`, nil, true},
		{`{}`, nil, true},
		{`{"error_code":1}`, nil, true},
	} {
		client, s := scripted(t, ok(tc.body))
		got, err := client.Policy.SecurityPolicies.ExcludeList(t.Context())
		if diff := cmp.Diff(tc.want, got); diff != "" || (err != nil) != tc.fails {
			t.Errorf("%s: %v, failure %v (-want +got):\n%s", tc.body, err, tc.fails, diff)
		}
		if s.urls[0] != "/policy/api/v1/infra/settings/firewall/security/exclude-list" {
			t.Errorf("asked %s", s.urls[0])
		}
	}
}

func FuzzSecurityPolicies(f *testing.F) {
	f.Add(sample(f, "security_policies.json"))
	for _, seed := range []string{`{"results":[{"id":"p","rules":null}]}`, `{"results":[{"id":"p","rules":[{"disabled":"yes"}]}]}`, `{"results":[null]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		client, _ := scripted(t, ok(body))
		for p, err := range client.Policy.SecurityPolicies.List(t.Context()) {
			if err != nil {
				break
			}
			if p.ID == "" {
				t.Errorf("%q: a policy without an id", body)
			}
			for i, r := range p.Rules {
				if i > 0 && r.Sequence < p.Rules[i-1].Sequence {
					t.Errorf("%q: the rules are not in their order", body)
				}
			}
		}
	})
}
