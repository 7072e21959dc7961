package nsxtest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// Group is a group of virtual machines, by conditions. What is done to its members is the business of rules, which are not
// simulated.
type Group struct {
	// ID is the last part of its path.
	ID string `json:"id"`
	// Name defaults to the id.
	Name string `json:"name,omitempty"`
	// Conditions choose the members.
	Conditions []Condition `json:"conditions,omitempty"`
	// All asks for every condition. By default one is enough.
	All bool `json:"all,omitempty"`
}

// Condition is one condition of a group. Case is ignored.
type Condition struct {
	// Key is "Tag" (the default), "Name", "ComputerName" or "OSName".
	Key string `json:"key,omitempty"`
	// Operator is "EQUALS" (the default), "CONTAINS", "STARTSWITH", "ENDSWITH" or "NOTEQUALS". Tags can only be compared
	// with EQUALS.
	Operator string `json:"operator,omitempty"`
	// Value is what is compared. For tags it is "scope|tag", "|tag" for any scope, or "scope|" for any tag; without the bar
	// it matches nothing.
	Value string `json:"value"`
}

// matches evaluates a condition.
func (c Condition) matches(m *machine, tags []Tag) bool {
	if c.Key == "" || c.Key == "Tag" {
		scope, tag, bar := strings.Cut(c.Value, "|")
		return bar && slices.ContainsFunc(tags, func(t Tag) bool {
			return (scope == "" || strings.EqualFold(scope, t.Scope)) && (tag == "" || strings.EqualFold(tag, t.Tag))
		})
	}
	got, want := strings.ToLower(map[string]string{"Name": m.Name, "ComputerName": m.ComputerName, "OSName": m.OS}[c.Key]), strings.ToLower(c.Value)
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

// has says whether a machine is a member, by the tags that it had when groups last looked.
func (g *Group) has(m *machine, seen time.Time) bool {
	tags := m.tagsAt(seen)
	holds := func(c Condition) bool { return c.matches(m, tags) }
	if g.All {
		return len(g.Conditions) > 0 && !slices.ContainsFunc(g.Conditions, func(c Condition) bool { return !holds(c) })
	}
	return slices.ContainsFunc(g.Conditions, holds)
}

// groupPath is where a group is found.
func groupPath(id string) string { return "/infra/domains/default/groups/" + id }

// object is a group on the wire. Its expressions stand between conjunctions.
func (g *Group) object() any {
	conjunction := "OR"
	if g.All {
		conjunction = "AND"
	}
	expression := []any{}
	for i, c := range g.Conditions {
		if i > 0 {
			expression = append(expression, map[string]string{"resource_type": "ConjunctionOperator", "conjunction_operator": conjunction})
		}
		expression = append(expression, map[string]string{
			"resource_type": "Condition", "member_type": "VirtualMachine", "key": or(c.Key, "Tag"), "operator": or(c.Operator, "EQUALS"), "value": c.Value,
		})
	}
	return struct {
		Type       string `json:"resource_type"`
		ID         string `json:"id"`
		Name       string `json:"display_name"`
		Path       string `json:"path"`
		Revision   int    `json:"_revision"`
		Expression []any  `json:"expression"`
	}{"Group", g.ID, or(g.Name, g.ID), groupPath(g.ID), 0, expression}
}

// or returns the first of two strings that is not empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// listGroups serves all groups.
func (s *Server) listGroups(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("member_types")...)
	if p != nil {
		refuse(w, p)
		return
	}
	pg, p := parsePaging(q)
	if p != nil {
		refuse(w, p)
		return
	}
	answer, p := cut(s.groups, pg, func(g Group) string { return g.ID + "\x00" }, false)
	if p != nil {
		refuse(w, p)
		return
	}
	objects := list[any]{Results: []any{}, Count: answer.Count, Cursor: answer.Cursor}
	for i := range answer.Results {
		objects.Results = append(objects.Results, answer.Results[i].object())
	}
	fake.WriteJSON(w, http.StatusOK, objects)
}

// group returns the group in the path.
func (s *Server) group(r *http.Request) (*Group, *problem) {
	id := r.PathValue("id")
	i := slices.IndexFunc(s.groups, func(g Group) bool { return g.ID == id })
	if i < 0 {
		return nil, missing("Group", id)
	}
	return &s.groups[i], nil
}

// getGroup serves one group.
func (s *Server) getGroup(w http.ResponseWriter, r *http.Request) {
	_, p := query(r)
	var g *Group
	if p == nil {
		g, p = s.group(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	fake.WriteJSON(w, http.StatusOK, g.object())
}

// memberRow is a machine as a member of a group.
type memberRow struct {
	ResourceType string   `json:"resource_type"`
	ID           string   `json:"id"`
	DisplayName  string   `json:"display_name"`
	Path         string   `json:"path"`
	RelativePath string   `json:"relative_path"`
	ParentPath   string   `json:"parent_path"`
	State        string   `json:"state"`
	PowerState   string   `json:"power_state"`
	LocalID      string   `json:"local_id_on_host"`
	HostID       string   `json:"host_id"`
	ComputeIDs   []string `json:"compute_ids"`
}

// listMembers serves the machines of a group.
func (s *Server) listMembers(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("enforcement_point_path")...)
	var pg paging
	if p == nil {
		pg, p = parsePaging(q, "display_name")
	}
	var g *Group
	if p == nil {
		g, p = s.group(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	const parent = "/infra/realized-state/enforcement-points/default"
	rows := []memberRow{}
	now := s.now()
	s.mu.Lock()
	s.settle(now)
	for _, m := range s.machines {
		if g.has(m, now.Add(-s.groupLag)) {
			rows = append(rows, memberRow{
				"RealizedVirtualMachine", m.ExternalID, m.Name, parent + "/virtual-machines/" + m.ExternalID, m.ExternalID, parent,
				"REALIZED", m.PowerState, m.LocalID, m.HostID, m.ComputeIDs,
			})
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(rows, func(a, b memberRow) int {
		order := strings.Compare(a.DisplayName, b.DisplayName)
		if pg.descending {
			return -order
		}
		return order
	})
	answer, p := cut(rows, pg, func(row memberRow) string { return row.ID + "\x00" + row.DisplayName }, false)
	if p != nil {
		refuse(w, p)
		return
	}
	fake.WriteJSON(w, http.StatusOK, answer)
}

// associationRow is a group of a machine.
type associationRow struct {
	TargetID   string `json:"target_id"`
	TargetName string `json:"target_display_name"`
	TargetType string `json:"target_type"`
	Path       string `json:"path"`
	Valid      bool   `json:"is_valid"`
}

// listAssociations serves the groups of a machine.
func (s *Server) listAssociations(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("vm_external_id", "enforcement_point_path")...)
	var pg paging
	if p == nil {
		pg, p = parsePaging(q)
	}
	if p == nil && q.Get("vm_external_id") == "" {
		p = invalid("The parameter vm_external_id is required.")
	}
	rows := []associationRow{}
	if p == nil {
		now := s.now()
		s.mu.Lock()
		s.settle(now)
		if m := s.find(q.Get("vm_external_id")); m != nil {
			for _, g := range s.groupsOf(m, now) {
				rows = append(rows, associationRow{groupPath(g.ID), or(g.Name, g.ID), "Group", groupPath(g.ID), true})
			}
		} else {
			p = missing("VirtualMachine", q.Get("vm_external_id"))
		}
		s.mu.Unlock()
	}
	var answer list[associationRow]
	if p == nil {
		answer, p = cut(rows, pg, func(row associationRow) string { return row.TargetID + "\x00" }, false)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	fake.WriteJSON(w, http.StatusOK, answer)
}

// groupsOf lists the groups that a machine is in. The caller holds the lock.
func (s *Server) groupsOf(m *machine, now time.Time) []Group {
	var out []Group
	for i := range s.groups {
		if s.groups[i].has(m, now.Add(-s.groupLag)) {
			out = append(out, s.groups[i])
		}
	}
	return out
}
