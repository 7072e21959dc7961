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
	s.serve("POST /policy-assignment/v1/orgs/{org_key}/asset-groups/preview", "org.policies:READ", s.previewAssets)
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
	type change struct{ from, to int64 }
	var changes []change
	devices := map[change][]string{}
	for i, id := range in.AssetIDs {
		d, ok := s.device(id)
		if !ok || slices.Contains(in.AssetIDs[:i], id) {
			continue
		}
		to := groupPolicy(d.Device, s.assetGroups, s.policies)
		switch {
		case in.PolicyID != nil:
			to = *in.PolicyID
		case !d.PolicyOverride:
			to = d.PolicyID
		}
		c := change{from: d.PolicyID, to: to}
		if c.from == c.to {
			continue
		}
		if devices[c] == nil {
			changes = append(changes, c)
		}
		devices[c] = append(devices[c], "id:"+strconv.FormatInt(id, 10))
	}
	preview := []map[string]any{}
	for _, c := range changes {
		preview = append(preview, map[string]any{
			"current_policy": s.policyRank(c.from), "new_policy": s.policyRank(c.to), "asset_count": len(devices[c]),
			"asset_query": strings.Join(devices[c], " OR "),
		})
	}
	s.reply(w, http.StatusOK, map[string]any{"preview": preview})
}

// policyRank is a policy as a preview tells it. The caller holds the lock.
func (s *Server) policyRank(id int64) map[string]any {
	p, _ := s.policy(id)
	return map[string]any{"id": id, "position": p.Position}
}
