package cbctest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
)

// registerPolicies adds the routes of policies and of the rules in them.
func (s *Server) registerPolicies() {
	const (
		all    = "/policyservice/v1/orgs/{org_key}/policies"
		one    = all + "/{policy_id}"
		read   = "org.policies:READ"
		update = "org.policies:UPDATE"
	)
	s.serve("GET "+all+"/summary", read, s.listPolicies)
	s.serve("POST "+all, "org.policies:CREATE", s.createPolicy)
	s.serve("GET "+one, read, s.getPolicy)
	s.serve("PUT "+one, update, s.replacePolicy)
	s.serve("DELETE "+one, "org.policies:DELETE", s.deletePolicy)
	s.serve("POST "+one+"/rules", update, s.createRule)
	s.serve("PUT "+one+"/rules/{rule_id}", update, s.replaceRule)
	s.serve("DELETE "+one+"/rules/{rule_id}", update, s.deleteRule)
	s.registerRuleConfigs()
}

// policy finds a policy. The caller holds the lock.
func (s *Server) policy(id int64) (Policy, bool) {
	i := s.policyIndex(id)
	if i < 0 {
		return Policy{}, false
	}
	return s.policies[i], true
}

// policyIndex is the place of a policy in the list; -1 if it is not there. The caller holds the lock.
func (s *Server) policyIndex(id int64) int {
	return slices.IndexFunc(s.policies, func(p Policy) bool { return p.ID == id })
}

// policyName is empty if there is no such policy. The caller holds the lock.
func (s *Server) policyName(id int64) string {
	p, _ := s.policy(id)
	return p.Name
}

// Policies lists the policies.
func (s *Server) Policies() []Policy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.policyList()
}

func (s *Server) policyList() []Policy {
	list := make([]Policy, 0, len(s.policies))
	for _, p := range s.policies {
		list = append(list, p.clone())
	}
	return list
}

// devicesIn counts the devices that are assigned to a policy. The caller holds the lock.
func (s *Server) devicesIn(policy int64) int {
	n := 0
	for _, d := range s.devices {
		if d.PolicyID == policy && !d.gone() {
			n++
		}
	}
	return n
}

func (s *Server) listPolicies(w http.ResponseWriter, _ *http.Request) {
	s.advanceDevices()
	list := []map[string]any{}
	for _, p := range s.policies {
		list = append(list, map[string]any{
			"id": p.ID, "name": p.Name, "description": p.Description, "priority_level": p.PriorityLevel,
			"position": p.Position, "is_system": p.System, "num_devices": s.devicesIn(p.ID),
		})
	}
	s.reply(w, http.StatusOK, map[string]any{"policies": list})
}

// policyOf finds the policy of the path, or answers 404. The caller holds the lock.
func (s *Server) policyOf(w http.ResponseWriter, r *http.Request) (int, bool) {
	id, err := strconv.ParseInt(r.PathValue("policy_id"), 10, 64)
	i := s.policyIndex(id)
	if err != nil || i < 0 {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "policy not found")
		return 0, false
	}
	return i, true
}

func (s *Server) getPolicy(w http.ResponseWriter, r *http.Request) {
	if i, ok := s.policyOf(w, r); ok {
		s.reply(w, http.StatusOK, s.policyJSON(s.policies[i]))
	}
}

func (s *Server) createPolicy(w http.ResponseWriter, r *http.Request) {
	var in policyBody
	if !s.decode(w, r, &in) {
		return
	}
	if err := in.check(s.orgKey, 0); err != nil {
		s.badDevices(w, err)
		return
	}
	if s.policyNameTaken(w, in.Name, 0) {
		return
	}
	p := Policy{Position: len(s.policies) + 1}
	for _, other := range s.policies {
		p.ID = max(p.ID, other.ID+1)
	}
	in.apply(&p, s.now())
	s.policies = append(s.policies, p)
	s.movePolicy(p.ID, in.Position)
	status := http.StatusOK
	if s.switches.Policies.Created {
		status = http.StatusCreated
	}
	p, _ = s.policy(p.ID)
	s.reply(w, status, s.policyJSON(p))
}

// policyNameTaken answers 409 if another policy has the name. The caller holds the lock.
func (s *Server) policyNameTaken(w http.ResponseWriter, name string, id int64) bool {
	taken := !s.switches.Policies.SameNames && slices.ContainsFunc(s.policies, func(p Policy) bool {
		return p.Name == name && p.ID != id
	})
	if taken {
		s.fail(w, http.StatusConflict, "DUPLICATE_NAME", "another policy has this name")
	}
	return taken
}

// replacePolicy replaces a policy as a whole: what the body leaves out is as in a new policy afterwards. The sensors of the
// devices in it learn of it at their next contact.
func (s *Server) replacePolicy(w http.ResponseWriter, r *http.Request) {
	var in policyBody
	if !s.decode(w, r, &in) {
		return
	}
	i, ok := s.policyOf(w, r)
	if !ok {
		return
	}
	id := s.policies[i].ID
	if err := in.check(s.orgKey, id); err != nil {
		s.badDevices(w, err)
		return
	}
	if s.policyNameTaken(w, in.Name, id) {
		return
	}
	in.apply(&s.policies[i], s.now())
	s.movePolicy(id, in.Position)
	s.policyChanged(id)
	p, _ := s.policy(id)
	s.reply(w, http.StatusOK, s.policyJSON(p))
}

// policyChanged lets the sensors of a policy's devices know. The caller holds the lock.
func (s *Server) policyChanged(id int64) {
	p, _ := s.policy(id)
	s.advanceDevices()
	for _, d := range s.devices {
		if d.PolicyID == id {
			s.ask(d, func(d *device) { d.enforce(p) })
		}
	}
}

// movePolicy gives a policy another rank, if one is asked for. The caller holds the lock.
func (s *Server) movePolicy(id int64, position *int) {
	if p, _ := s.policy(id); position != nil && *position != p.Position {
		reposition(s.policies, id, *position)
	}
}

// reposition gives a policy of a list another rank; the others close up.
func reposition(policies []Policy, id int64, position int) {
	rank := make([]int64, 0, len(policies))
	inOrder := slices.Clone(policies)
	slices.SortStableFunc(inOrder, func(a, b Policy) int { return cmp.Compare(a.Position, b.Position) })
	for _, other := range inOrder {
		if other.ID != id {
			rank = append(rank, other.ID)
		}
	}
	rank = slices.Insert(rank, min(position-1, len(rank)), id)
	for i := range policies {
		policies[i].Position = slices.Index(rank, policies[i].ID) + 1
	}
}

// deletePolicy deletes a policy that no device is in.
func (s *Server) deletePolicy(w http.ResponseWriter, r *http.Request) {
	i, ok := s.policyOf(w, r)
	if !ok {
		return
	}
	switch p := s.policies[i]; {
	case p.System:
		s.badRequest(w, "a policy of the system cannot be deleted")
		return
	case len(s.policies) == 1 || s.devicesIn(p.ID) > 0:
		s.badRequest(w, "a policy with devices, and the last one, cannot be deleted")
		return
	}
	s.policies = slices.Delete(slices.Clone(s.policies), i, i+1)
	w.WriteHeader(http.StatusNoContent)
}
