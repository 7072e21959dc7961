package nsx_test

import (
	"slices"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// condition is one on tags, with an operator and perhaps another for the scope.
func condition(operator, value string, scopeOperator ...string) nsx.Expression {
	x := tagIs(value)
	x.Operator = operator
	if len(scopeOperator) > 0 {
		x.ScopeOperator = scopeOperator[0]
	}
	return x
}

func on(key, operator, value string) nsx.Expression {
	return nsx.Expression{Type: nsx.ConditionExpression, MemberType: "VirtualMachine", Key: key, Operator: operator, Value: value}
}

func group(list ...nsx.Expression) nsx.Group {
	return nsx.Group{Path: groupsAt + "g", Expression: list}
}

func TestConditionsOnTags(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		x    nsx.Expression
		tags []nsx.Tag
		want nsx.Answer
	}{
		{"the pair", tagIs("quarantine|malicious-file"), []nsx.Tag{quarantine}, nsx.Yes},
		{"in another case", tagIs("Quarantine|MALICIOUS-file"), []nsx.Tag{quarantine}, nsx.Yes},
		{"one of several tags", tagIs("quarantine|malicious-file"), []nsx.Tag{{Tag: "x"}, quarantine}, nsx.Yes},
		{"another scope", tagIs("q|malicious-file"), []nsx.Tag{quarantine}, nsx.No},
		{"another value", tagIs("quarantine|x"), []nsx.Tag{quarantine}, nsx.No},
		{"scope and value of two tags", tagIs("a|y"), []nsx.Tag{{Scope: "a", Tag: "x"}, {Scope: "b", Tag: "y"}}, nsx.No},
		{"no tags", tagIs("quarantine|malicious-file"), nil, nsx.No},
		{"the value in any scope", tagIs("|malicious-file"), []nsx.Tag{quarantine}, nsx.Yes},
		{"the value without a scope", tagIs("|x"), []nsx.Tag{{Tag: "x"}}, nsx.Yes},
		{"a scope that the tag has not", tagIs("quarantine|x"), []nsx.Tag{{Tag: "x"}}, nsx.No},
		{"a scope alone, and a tag that is a scope", tagIs("alone|"), []nsx.Tag{{Scope: "alone"}}, nsx.Yes},
		{"a scope alone, and a tag with a value", tagIs("quarantine|"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"a scope alone, and another scope", tagIs("alone|"), []nsx.Tag{quarantine}, nsx.No},
		{"without the bar, the value", tagIs("malicious-file"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"without the bar, the scope", tagIs("quarantine"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"without the bar, neither", tagIs("x"), []nsx.Tag{quarantine}, nsx.No},
		{"two bars, and a value with one", tagIs("a|b|c"), []nsx.Tag{{Scope: "a", Tag: "b|c"}}, nsx.Unknown},
		{"two bars, and no such value", tagIs("a|b|c"), []nsx.Tag{{Scope: "a", Tag: "b"}}, nsx.No},
		{"the bar alone", tagIs("|"), []nsx.Tag{{Tag: "x"}}, nsx.Unknown},
		{"contains", condition("CONTAINS", "quarantine|LICIOUS"), []nsx.Tag{quarantine}, nsx.Yes},
		{"contains, in another scope", condition("CONTAINS", "q|licious"), []nsx.Tag{quarantine}, nsx.No},
		{"contains, in any scope", condition("CONTAINS", "|licious"), []nsx.Tag{quarantine}, nsx.Yes},
		{"contains not", condition("CONTAINS", "|nothing"), []nsx.Tag{quarantine}, nsx.No},
		{"starts with", condition("STARTSWITH", "quarantine|mal"), []nsx.Tag{quarantine}, nsx.Yes},
		{"does not start with", condition("STARTSWITH", "quarantine|file"), []nsx.Tag{quarantine}, nsx.No},
		{"ends with", condition("ENDSWITH", "quarantine|-FILE"), []nsx.Tag{quarantine}, nsx.Yes},
		{"does not end with", condition("ENDSWITH", "quarantine|mal"), []nsx.Tag{quarantine}, nsx.No},
		{"contains, without the bar", condition("CONTAINS", "licious"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"contains, without the bar or tags", condition("CONTAINS", "licious"), nil, nsx.No},
		{"not in the scope, but in another", condition("EQUALS", "q|malicious-file", "NOTEQUALS"), []nsx.Tag{quarantine}, nsx.Yes},
		{"not in the scope, but in it", condition("EQUALS", "quarantine|malicious-file", "NOTEQUALS"), []nsx.Tag{quarantine}, nsx.No},
		{"not in no scope", condition("EQUALS", "|malicious-file", "NOTEQUALS"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"an operator for scopes that nobody knows", condition("EQUALS", "q|malicious-file", "LIKE"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"not equal, and it is", condition("NOTEQUALS", "quarantine|malicious-file"), []nsx.Tag{quarantine}, nsx.No},
		{"not equal, and it has another in the scope", condition("NOTEQUALS", "quarantine|x"), []nsx.Tag{quarantine}, nsx.Yes},
		{"not equal, and it has one in another scope", condition("NOTEQUALS", "q|x"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"not equal, and it has both", condition("NOTEQUALS", "|x"), []nsx.Tag{{Tag: "x"}, {Tag: "y"}}, nsx.Unknown},
		{"not equal, and it has none", condition("NOTEQUALS", "|x"), nil, nsx.Unknown},
		{"not equal to any value of a scope", condition("NOTEQUALS", "q|"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"not equal, in another scope", condition("NOTEQUALS", "q|x", "NOTEQUALS"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"a pattern", condition("MATCHES", "quarantine|mal.*"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"a pattern, and no tags", condition("MATCHES", "quarantine|mal.*"), nil, nsx.No},
		{"not in a list", condition("NOTIN", "a,b"), nil, nsx.Unknown},
		{"not in a list, and it has none", condition("NOTIN", "env|prod"), nil, nsx.Unknown},
		{"not in a list, and it has one in another scope", condition("NOTIN", "env|prod"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"a pattern for the scope", condition("MATCHES", "quar.*|mal.*"), []nsx.Tag{quarantine}, nsx.Unknown},
		{"an operator that nobody knows, and no tags", condition("LACKS", "env|prod"), nil, nsx.Unknown},
		{"without the bar, an operator that nobody knows, and no tags", condition("LACKS", "prod"), nil, nsx.Unknown},
		{"no operator", condition("", "quarantine|malicious-file"), []nsx.Tag{quarantine}, nsx.Yes},
		{"operators in another case", condition("equals", "quarantine|malicious-file"), []nsx.Tag{quarantine}, nsx.Yes},
	} {
		if got := group(tc.x).Holds(nsx.VirtualMachine{Tags: tc.tags}); got != tc.want {
			t.Errorf("%s: Holds = %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestConditionsOnOtherThings(t *testing.T) {
	t.Parallel()
	vm := nsx.VirtualMachine{ExternalID: "vm-a", DisplayName: "fin-ws-0142", ComputerName: "FIN-WS-0142.corp.example", Tags: []nsx.Tag{quarantine}}
	yes, no, unknown := tagIs("quarantine|malicious-file"), tagIs("|other"), tagIs("quarantine|")
	segment := yes
	segment.MemberType = "Segment"
	nested := func(list ...nsx.Expression) nsx.Expression {
		return nsx.Expression{Type: nsx.NestedExpression, Expressions: list}
	}
	paths := func(list ...nsx.Path) nsx.Expression { return nsx.Expression{Type: nsx.PathExpression, Paths: list} }
	and, or := word("AND"), word("OR")
	other := nsx.Group{Path: groupsAt + "other", Expression: []nsx.Expression{yes}}
	circle := nsx.Group{Path: groupsAt + "circle", Expression: []nsx.Expression{paths(groupsAt + "g")}}
	for _, tc := range []struct {
		name string
		list []nsx.Expression
		want nsx.Answer
	}{
		{"a name", []nsx.Expression{on("Name", "EQUALS", "FIN-WS-0142")}, nsx.Yes},
		{"the beginning of a name", []nsx.Expression{on("Name", "STARTSWITH", "fin-")}, nsx.Yes},
		{"not that name", []nsx.Expression{on("Name", "NOTEQUALS", "fin-ws-0142")}, nsx.No},
		{"a computer name", []nsx.Expression{on("ComputerName", "ENDSWITH", ".corp.example")}, nsx.Yes},
		{"another computer name", []nsx.Expression{on("ComputerName", "CONTAINS", "db")}, nsx.No},
		{"a system that is not told", []nsx.Expression{on("OSName", "NOTEQUALS", "Windows")}, nsx.Unknown},
		{"a pattern for the name", []nsx.Expression{on("Name", "MATCHES", "fin.*")}, nsx.Unknown},
		{"a key that is not known", []nsx.Expression{on("NodeType", "EQUALS", "x")}, nsx.Unknown},
		{"a tag of the segment", []nsx.Expression{segment}, nsx.Unknown},
		{"the id", []nsx.Expression{{Type: nsx.ExternalIDExpression, MemberType: "VirtualMachine", ExternalIDs: []nsx.ExternalID{"x", "VM-A"}}}, nsx.Yes},
		{"other ids", []nsx.Expression{{Type: nsx.ExternalIDExpression, MemberType: "VirtualMachine", ExternalIDs: []nsx.ExternalID{"x"}}}, nsx.No},
		{"ids of interfaces", []nsx.Expression{{Type: nsx.ExternalIDExpression, MemberType: "VirtualNetworkInterface", ExternalIDs: []nsx.ExternalID{"x"}}}, nsx.Unknown},
		{"addresses", []nsx.Expression{{Type: nsx.IPAddressExpression, IPAddresses: []string{"10.0.0.0/8"}}}, nsx.Unknown},
		{"users", []nsx.Expression{{Type: nsx.IdentityExpression}}, nsx.Unknown},
		{"what nobody knows", []nsx.Expression{{Type: "NewInTen"}}, nsx.Unknown},
		{"a group", []nsx.Expression{paths(groupsAt + "other")}, nsx.Yes},
		{"a group that is not there", []nsx.Expression{paths(groupsAt + "none")}, nsx.Unknown},
		{"a group that leads back", []nsx.Expression{paths(groupsAt + "circle")}, nsx.Unknown},
		{"a segment, or a group", []nsx.Expression{paths("/infra/segments/s", groupsAt+"other")}, nsx.Yes},
		{"the machine by its path", []nsx.Expression{paths("/infra/realized-state/enforcement-points/default/virtual-machines/VM-A")}, nsx.Yes},
		{"another machine by its path", []nsx.Expression{paths("/infra/realized-state/enforcement-points/default/virtual-machines/x")}, nsx.No},
		{"no paths", []nsx.Expression{paths()}, nsx.No},
		{"nothing", nil, nsx.No},
		{"both", []nsx.Expression{yes, and, yes}, nsx.Yes},
		{"not both", []nsx.Expression{yes, and, no}, nsx.No},
		{"either", []nsx.Expression{no, or, yes}, nsx.Yes},
		{"neither", []nsx.Expression{no, or, no}, nsx.No},
		{"unknown or yes", []nsx.Expression{unknown, or, yes}, nsx.Yes},
		{"unknown or no", []nsx.Expression{unknown, or, no}, nsx.Unknown},
		{"unknown and no", []nsx.Expression{unknown, and, no}, nsx.No},
		{"unknown and yes", []nsx.Expression{unknown, and, yes}, nsx.Unknown},
		{"mixed, where the order does not matter", []nsx.Expression{yes, and, yes, or, no}, nsx.Yes},
		{"mixed, where it does", []nsx.Expression{yes, or, yes, and, no}, nsx.Unknown},
		{"mixed, with a nest", []nsx.Expression{yes, or, nested(yes, and, no)}, nsx.Yes},
		{"a nest of nests", []nsx.Expression{nested(nested(no, or, nested(yes)))}, nsx.Yes},
		{"an even number", []nsx.Expression{yes, and}, nsx.Unknown},
		{"no word between", []nsx.Expression{yes, yes, yes}, nsx.Unknown},
		{"another word between", []nsx.Expression{yes, word("XOR"), yes}, nsx.Unknown},
		{"a word in another case", []nsx.Expression{yes, word("and"), yes}, nsx.Yes},
		{"a word alone", []nsx.Expression{or}, nsx.Unknown},
	} {
		if got := group(tc.list...).Holds(vm, other, circle, group(tc.list...)); got != tc.want {
			t.Errorf("%s: Holds = %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestWhatATagMeetsByItself(t *testing.T) {
	t.Parallel()
	yes, no := tagIs("quarantine|malicious-file"), tagIs("env|prod")
	for _, tc := range []struct {
		name string
		list []nsx.Expression
		want nsx.Answer
	}{
		{"the tag", []nsx.Expression{yes}, nsx.Yes},
		{"the tag or a name", []nsx.Expression{on("Name", "EQUALS", "x"), word("OR"), yes}, nsx.Yes},
		{"the tag and a name", []nsx.Expression{on("Name", "EQUALS", "x"), word("AND"), yes}, nsx.Unknown},
		{"the tag and another, which the machine may have", []nsx.Expression{yes, word("AND"), no}, nsx.Unknown},
		{"another tag, which the machine may have", []nsx.Expression{no}, nsx.Unknown},
		{"not another tag, which the machine may have", []nsx.Expression{condition("NOTEQUALS", "env|prod")}, nsx.Unknown},
		{"nothing", nil, nsx.No},
	} {
		if got := group(tc.list...).Meets(quarantine); got != tc.want {
			t.Errorf("%s: Meets = %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestAnswersAsText(t *testing.T) {
	t.Parallel()
	if nsx.Yes.String() != "yes" || nsx.No.String() != "no" || nsx.Unknown.String() != "unknown" || nsx.Answer(0) != nsx.Unknown {
		t.Errorf("%v %v %v", nsx.Yes, nsx.No, nsx.Unknown)
	}
}

// Whatever is decided must be what the manager does.
func TestDecisionsAreThoseOfTheManager(t *testing.T) {
	t.Parallel()
	var groups []nsxtest.Group
	for _, c := range []nsxtest.Condition{
		{Value: "owner|finance"},
		{Value: "OWNER|Finance"},
		{Value: "|legacy"},
		{Value: "quarantine|legacy"},
		{Value: "testscope|"},
		{Value: "scope|"},
		{Value: "legacy"},
		{Value: "|tag-07"},
		{Key: "Name", Operator: "STARTSWITH", Value: "WEB"},
		{Key: "Name", Operator: "NOTEQUALS", Value: "web"},
		{Key: "ComputerName", Operator: "ENDSWITH", Value: ".corp.example"},
		{Key: "OSName", Operator: "CONTAINS", Value: "windows"},
	} {
		for _, all := range []bool{false, true} {
			id := c.Value + c.Key + c.Operator
			groups = append(groups, nsxtest.Group{ID: "one " + id, Conditions: []nsxtest.Condition{c}}, nsxtest.Group{ID: "two " + id, Conditions: []nsxtest.Condition{c, {Value: "owner|finance"}}, All: all})
			if all {
				groups[len(groups)-1].ID, groups[len(groups)-2].ID = "all "+id, "again "+id
			}
		}
	}
	srv := nsxtest.New(nsxtest.World{VMs: nsxtest.Fixtures(), Groups: groups, RequestsPerSecond: -1})
	client := connect(t, srv, func(c *nsx.Config) { c.Rate = -1 })
	decided, open := 0, 0
	for vm, err := range client.VirtualMachines.List(t.Context(), nsx.VMQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		refs, err := client.Policy.Groups.Of(t.Context(), vm.ExternalID)
		if err != nil {
			t.Fatal(err)
		}
		for g, err := range client.Policy.Groups.List(t.Context(), nsx.GroupQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			in := slices.ContainsFunc(refs, func(r nsx.GroupRef) bool { return r.Path == g.Path })
			switch g.Holds(vm) {
			case nsx.Unknown:
				open++
			case nsx.Yes, nsx.No:
				decided++
				if (g.Holds(vm) == nsx.Yes) != in {
					t.Errorf("%s in %s: Holds = %v, and the manager says %v", vm.DisplayName, g.ID, g.Holds(vm), in)
				}
			}
		}
	}
	if decided < 500 || open > decided/3 {
		t.Errorf("%d decided, %d not: that decides too little", decided, open)
	}
}

// Expressions of any form are decided without a fault, the same way each time, and Meets says Yes only where Holds does.
func FuzzExpression(f *testing.F) {
	f.Add(sample(f, "groups.json"), "quarantine", "malicious-file")
	for _, seed := range []string{
		`{"results":[{"id":"g","path":"/g","expression":[{"resource_type":"PathExpression","paths":["/g"]}]}]}`,
		`{"results":[{"id":"g","expression":[{"resource_type":"Condition","member_type":"VirtualMachine","key":"Tag","value":"a|b"}]}]}`,
		`{"results":[{"id":"g","expression":[{"resource_type":"NestedExpression","expressions":[{"resource_type":"NestedExpression"}]}]}]}`,
	} {
		f.Add(seed, "a", "b")
	}
	f.Fuzz(func(t *testing.T, body, scope, value string) {
		var list struct {
			Results []nsx.Group `json:"results"`
		}
		if json.Unmarshal([]byte(body), &list) != nil {
			return
		}
		tag := nsx.Tag{Scope: scope, Tag: value}
		for _, g := range list.Results {
			vm := nsx.VirtualMachine{ExternalID: "vm-a", DisplayName: "web", Tags: []nsx.Tag{tag}}
			holds, meets := g.Holds(vm, list.Results...), g.Meets(tag, list.Results...)
			if holds != g.Holds(vm, list.Results...) {
				t.Errorf("%q: two answers", body)
			}
			if meets == nsx.Yes && holds != nsx.Yes || meets == nsx.No && holds == nsx.Yes {
				t.Errorf("%q: Meets = %v, Holds = %v", body, meets, holds)
			}
		}
	})
}
