package cbctest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// AssetGroup is a group of devices that can assign a policy to them.
type AssetGroup struct {
	// ID is a UUID. Made up from Name if empty.
	ID string `json:"id,omitempty"`
	// Name is what [Device.AssetGroups] refers to.
	Name string `json:"name"`
	// PolicyID is the policy that the group assigns; 0 if it assigns none. Of several groups, the one whose policy has the
	// lowest position decides. A policy assigned by hand ([Device.PolicyOverride]) beats them all.
	PolicyID int64 `json:"policy_id,omitempty"`
	// Membership is DYNAMIC (the default) or MANUAL.
	Membership string `json:"membership,omitempty"`
}

// assetGroups are the groups of a world: those that it lists, and those that only devices name.
func (w World) assetGroups() []AssetGroup {
	groups := slices.Clone(w.AssetGroups)
	for i := range groups {
		groups[i].ID = cmp.Or(groups[i].ID, uuidOf(madeUp("asset group "+groups[i].Name, 0)))
		groups[i].Membership = cmp.Or(groups[i].Membership, "DYNAMIC")
	}
	for _, d := range w.Devices {
		for i, name := range d.AssetGroups {
			if !slices.ContainsFunc(groups, func(g AssetGroup) bool { return g.Name == name }) {
				groups = append(groups, AssetGroup{
					ID: uuidOf(madeUp("asset group "+name, 0)), Name: name, Membership: []string{"DYNAMIC", "MANUAL"}[i%2],
				})
			}
		}
	}
	return groups
}

// groupPolicy is the policy that a device has without an override: that of its groups, or else the first there is.
func groupPolicy(d Device, groups []AssetGroup, policies []Policy) int64 {
	var best *Policy
	for _, g := range groups {
		i := slices.IndexFunc(policies, func(p Policy) bool { return p.ID == g.PolicyID })
		if i < 0 || !slices.Contains(d.AssetGroups, g.Name) {
			continue
		}
		if best == nil || policies[i].Position < best.Position {
			best = &policies[i]
		}
	}
	if best == nil {
		return policies[0].ID
	}
	return best.ID
}

// registerAssets adds the preview of what a change of assignments would do.
func (s *Server) registerAssets() {
	const assignment = "/policy-assignment/v1/orgs/{org_key}"
	s.serve("POST "+assignment+"/asset-groups/preview", "org.policies:READ", s.previewAssets)
	s.serve("POST "+assignment+"/policies/preview", "org.policies:READ", s.previewRanks)
}

// previewRanks tells which devices would have another policy if policies had other positions. It changes nothing.
func (s *Server) previewRanks(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Policies []struct {
			ID       int64 `json:"id"`
			Position int   `json:"position"`
		} `json:"policies"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	if len(in.Policies) == 0 {
		s.badRequest(w, "policies is missing or empty")
		return
	}
	ranked := slices.Clone(s.policies)
	for _, move := range in.Policies {
		if s.policyIndex(move.ID) < 0 || move.Position < 1 || move.Position > len(ranked) {
			s.badRequest(w, "policies names an unknown policy or a position that there is not")
			return
		}
		reposition(ranked, move.ID, move.Position)
	}
	var changes assignmentChanges
	s.advanceDevices()
	for _, d := range s.devices {
		if !d.PolicyOverride && !d.gone() {
			changes.add(d, groupPolicy(d.Device, s.assetGroups, ranked))
		}
	}
	s.replyPreview(w, changes, ranked)
}

// previewAssets tells which policies devices would have after a change. It changes nothing, and passes over devices that are
// unknown or would keep their policy.
func (s *Server) previewAssets(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Action   string  `json:"action"`
		AssetIDs []int64 `json:"asset_ids"`
		PolicyID *int64  `json:"policy_id"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	const add, remove = "ADD_POLICY_OVERRIDE", "REMOVE_POLICY_OVERRIDE"
	switch {
	case in.Action != add && in.Action != remove:
		s.badEnum(w, "action", in.Action, []string{add, remove})
		return
	case len(in.AssetIDs) == 0:
		s.badRequest(w, "asset_ids is missing or empty")
		return
	case (in.Action == add) != (in.PolicyID != nil):
		s.badRequest(w, "policy_id belongs to "+add+" and to it alone")
		return
	case in.PolicyID != nil && s.policyIndex(*in.PolicyID) < 0:
		s.badRequest(w, "policy_id is no policy")
		return
	}
	var changes assignmentChanges
	for i, id := range in.AssetIDs {
		d, ok := s.device(id)
		switch {
		case !ok || slices.Contains(in.AssetIDs[:i], id):
		case in.PolicyID != nil:
			changes.add(d, *in.PolicyID)
		case d.PolicyOverride:
			changes.add(d, groupPolicy(d.Device, s.assetGroups, s.policies))
		}
	}
	s.replyPreview(w, changes, s.policies)
}

// assignmentChange is a group of devices that would go from one policy to another.
type assignmentChange struct {
	from, to int64
	devices  []string // as terms of a device search
}

// assignmentChanges are all of them, in the order in which they were found.
type assignmentChanges []*assignmentChange

// add puts a device with those that go the same way, unless it stays where it is.
func (c *assignmentChanges) add(d *device, to int64) {
	if d.PolicyID == to {
		return
	}
	i := slices.IndexFunc(*c, func(one *assignmentChange) bool { return one.from == d.PolicyID && one.to == to })
	if i < 0 {
		i = len(*c)
		*c = append(*c, &assignmentChange{from: d.PolicyID, to: to})
	}
	(*c)[i].devices = append((*c)[i].devices, "id:"+strconv.FormatInt(d.ID, 10))
}

// replyPreview tells the changes; ranked are the policies with the positions that they would have.
func (s *Server) replyPreview(w http.ResponseWriter, changes assignmentChanges, ranked []Policy) {
	rank := func(id int64, policies []Policy) map[string]any {
		i := slices.IndexFunc(policies, func(p Policy) bool { return p.ID == id })
		if i < 0 {
			return map[string]any{"id": id, "position": nil}
		}
		return map[string]any{"id": id, "position": policies[i].Position}
	}
	preview := []map[string]any{}
	for _, c := range changes {
		preview = append(preview, map[string]any{
			"current_policy": rank(c.from, s.policies), "new_policy": rank(c.to, ranked), "asset_count": len(c.devices),
			"asset_query": strings.Join(c.devices, " OR "),
		})
	}
	s.reply(w, http.StatusOK, map[string]any{"preview": preview})
}
