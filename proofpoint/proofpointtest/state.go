package proofpointtest

import (
	"maps"
	"slices"
	"time"
)

// State is what the world looks like at one moment.
type State struct {
	// Now is the moment by the world's clock.
	Now time.Time `json:"now"`
	// Messages and Clicks are what can be seen by now. Those added by World.More are left out.
	Messages []EventState `json:"messages"`
	Clicks   []EventState `json:"clicks"`
	// Threats are the threats known by now, sorted by id.
	Threats []ThreatState `json:"threats"`
	// QuotaUsed counts the calls of the last 24 hours in each [Pool], those of all credentials together.
	QuotaUsed map[string]int `json:"quota_used"`
}

// EventState is a message or a click that can be seen.
type EventState struct {
	// GUID is the id of the mail; empty for raw records.
	GUID string `json:"guid,omitempty"`
	// Blocked says that the mail or click was stopped.
	Blocked bool `json:"blocked,omitempty"`
	// Created lists the times of its events, oldest first.
	Created []time.Time `json:"created"`
	// Threats are the ids of its threats.
	Threats []string `json:"threats,omitempty"`
}

// ThreatState is a threat.
type ThreatState struct {
	// ID is the threat's id.
	ID string `json:"id"`
	// Status is its present status.
	Status string `json:"status"`
}

// State describes the world as it is now. It can be marshaled to JSON.
func (s *Server) State() State {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := State{Now: now, Messages: []EventState{}, Clicks: []EventState{}, Threats: []ThreatState{}, QuotaUsed: map[string]int{}}
	v := view{now: now, lag: s.lag, changes: s.changes, switches: s.switches}
	for _, it := range s.items {
		known := v.verdicts(it)
		e := EventState{Blocked: it.blocked, Created: v.creations(it, known)}
		if len(e.Created) == 0 {
			continue
		}
		for _, d := range known {
			e.Threats = append(e.Threats, d.id)
		}
		if len(it.raw) == 0 {
			e.GUID = it.guid()
		}
		if it.click != nil {
			st.Clicks = append(st.Clicks, e)
		} else {
			st.Messages = append(st.Messages, e)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.summaries)) {
		t := s.summaries[id]
		if t.IdentifiedAt.After(now) {
			continue
		}
		st.Threats = append(st.Threats, ThreatState{ID: id, Status: v.status(t)})
	}
	for _, p := range pools() {
		st.QuotaUsed[string(p)] = s.quota.used(bucket{pool: p}, now, true)
	}
	return st
}
