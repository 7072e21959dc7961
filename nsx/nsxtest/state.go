package nsxtest

import (
	"maps"
	"slices"
	"time"
)

// State is what the world looks like at one moment.
type State struct {
	// Now is the moment by the world's clock.
	Now time.Time `json:"now"`
	// VMs are the machines, in the order in which they were added.
	VMs []VMState `json:"vms"`
	// Sessions counts those that are open.
	Sessions int `json:"sessions"`
	// Locked lists the accounts that are locked out, sorted.
	Locked []string `json:"locked"`
}

// VMState is a machine.
type VMState struct {
	// ExternalID and Name are those of the machine.
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	// Tags are its present tags.
	Tags []Tag `json:"tags"`
	// Groups are the ids of its groups.
	Groups []string `json:"groups"`
}

// State describes the world as it is now. It can be marshaled to JSON.
func (s *Server) State() State {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(now)
	st := State{Now: now, VMs: []VMState{}, Locked: []string{}}
	for _, m := range s.machines() {
		v := VMState{ExternalID: m.ExternalID, Name: m.Name, Tags: append([]Tag{}, m.tags()...), Groups: []string{}}
		for _, g := range s.groupsOf(m, now) {
			v.Groups = append(v.Groups, g.ID)
		}
		st.VMs = append(st.VMs, v)
	}
	for _, open := range s.sessions {
		if now.Sub(open.used) <= sessionIdle {
			st.Sessions++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.accounts)) {
		if now.Before(s.accounts[name].locked) {
			st.Locked = append(st.Locked, name)
		}
	}
	return st
}
