package nsxtest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/pphunt/pphunt/internal/fake"
)

// SecurityPolicy is a policy of the distributed firewall. The server tells about it; it does not filter anything.
type SecurityPolicy struct {
	// ID is the last part of its path.
	ID string `json:"id"`
	// Name defaults to the id.
	Name string `json:"name,omitempty"`
	// Domain and Project are as in [Group].
	Domain  string `json:"domain,omitempty"`
	Project string `json:"project,omitempty"`
	// Category is "Application" (the default), "Environment", "Infrastructure", "Emergency" or "Ethernet".
	Category string `json:"category,omitempty"`
	// Sequence orders policies of one category.
	Sequence int `json:"sequence,omitempty"`
	// Rules are its rules.
	Rules []Rule `json:"rules,omitempty"`
	// Revision is its _revision.
	Revision int `json:"revision,omitempty"`
}

// Rule is a rule of a [SecurityPolicy].
type Rule struct {
	// ID is the last part of its path.
	ID string `json:"id"`
	// Name defaults to the id.
	Name string `json:"name,omitempty"`
	// Action is "ALLOW" (the default), "DROP", "REJECT" or "JUMP_TO_APPLICATION".
	Action string `json:"action,omitempty"`
	// Direction is "IN_OUT" (the default), "IN" or "OUT".
	Direction string `json:"direction,omitempty"`
	// Sources, Destinations, Services and Scope are paths of groups and services. Each defaults to "ANY".
	Sources      []string `json:"sources,omitempty"`
	Destinations []string `json:"destinations,omitempty"`
	Services     []string `json:"services,omitempty"`
	Scope        []string `json:"scope,omitempty"`
	// SourcesExcluded and DestinationsExcluded apply the rule to everything else.
	SourcesExcluded      bool `json:"sources_excluded,omitempty"`
	DestinationsExcluded bool `json:"destinations_excluded,omitempty"`
	// Disabled turns the rule off.
	Disabled bool `json:"disabled,omitempty"`
	// Sequence orders the rules of a policy.
	Sequence int `json:"sequence,omitempty"`
}

// path is where a policy is found.
func (p *SecurityPolicy) path() string {
	return space{project: p.Project}.path() + "/domains/" + or(p.Domain, "default") + "/security-policies/" + p.ID
}

// wirePolicy is a policy on the wire.
type wirePolicy struct {
	Type     string     `json:"resource_type"`
	ID       string     `json:"id"`
	Name     string     `json:"display_name"`
	Path     string     `json:"path"`
	Category string     `json:"category"`
	Sequence int        `json:"sequence_number"`
	Revision int        `json:"_revision"`
	Rules    []wireRule `json:"rules,omitempty"`
}

// wireRule is a rule on the wire.
type wireRule struct {
	Type                 string   `json:"resource_type"`
	ID                   string   `json:"id"`
	Name                 string   `json:"display_name"`
	Path                 string   `json:"path"`
	Parent               string   `json:"parent_path"`
	Action               string   `json:"action"`
	Direction            string   `json:"direction"`
	Disabled             bool     `json:"disabled"`
	Sources              []string `json:"source_groups"`
	Destinations         []string `json:"destination_groups"`
	Services             []string `json:"services"`
	Scope                []string `json:"scope"`
	SourcesExcluded      bool     `json:"sources_excluded"`
	DestinationsExcluded bool     `json:"destinations_excluded"`
	Sequence             int      `json:"sequence_number"`
}

// object is a policy on the wire, with its rules or without.
func (p *SecurityPolicy) object(rules bool) wirePolicy {
	out := wirePolicy{"SecurityPolicy", p.ID, or(p.Name, p.ID), p.path(), or(p.Category, "Application"), p.Sequence, p.Revision, nil}
	if rules {
		out.Rules = p.rules()
	}
	return out
}

// rules are a policy's rules on the wire, in their order.
func (p *SecurityPolicy) rules() []wireRule {
	orAny := func(s []string) []string {
		if len(s) == 0 {
			return []string{"ANY"}
		}
		return s
	}
	out := []wireRule{}
	for _, r := range p.Rules {
		out = append(out, wireRule{
			"Rule", r.ID, or(r.Name, r.ID), p.path() + "/rules/" + r.ID, p.path(), or(r.Action, "ALLOW"), or(r.Direction, "IN_OUT"), r.Disabled,
			orAny(r.Sources), orAny(r.Destinations), orAny(r.Services), orAny(r.Scope), r.SourcesExcluded, r.DestinationsExcluded, r.Sequence,
		})
	}
	slices.SortStableFunc(out, func(a, b wireRule) int { return a.Sequence - b.Sequence })
	return out
}

// listPolicies serves the policies of a domain.
func (s *Server) listPolicies(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters()...)
	var pg paging
	if p == nil {
		pg, p = parsePaging(q, "display_name")
	}
	var domain string
	if p == nil {
		domain, p = s.domain(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	rows := []wirePolicy{}
	for i := range s.policies {
		if strings.HasPrefix(s.policies[i].path(), domain+"/") {
			rows = append(rows, s.policies[i].object(s.switches.ListRules))
		}
	}
	if pg.sortBy != "" || pg.descending {
		byName(rows, pg, func(p wirePolicy) string { return p.Name })
	}
	answerList(w, rows, pg, func(p wirePolicy) string { return p.ID + "\x00" }, false)
}

// policy returns the policy in the path.
func (s *Server) policy(r *http.Request) (*SecurityPolicy, *problem) {
	domain, p := s.domain(r)
	if p != nil {
		return nil, p
	}
	id := r.PathValue("id")
	i := slices.IndexFunc(s.policies, func(p SecurityPolicy) bool { return p.path() == domain+"/security-policies/"+id })
	if i < 0 {
		return nil, missing("SecurityPolicy", id)
	}
	return &s.policies[i], nil
}

// getPolicy serves one policy with its rules.
func (s *Server) getPolicy(w http.ResponseWriter, r *http.Request) {
	_, p := query(r)
	var found *SecurityPolicy
	if p == nil {
		found, p = s.policy(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	fake.WriteJSON(w, http.StatusOK, found.object(true))
}

// listRules serves the rules of a policy.
func (s *Server) listRules(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters()...)
	var pg paging
	if p == nil {
		pg, p = parsePaging(q, "display_name")
	}
	var found *SecurityPolicy
	if p == nil {
		found, p = s.policy(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	rows := found.rules()
	if pg.sortBy != "" || pg.descending {
		byName(rows, pg, func(r wireRule) string { return r.Name })
	}
	answerList(w, rows, pg, func(r wireRule) string { return r.ID + "\x00" }, false)
}

// excludePath is the part of the path of the exclude list.
const excludePath = "/settings/firewall/security/exclude-list"

// getExcludeList serves what no rule of the firewall touches.
func (s *Server) getExcludeList(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, "system_owned")
	system := false
	if p == nil {
		system, p = boolean(q, "system_owned")
	}
	if p != nil {
		refuse(w, p)
		return
	}
	members := slices.Concat([]string{}, s.excluded)
	if system {
		members = append(members, s.excludedBySystem...)
	}
	fake.WriteJSON(w, http.StatusOK, map[string]any{"resource_type": "PolicyExcludeList", "members": members, "_revision": s.excludeRevision})
}

// filterExcludeList tells whether an object is in the exclude list, itself or, in a deep check, by a group that it is in.
func (s *Server) filterExcludeList(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, "action", "intent_path", "deep_check", "enforcement_point_path")
	deep := false
	if p == nil {
		deep, p = boolean(q, "deep_check")
	}
	if p == nil {
		p = s.checkEnforcementPoint(q)
	}
	path := q.Get("intent_path")
	if p == nil && path == "" {
		p = invalid("The parameter intent_path is required.")
	}
	if p != nil {
		refuse(w, p)
		return
	}
	members := slices.Concat(s.excluded, s.excludedBySystem)
	found := slices.Contains(members, path)
	if !found && deep {
		found = s.within(path, members)
	}
	switch {
	case found:
		fake.WriteJSON(w, http.StatusOK, s.referTo(path))
	case s.switches.FilterFindsNothing:
		fake.WriteJSON(w, http.StatusOK, struct{}{})
	default:
		refuse(w, missing("ExcludeListMember", path))
	}
}

// referTo is a reference to an object of Policy.
func (s *Server) referTo(path string) associationRow {
	if g := s.groupAt(path); g != nil {
		return g.reference()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines() {
		if s.machinePath(m.ExternalID) == path {
			return associationRow{path, m.Name, "VirtualMachine", path, true}
		}
	}
	return associationRow{path, path[strings.LastIndexByte(path, '/')+1:], "Segment", path, true}
}

// within says whether a machine or a group is in one of the groups with the given paths.
func (s *Server) within(path string, groups []string) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(now)
	for _, other := range groups {
		g := s.groupAt(other)
		if g == nil {
			continue
		}
		if slices.Contains(g.Paths, path) {
			return true
		}
		for _, m := range s.machines() {
			if s.machinePath(m.ExternalID) == path && s.has(g, m, now.Add(-s.groupLag)) {
				return true
			}
		}
	}
	return false
}

// boolean reads a parameter that is true or false, false if it is absent.
func boolean(q map[string][]string, name string) (bool, *problem) {
	switch values := q[name]; {
	case len(values) == 0 || values[0] == "false":
		return false, nil
	case values[0] == "true":
		return true, nil
	default:
		return false, invalid("The parameter " + name + " must be true or false.")
	}
}
