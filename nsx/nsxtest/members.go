package nsxtest

import (
	"net/http"
	"slices"
	"strings"
)

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

// machinePath is the path of a machine in Policy.
func (s *Server) machinePath(id string) string {
	return "/infra/realized-state/enforcement-points/" + s.enforcementPoint + "/virtual-machines/" + id
}

// listMembers serves the machines of a group.
func (s *Server) listMembers(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("enforcement_point_path")...)
	var pg paging
	if p == nil {
		pg, p = parsePaging(q, "display_name")
	}
	if p == nil {
		p = s.checkEnforcementPoint(q)
	}
	var g *Group
	if p == nil {
		g, p = s.group(r)
	}
	if p != nil {
		refuse(w, p)
		return
	}
	rows := []memberRow{}
	now := s.now()
	s.mu.Lock()
	s.settle(now)
	for _, m := range s.machines() {
		if s.has(g, m, now.Add(-s.groupLag)) {
			path := s.machinePath(m.ExternalID)
			rows = append(rows, memberRow{
				"RealizedVirtualMachine", m.ExternalID, m.Name, path, m.ExternalID, strings.TrimSuffix(path, "/virtual-machines/"+m.ExternalID),
				"REALIZED", m.PowerState, m.LocalID, m.HostID, m.ComputeIDs,
			})
		}
	}
	s.mu.Unlock()
	byName(rows, pg, func(row memberRow) string { return row.DisplayName })
	answerList(w, rows, pg, func(row memberRow) string { return row.ID + "\x00" + row.DisplayName }, false)
}

// associationRow is a group of a machine, and anything else that refers to an object of Policy.
type associationRow struct {
	TargetID   string `json:"target_id"`
	TargetName string `json:"target_display_name"`
	TargetType string `json:"target_type"`
	Path       string `json:"path"`
	Valid      bool   `json:"is_valid"`
}

// reference is a row that refers to a group.
func (g *Group) reference() associationRow {
	return associationRow{g.path(), or(g.Name, g.ID), "Group", g.path(), true}
}

// listAssociations serves the groups of a machine.
func (s *Server) listAssociations(w http.ResponseWriter, r *http.Request) {
	q, p := query(r, pagingParameters("vm_external_id", "enforcement_point_path")...)
	var pg paging
	if p == nil {
		pg, p = parsePaging(q)
	}
	if p == nil {
		p = s.checkEnforcementPoint(q)
	}
	var sp space
	if p == nil {
		sp, p = s.space(r)
	}
	id := q.Get("vm_external_id")
	if p == nil && id == "" {
		p = invalid("The parameter vm_external_id is required.")
	}
	rows := []associationRow{}
	if p == nil {
		now := s.now()
		s.mu.Lock()
		s.settle(now)
		if m := s.find(id); m != nil && sp.sees(m) {
			for _, g := range s.groupsOf(m, now) {
				if g.Project == sp.project {
					rows = append(rows, g.reference())
				}
			}
		} else {
			p = missing("VirtualMachine", id)
		}
		s.mu.Unlock()
	}
	if p != nil {
		refuse(w, p)
		return
	}
	answerList(w, rows, pg, func(row associationRow) string { return row.TargetID + "\x00" }, false)
}

// checkEnforcementPoint refuses a path of an enforcement point that is not that of this manager.
func (s *Server) checkEnforcementPoint(q map[string][]string) *problem {
	paths := q["enforcement_point_path"]
	want := "/infra/sites/default/enforcement-points/" + s.enforcementPoint
	if slices.ContainsFunc(paths, func(path string) bool { return path != want }) {
		return &problem{status: http.StatusBadRequest, code: codePath, module: "policy", text: "The path " + strings.Join(paths, ", ") + " is invalid."}
	}
	return nil
}
