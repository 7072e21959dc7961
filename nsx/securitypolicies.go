package nsx

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// PolicyID is the id of a security policy, the last part of its path.
type PolicyID string

// SecurityPolicies reads the rules of the distributed firewall in one [Space]. Nothing here changes one. It is safe for concurrent use.
type SecurityPolicies struct {
	at place
}

// SecurityPolicy is a list of rules. Policies of the categories "Ethernet", "Emergency", "Infrastructure", "Environment" and
// "Application" come in this order.
type SecurityPolicy struct {
	ID          PolicyID
	Path        Path
	DisplayName string
	Category    string
	// Sequence is its place within the category.
	Sequence int
	// AppliedTo are the groups whose members the policy is for; none means what each rule says.
	AppliedTo []Path
	// Schedule is the path of the times at which the rules are enforced; empty means always.
	Schedule Path
	// Rules may be missing in lists: see [SecurityPolicies.Rules].
	Rules []Rule
}

// Action is what a rule does. Unknown actions are kept as they come.
type Action string

// The actions.
const (
	Allow             Action = "ALLOW"
	Drop              Action = "DROP"
	Reject            Action = "REJECT"
	JumpToApplication Action = "JUMP_TO_APPLICATION"
)

// Direction is which way the traffic of a rule goes, as seen from a machine. Unknown ones are kept as they come.
type Direction string

// The directions.
const (
	In    Direction = "IN"
	Out   Direction = "OUT"
	InOut Direction = "IN_OUT"
)

// Rule is a rule of the distributed firewall. Where its lists hold "ANY" or nothing, all is meant.
type Rule struct {
	ID          string
	Path        Path
	DisplayName string
	Action      Action
	Direction   Direction
	Disabled    bool
	// Sources and Destinations are paths of groups, or addresses. SourcesExcluded and DestinationsExcluded turn them around: all but
	// these.
	Sources              []Path
	Destinations         []Path
	SourcesExcluded      bool
	DestinationsExcluded bool
	// Services are the paths of services. ServiceEntries is how many more the rule describes itself: where there are some, an empty
	// Services does not mean all.
	Services       []Path
	ServiceEntries int
	// Profiles are the paths of profiles that the contents of the traffic must fit.
	Profiles []Path
	// IPProtocol is "IPV4", "IPV6" or "IPV4_IPV6"; empty means both.
	IPProtocol string
	// AppliedTo are the groups whose members the rule is enforced on.
	AppliedTo []Path
	// Sequence is its place within the policy.
	Sequence int
}

// Blocks tells whether the rule is enabled and keeps traffic away.
func (r Rule) Blocks() bool {
	return !r.Disabled && (strings.EqualFold(string(r.Action), string(Drop)) || strings.EqualFold(string(r.Action), string(Reject)))
}

// allTraffic tells whether the rule is about all that its peers send, whatever it is.
func (r Rule) allTraffic() bool {
	return r.allServices() && (r.IPProtocol == "" || strings.EqualFold(r.IPProtocol, "IPV4_IPV6"))
}

func (r Rule) allServices() bool {
	return anyone(r.Services) && r.ServiceEntries == 0 && anyone(r.Profiles)
}

// List returns the security policies. They come page by page; the sequence asks for no page before it is needed and ends with its
// first error.
//
// It needs the right to read the distributed firewall.
//
//api:op GET /policy/api/v1/infra/domains/default/security-policies
func (s *SecurityPolicies) List(ctx context.Context) iter.Seq2[SecurityPolicy, error] {
	return s.list(ctx, "security_policies.list")
}

func (s *SecurityPolicies) list(ctx context.Context, op string) iter.Seq2[SecurityPolicy, error] {
	how := paging[SecurityPolicy]{what: "a security policy", valid: func(p SecurityPolicy) bool { return p.ID != "" }}
	return rows(ctx, s.at.core, s.at.call(op, "/domains/default/security-policies"), how)
}

// Get returns one policy with its rules. It returns [ErrNotFound] if there is none of that id.
//
// It needs the right to read the distributed firewall.
//
//api:op GET /policy/api/v1/infra/domains/default/security-policies/{id}
func (s *SecurityPolicies) Get(ctx context.Context, id PolicyID) (SecurityPolicy, error) {
	const op = "security_policies.get"
	call := s.at.call(op, "/domains/default/security-policies/{id}", string(id))
	call.Method, call.Repeatable = http.MethodGet, true
	var p SecurityPolicy
	if err := s.at.core.do(ctx, call, &p); err != nil {
		return SecurityPolicy{}, err
	}
	if p.ID == "" {
		return SecurityPolicy{}, odd(op, "not the documented answer: a security policy without an id")
	}
	return p, nil
}

// Rules returns the rules of one policy in their order. It returns [ErrNotFound] if there is no policy of that id.
//
// It needs the right to read the distributed firewall.
//
//api:op GET /policy/api/v1/infra/domains/default/security-policies/{id}/rules
func (s *SecurityPolicies) Rules(ctx context.Context, id PolicyID) ([]Rule, error) {
	return s.rules(ctx, "security_policies.rules", id)
}

func (s *SecurityPolicies) rules(ctx context.Context, op string, id PolicyID) ([]Rule, error) {
	var out []Rule
	call := s.at.call(op, "/domains/default/security-policies/{id}/rules", string(id))
	for r, err := range rows(ctx, s.at.core, call, paging[Rule]{what: "a rule", valid: func(r Rule) bool { return r.ID != "" }}) {
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Rule) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return out, nil
}

// UnmarshalJSON reads the vendor's form.
func (p *SecurityPolicy) UnmarshalJSON(raw []byte) error {
	var w struct {
		ID          PolicyID `json:"id"`
		Path        Path     `json:"path"`
		DisplayName string   `json:"display_name"`
		Category    string   `json:"category"`
		Sequence    int      `json:"sequence_number"`
		AppliedTo   []Path   `json:"scope"`
		Schedule    Path     `json:"scheduler_path"`
		Rules       []Rule   `json:"rules"`
	}
	if err := json.Unmarshal(raw, &w, jsontext.AllowInvalidUTF8(true)); err != nil {
		return err
	}
	*p = SecurityPolicy(w)
	slices.SortStableFunc(p.Rules, func(a, b Rule) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return nil
}

// UnmarshalJSON reads the vendor's form.
func (r *Rule) UnmarshalJSON(raw []byte) error {
	var w struct {
		ID                   string           `json:"id"`
		Path                 Path             `json:"path"`
		DisplayName          string           `json:"display_name"`
		Action               Action           `json:"action"`
		Direction            Direction        `json:"direction"`
		Disabled             bool             `json:"disabled"`
		Sources              []Path           `json:"source_groups"`
		Destinations         []Path           `json:"destination_groups"`
		SourcesExcluded      bool             `json:"sources_excluded"`
		DestinationsExcluded bool             `json:"destinations_excluded"`
		Services             []Path           `json:"services"`
		ServiceEntries       []jsontext.Value `json:"service_entries"`
		Profiles             []Path           `json:"profiles"`
		IPProtocol           string           `json:"ip_protocol"`
		AppliedTo            []Path           `json:"scope"`
		Sequence             int              `json:"sequence_number"`
	}
	if err := json.Unmarshal(raw, &w, jsontext.AllowInvalidUTF8(true)); err != nil {
		return err
	}
	*r = Rule{
		ID: w.ID, Path: w.Path, DisplayName: w.DisplayName, Action: w.Action, Direction: w.Direction, Disabled: w.Disabled,
		Sources: w.Sources, Destinations: w.Destinations, SourcesExcluded: w.SourcesExcluded, DestinationsExcluded: w.DestinationsExcluded,
		Services: w.Services, ServiceEntries: len(w.ServiceEntries), Profiles: w.Profiles, IPProtocol: w.IPProtocol,
		AppliedTo: w.AppliedTo, Sequence: w.Sequence,
	}
	return nil
}

// ExcludeList returns the groups, segments and ports that the distributed firewall leaves alone: on a machine in one of them no tag
// has an effect. What the system excludes by itself, such as the machines of NSX, may be missing. There is one list for the default
// space and all projects, so an account of a project may get [ErrForbidden].
//
// It needs the right to read the distributed firewall.
//
//api:op GET /policy/api/v1/infra/settings/firewall/security/exclude-list
func (s *SecurityPolicies) ExcludeList(ctx context.Context) ([]Path, error) {
	return s.excludeList(ctx, "security_policies.exclude_list", url.Values{})
}

// allExcluded is the list with what the system excludes.
func (s *SecurityPolicies) allExcluded(ctx context.Context, op string) ([]Path, error) {
	list, err := s.excludeList(ctx, op, url.Values{})
	if err != nil {
		return nil, err
	}
	// Whether this one has the other in it is not documented.
	system, err := s.excludeList(ctx, op, url.Values{"system_owned": {"true"}})
	return append(list, system...), err
}

func (s *SecurityPolicies) excludeList(ctx context.Context, op string, query url.Values) ([]Path, error) {
	call := place{core: s.at.core}.call(op, "/settings/firewall/security/exclude-list")
	call.Method, call.Query, call.Repeatable = http.MethodGet, query, true
	var list struct {
		Type    string         `json:"resource_type"`
		Members jsontext.Value `json:"members"`
	}
	if err := s.at.core.do(ctx, call, &list); err != nil {
		return nil, err
	}
	if list.Type == "" && list.Members == nil {
		return nil, odd(op, "not the documented answer: no exclude list")
	}
	if list.Members == nil {
		return nil, nil // an empty list may be left out
	}
	var members []Path
	if err := json.Unmarshal(list.Members, &members, jsontext.AllowInvalidUTF8(true)); err != nil {
		return nil, odd(op, "not the documented answer: "+err.Error())
	}
	return members, nil
}
