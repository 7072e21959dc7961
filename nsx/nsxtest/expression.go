package nsxtest

import (
	"slices"
	"strings"
	"time"
)

// Condition is one condition of a group. Case is ignored.
type Condition struct {
	// Key is "Tag" (the default), "Name", "ComputerName" or "OSName".
	Key string `json:"key,omitempty"`
	// Operator is "EQUALS" (the default), "CONTAINS", "STARTSWITH", "ENDSWITH" or "NOTEQUALS". With tags it compares the part
	// after the bar; NOTEQUALS holds for machines none of whose tags is equal.
	Operator string `json:"operator,omitempty"`
	// ScopeOperator is "EQUALS" (the default) or "NOTEQUALS", for the part of a tag before the bar.
	ScopeOperator string `json:"scope_operator,omitempty"`
	// Value is what is compared. For tags it is "scope|tag", "|tag" for any scope, or "scope|" for any tag; without the bar
	// it matches nothing.
	Value string `json:"value"`
}

// Nested are conditions that are evaluated together before the others.
type Nested struct {
	// Conditions choose the members.
	Conditions []Condition `json:"conditions"`
	// All asks for every condition. By default one is enough.
	All bool `json:"all,omitempty"`
}

// matches evaluates a condition.
func (c Condition) matches(m *machine, tags []Tag) bool {
	if c.Key == "" || c.Key == "Tag" {
		return c.matchesTags(tags)
	}
	return c.compare(map[string]string{"Name": m.Name, "ComputerName": m.ComputerName, "OSName": m.OS}[c.Key], c.Value)
}

// matchesTags evaluates a condition on tags.
func (c Condition) matchesTags(tags []Tag) bool {
	scope, tag, bar := strings.Cut(c.Value, "|")
	if !bar {
		return false
	}
	one := c
	if c.Operator == "NOTEQUALS" {
		one.Operator = ""
	}
	found := slices.ContainsFunc(tags, func(t Tag) bool {
		same := scope == "" || strings.EqualFold(scope, t.Scope) != (c.ScopeOperator == "NOTEQUALS")
		return same && (tag == "" || one.compare(t.Tag, tag))
	})
	return found != (c.Operator == "NOTEQUALS")
}

// compare applies the operator.
func (c Condition) compare(got, want string) bool {
	got, want = strings.ToLower(got), strings.ToLower(want)
	switch c.Operator {
	case "CONTAINS":
		return strings.Contains(got, want)
	case "STARTSWITH":
		return strings.HasPrefix(got, want)
	case "ENDSWITH":
		return strings.HasSuffix(got, want)
	case "NOTEQUALS":
		return got != want
	default:
		return got == want
	}
}

// wire is a condition on the wire.
func (c Condition) wire() any {
	out := map[string]string{
		"resource_type": "Condition", "member_type": "VirtualMachine", "key": or(c.Key, "Tag"), "operator": or(c.Operator, "EQUALS"), "value": c.Value,
	}
	if c.ScopeOperator != "" {
		out["scope_operator"] = c.ScopeOperator
	}
	return out
}

// conjoin puts conjunctions between expressions.
func conjoin(expressions []any, all bool) []any {
	conjunction := "OR"
	if all {
		conjunction = "AND"
	}
	out := []any{}
	for i, e := range expressions {
		if i > 0 {
			out = append(out, map[string]string{"resource_type": "ConjunctionOperator", "conjunction_operator": conjunction})
		}
		out = append(out, e)
	}
	return out
}

// expression is what chooses the members of a group, on the wire.
func (g *Group) expression() []any {
	var out []any
	for _, c := range g.Conditions {
		out = append(out, c.wire())
	}
	for _, n := range g.Nested {
		var inner []any
		for _, c := range n.Conditions {
			inner = append(inner, c.wire())
		}
		out = append(out, map[string]any{"resource_type": "NestedExpression", "expressions": conjoin(inner, n.All)})
	}
	if len(g.ExternalIDs) > 0 {
		out = append(out, map[string]any{"resource_type": "ExternalIDExpression", "member_type": "VirtualMachine", "external_ids": g.ExternalIDs})
	}
	if len(g.Paths) > 0 {
		out = append(out, map[string]any{"resource_type": "PathExpression", "paths": g.Paths})
	}
	if len(g.IPs) > 0 {
		out = append(out, map[string]any{"resource_type": "IPAddressExpression", "ip_addresses": g.IPs})
	}
	return conjoin(out, g.All)
}

// holds is whether all or any of some facts hold; of none, neither.
func holds(facts []bool, all bool) bool {
	if all {
		return len(facts) > 0 && !slices.Contains(facts, false)
	}
	return slices.Contains(facts, true)
}

// has says whether a machine is a member of a group, by the tags that it had when groups last looked. The paths of groups
// that were seen on the way end circles. The caller holds the lock.
func (s *Server) has(g *Group, m *machine, seen time.Time, through ...string) bool {
	if !(space{project: g.Project}).sees(m) || slices.Contains(through, g.path()) {
		return false
	}
	through = append(slices.Clone(through), g.path())
	tags := m.tagsAt(seen)
	var facts []bool
	for _, c := range g.Conditions {
		facts = append(facts, c.matches(m, tags))
	}
	for _, n := range g.Nested {
		var inner []bool
		for _, c := range n.Conditions {
			inner = append(inner, c.matches(m, tags))
		}
		facts = append(facts, holds(inner, n.All))
	}
	if len(g.ExternalIDs) > 0 {
		facts = append(facts, slices.Contains(g.ExternalIDs, m.ExternalID))
	}
	if len(g.Paths) > 0 {
		facts = append(facts, slices.ContainsFunc(g.Paths, func(path string) bool {
			inner := s.groupAt(path)
			return inner != nil && s.has(inner, m, seen, through...)
		}))
	}
	if len(g.IPs) > 0 {
		facts = append(facts, slices.ContainsFunc(m.VIFs, func(v VIF) bool {
			return slices.ContainsFunc(v.IPs, func(ip string) bool { return slices.Contains(g.IPs, ip) })
		}))
	}
	return holds(facts, g.All)
}

// tagsOf lists the conditions on tags of a group and of those within it.
func (s *Server) tagsOf(g *Group, through ...string) []string {
	if slices.Contains(through, g.path()) {
		return nil
	}
	var out []string
	add := func(c Condition) {
		if (c.Key == "" || c.Key == "Tag") && !slices.Contains(out, c.Value) {
			out = append(out, c.Value)
		}
	}
	for _, c := range g.Conditions {
		add(c)
	}
	for _, n := range g.Nested {
		for _, c := range n.Conditions {
			add(c)
		}
	}
	for _, path := range g.Paths {
		if inner := s.groupAt(path); inner != nil {
			for _, value := range s.tagsOf(inner, append(slices.Clone(through), g.path())...) {
				add(Condition{Value: value})
			}
		}
	}
	return out
}
