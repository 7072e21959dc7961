package nsxtest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// Group is a group of virtual machines. What is done to its members is the business of [SecurityPolicy], which the server only
// tells about.
//
// A machine is a member if one of the conditions, nested conditions and lists holds, or each of them if All says so.
type Group struct {
	// ID is the last part of its path.
	ID string `json:"id"`
	// Name defaults to the id.
	Name string `json:"name,omitempty"`
	// Domain defaults to "default".
	Domain string `json:"domain,omitempty"`
	// Project puts the group in a project, where it sees the machines of the project alone. By default it is in the default
	// space and sees all.
	Project string `json:"project,omitempty"`
	// Conditions choose the members.
	Conditions []Condition `json:"conditions,omitempty"`
	// Nested are conditions in brackets.
	Nested []Nested `json:"nested,omitempty"`
	// ExternalIDs, Paths and IPs list members: machines by id, groups by path, machines by an address of theirs.
	ExternalIDs []string `json:"external_ids,omitempty"`
	Paths       []string `json:"paths,omitempty"`
	IPs         []string `json:"ips,omitempty"`
	// All asks for every condition and list. By default one is enough.
	All bool `json:"all,omitempty"`
	// Revision is its _revision.
	Revision int `json:"revision,omitempty"`
}

// path is where a group is found.
func (g *Group) path() string {
	return space{project: g.Project}.path() + "/domains/" + or(g.Domain, "default") + "/groups/" + g.ID
}

// wireGroup is a group on the wire. Its expressions stand between conjunctions.
type wireGroup struct {
	Type       string `json:"resource_type"`
	ID         string `json:"id"`
	Name       string `json:"display_name"`
	Path       string `json:"path"`
	Revision   int    `json:"_revision"`
	Expression []any  `json:"expression"`
}

// object is a group on the wire.
func (g *Group) object() wireGroup {
	return wireGroup{"Group", g.ID, or(g.Name, g.ID), g.path(), g.Revision, g.expression()}
}

// or returns the first of two strings that is not empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// groupAt is the group with a path, nil if there is none.
func (s *Server) groupAt(path string) *Group {
	if i := slices.IndexFunc(s.groups, func(g Group) bool { return g.path() == path }); i >= 0 {
		return &s.groups[i]
	}
	return nil
}

// domain returns the path of the domain of a call. Domains are there if objects are in them; "default" always is.
func (s *Server) domain(r *http.Request) (string, *problem) {
	sp, p := s.space(r)
	if p != nil {
		return "", p
	}
	id := r.PathValue("domain")
	path := sp.path() + "/domains/" + id
	known := id == "default" ||
		slices.ContainsFunc(s.groups, func(g Group) bool { return strings.HasPrefix(g.path(), path+"/") }) ||
		slices.ContainsFunc(s.policies, func(p SecurityPolicy) bool { return strings.HasPrefix(p.path(), path+"/") })
	if !known {
		return "", missing("Domain", id)
	}
	return path, nil
}

// memberTypes are what can be asked for in member_types.
func memberTypes() []string {
	return []string{"VirtualMachine", "VirtualNetworkInterface", "SegmentPort", "Segment", "IPSet", "PhysicalServer", "CloudNativeServiceInstance", "Pod", "Group"}
}

// listGroups serves the groups of a domain.
func (s *Server) listGroups(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("member_types")...)
	var pg paging
	if p == nil {
		pg, p = parsePaging(q, "display_name")
	}
	var domain string
	if p == nil {
		domain, p = s.domain(r)
	}
	var kinds []string
	if q.Has("member_types") {
		kinds = strings.Split(q.Get("member_types"), ",")
	}
	for _, kind := range kinds {
		if p == nil && !slices.Contains(memberTypes(), kind) {
			p = invalid("There is no type of member " + kind + ".")
		}
	}
	if p != nil {
		refuse(w, p)
		return
	}
	rows := []wireGroup{}
	for i := range s.groups {
		wanted := len(kinds) == 0 || slices.Contains(kinds, "VirtualMachine") || len(s.groups[i].Paths) > 0 && slices.Contains(kinds, "Group")
		if strings.HasPrefix(s.groups[i].path(), domain+"/") && wanted {
			rows = append(rows, s.groups[i].object())
		}
	}
	if pg.sortBy != "" || pg.descending {
		byName(rows, pg, func(g wireGroup) string { return g.Name })
	}
	answerList(w, rows, pg, func(g wireGroup) string { return g.ID + "\x00" }, false)
}

// byName sorts rows by their names, as asked.
func byName[T any](rows []T, pg paging, name func(T) string) {
	slices.SortStableFunc(rows, func(a, b T) int {
		order := strings.Compare(name(a), name(b))
		if pg.descending {
			return -order
		}
		return order
	})
}

// group returns the group in the path.
func (s *Server) group(r *http.Request) (*Group, *problem) {
	domain, p := s.domain(r)
	if p != nil {
		return nil, p
	}
	id := r.PathValue("id")
	if g := s.groupAt(domain + "/groups/" + id); g != nil {
		return g, nil
	}
	return nil, missing("Group", id)
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

// groupTags are the tags that a group asks for.
type groupTags struct {
	MemberType string   `json:"member_type"`
	Tags       []string `json:"tags"`
}

// listGroupTags serves the tags that a group and those within it ask for.
func (s *Server) listGroupTags(w http.ResponseWriter, r *http.Request) {
	_, p := query(r)
	var g *Group
	if p == nil {
		g, p = s.group(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	out := list[groupTags]{Results: []groupTags{}}
	if tags := s.tagsOf(g); len(tags) > 0 {
		out.Results = append(out.Results, groupTags{"VirtualMachine", tags})
	}
	fake.WriteJSON(w, http.StatusOK, out)
}

// groupsOf lists the groups that a machine is in, of all spaces. The caller holds the lock.
func (s *Server) groupsOf(m *machine, now time.Time) []*Group {
	var out []*Group
	for i := range s.groups {
		if s.has(&s.groups[i], m, now.Add(-s.groupLag)) {
			out = append(out, &s.groups[i])
		}
	}
	return out
}
