package nsxtest

import (
	"net/http"
	"slices"
)

// Project is a project of the org "default".
type Project struct {
	// ID is the part of its path.
	ID string `json:"id"`
	// Name defaults to the id.
	Name string `json:"name,omitempty"`
	// VPCs are the ids of its VPCs.
	VPCs []string `json:"vpcs,omitempty"`
}

// space is where an object of Policy lives: the default space, a project or a VPC.
type space struct{ project, vpc string }

// path is the beginning of the paths of objects in a space.
func (sp space) path() string {
	switch {
	case sp.vpc != "":
		return "/orgs/default/projects/" + sp.project + "/vpcs/" + sp.vpc
	case sp.project != "":
		return "/orgs/default/projects/" + sp.project + "/infra"
	default:
		return "/infra"
	}
}

// operation is the path of an operation on many machines.
func (sp space) operation(id string) string {
	if sp.vpc != "" {
		return sp.path() + "/tags/vpc-tag-operations/" + id
	}
	return sp.path() + "/tags/tag-operations/" + id
}

// sees says whether a machine is in a space. The default space has all of them.
func (sp space) sees(m *machine) bool {
	return sp.project == "" || m.Project == sp.project && (sp.vpc == "" || m.VPC == sp.vpc)
}

// space is that of a call's path. There is no org but "default".
func (s *Server) space(r *http.Request) (space, *problem) {
	sp := space{r.PathValue("project"), r.PathValue("vpc")}
	if sp.project == "" {
		return sp, nil
	}
	if org := r.PathValue("org"); org != "default" {
		return sp, missing("Org", org)
	}
	i := slices.IndexFunc(s.projects, func(p Project) bool { return p.ID == sp.project })
	if i < 0 {
		return sp, missing("Project", sp.project)
	}
	if sp.vpc != "" && !slices.Contains(s.projects[i].VPCs, sp.vpc) {
		return sp, missing("Vpc", sp.vpc)
	}
	return sp, nil
}

// The beginnings of the paths of Policy.
const (
	policyRoot  = "/policy/api/v1"
	infraRoot   = policyRoot + "/infra"
	projectRoot = policyRoot + "/orgs/{org}/projects/{project}/infra"
	vpcRoot     = policyRoot + "/orgs/{org}/projects/{project}/vpcs/{vpc}"
)

// inSpaces serves a call of Policy in the default space and, from the version that has projects on, in those.
func (s *Server) inSpaces(method, path string, h http.HandlerFunc) {
	s.fake.Handle(method+" "+infraRoot+path, h)
	s.fake.Handle(method+" "+projectRoot+path, s.from("4.0.1", h))
}

// scopeRow tells what a discovered object belongs to.
type scopeRow struct {
	Type string `json:"scope_type"`
	ID   string `json:"scope_id"`
}

// scopes are what a machine belongs to.
func (m *machine) scopes() []scopeRow {
	var out []scopeRow
	if m.Project != "" {
		out = append(out, scopeRow{"Project", m.Project})
	}
	if m.VPC != "" {
		out = append(out, scopeRow{"VPC", m.VPC})
	}
	return out
}

// listScopes serves what a machine belongs to.
func (s *Server) listScopes(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("discovered_resource_type", "discovered_resource_external_id")...)
	var pg paging
	if p == nil {
		pg, p = parsePaging(q)
	}
	switch {
	case p != nil:
	case q.Get("discovered_resource_type") != "VirtualMachine":
		p = invalid("The parameter discovered_resource_type must be VirtualMachine.")
	case q.Get("discovered_resource_external_id") == "":
		p = invalid("The parameter discovered_resource_external_id is required.")
	}
	if p != nil {
		refuse(w, p)
		return
	}
	rows := []scopeRow{}
	s.mu.Lock()
	if m := s.find(q.Get("discovered_resource_external_id")); m != nil {
		rows = append(rows, m.scopes()...)
	}
	s.mu.Unlock()
	answerList(w, rows, pg, func(row scopeRow) string { return row.ID + "\x00" + row.Type }, s.switches.EndCursor)
}
