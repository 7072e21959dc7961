package cbctest

import (
	"net/http"
	"slices"
	"strconv"
)

// ruleOf finds the rule of the path, or answers 404. The caller holds the lock.
func (s *Server) ruleOf(w http.ResponseWriter, r *http.Request) (policy, rule int, ok bool) {
	policy, ok = s.policyOf(w, r)
	if !ok {
		return 0, 0, false
	}
	id, err := strconv.ParseInt(r.PathValue("rule_id"), 10, 64)
	rule = slices.IndexFunc(s.policies[policy].Rules, func(one PolicyRule) bool { return one.ID == id })
	if err != nil || rule < 0 {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "rule not found")
		return 0, 0, false
	}
	return policy, rule, true
}

// changeRules replaces the rules of a policy by a list that nobody else has. The caller holds the lock.
func (s *Server) changeRules(policy int, rules []PolicyRule) {
	s.policies[policy].Rules, s.policies[policy].Updated = rules, s.now()
	s.policyChanged(s.policies[policy].ID)
}

func (s *Server) createRule(w http.ResponseWriter, r *http.Request) {
	var in ruleBody
	if !s.decode(w, r, &in) {
		return
	}
	i, ok := s.policyOf(w, r)
	if !ok {
		return
	}
	if err := in.check(""); err != nil {
		s.badDevices(w, err)
		return
	}
	id := int64(1)
	for _, other := range s.policies[i].Rules {
		id = max(id, other.ID+1)
	}
	rule := in.rule(id)
	s.changeRules(i, append(slices.Clone(s.policies[i].Rules), rule))
	status := http.StatusOK
	if s.switches.Policies.Created {
		status = http.StatusCreated
	}
	s.reply(w, status, rule)
}

func (s *Server) replaceRule(w http.ResponseWriter, r *http.Request) {
	var in ruleBody
	if !s.decode(w, r, &in) {
		return
	}
	i, j, ok := s.ruleOf(w, r)
	if !ok {
		return
	}
	id := s.policies[i].Rules[j].ID
	if in.ID != nil && *in.ID != id {
		s.badRequest(w, "id is not that of the path")
		return
	}
	if err := in.check(""); err != nil {
		s.badDevices(w, err)
		return
	}
	rules := slices.Clone(s.policies[i].Rules)
	rules[j] = in.rule(id)
	s.changeRules(i, rules)
	s.reply(w, http.StatusOK, rules[j])
}

func (s *Server) deleteRule(w http.ResponseWriter, r *http.Request) {
	i, j, ok := s.ruleOf(w, r)
	if !ok {
		return
	}
	s.changeRules(i, slices.Delete(slices.Clone(s.policies[i].Rules), j, j+1))
	w.WriteHeader(http.StatusNoContent)
}
