package nsx_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// object is one of the vendor's, as JSON.
type object = map[string]any

func wireGroup(id string, expression ...object) object {
	return object{"id": id, "path": groupsAt + id, "expression": expression}
}

func wireTag(value string) object {
	return object{"resource_type": "Condition", "member_type": "VirtualMachine", "key": "Tag", "operator": "EQUALS", "value": value}
}

func wireRule(id string, more object) object {
	r := object{"id": id, "path": policiesAt + "p/rules/" + id, "action": "DROP", "direction": "IN_OUT", "source_groups": []string{"ANY"}, "destination_groups": []string{"ANY"}, "services": []string{"ANY"}, "scope": []string{"ANY"}}
	maps.Copy(r, more)
	return r
}

// firewall is a manager with one machine, vm-a, that has no tags, and what else it is given.
type firewall struct {
	groups   []object
	policies []object
	rules    []object // of the policy "p", which is there if policies are not given
	excluded []string
	vifs     []object
	present  []string // the ids of the groups that the machine is in
	status   map[string]int
	asked    []string
}

func (f *firewall) RoundTrip(r *http.Request) (*http.Response, error) {
	policies := f.policies
	if policies == nil {
		policies = []object{{"id": "p", "path": policiesAt + "p"}}
	}
	refs := []object{}
	for _, id := range f.present {
		refs = append(refs, object{"path": groupsAt + id})
	}
	vifs := f.vifs
	if vifs == nil {
		vifs = []object{{"external_id": "vm-a-4000", "owner_vm_id": "vm-a", "lport_attachment_id": "port"}}
	}
	list := func(rows []object) object {
		return object{"results": append([]object{}, rows...), "result_count": len(rows)}
	}
	path := strings.TrimPrefix(r.URL.Path, "/policy/api/v1")
	f.asked = append(f.asked, r.Method+" "+path)
	answers := map[string]object{
		"/api/v1/fabric/virtual-machines":                list([]object{{"external_id": "vm-a", "display_name": "web"}}),
		"/api/v1/fabric/vifs":                            list(vifs),
		strings.TrimSuffix(groupsAt, "/"):                list(f.groups),
		"/infra/virtual-machine-group-associations":      list(refs),
		strings.TrimSuffix(policiesAt, "/"):              list(policies),
		policiesAt + "p/rules":                           list(f.rules),
		"/infra/settings/firewall/security/exclude-list": {"resource_type": "PolicyExcludeList", "members": f.excluded},
	}
	body, found := answers[path]
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	c := ok(string(raw))
	switch status := f.status[path]; {
	case status != 0:
		c = canned{status: status, body: `{"error_code":289}`}
	case !found:
		c = canned{status: http.StatusNotFound, body: `{"error_code":600}`}
	}
	return (&script{answers: []canned{c}}).RoundTrip(r)
}

func (f *firewall) client(t *testing.T) *nsx.Client {
	t.Helper()
	client, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, HTTPClient: &http.Client{Transport: f}, Credentials: nsx.Basic("u", "p"), Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// told is an answer in short: the verdict and both directions, then groups, rules and reasons.
func told(i nsx.Isolation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v (in %v, out %v)", i.Answer, i.Incoming, i.Outgoing)
	for _, g := range i.Groups {
		fmt.Fprintf(&b, "; group %s %v, was %v", g.Group.ID, g.With, g.Without)
	}
	for _, r := range i.Rules {
		fmt.Fprintf(&b, "; rule %s in %v, out %v", r.Rule.ID, r.Incoming, r.Outgoing)
		if r.Partly {
			b.WriteString(", partly")
		}
	}
	for _, r := range i.Reasons {
		fmt.Fprintf(&b, "; %s", r)
	}
	return b.String()
}
