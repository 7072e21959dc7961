package cbctest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AddProcesses lets processes appear, as sensors report them. Their defaults are those of the world file. The watchlists that
// are there by now find them: they get hits and raise alerts, as an indicator that is a query does at once too.
func (s *Server) AddProcesses(processes ...Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := len(s.processes)
	s.addProcesses(processes)
	for _, p := range s.processes[from:] {
		s.watch(p.GUID)
	}
}

// AddEvents lets a process go on: it gets more events, and its newest activity is that of the newest of them. It reports whether there is
// such a process.
func (s *Server) AddEvents(guid string, events ...Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.byGUID[guid]
	if !ok {
		return false
	}
	p := &s.processes[i]
	p.Events = append(slices.Clone(p.Events), events...)
	for _, e := range events {
		if e.Time.After(p.Time) {
			p.Time = e.Time
		}
	}
	return true
}

// Processes lists what the search can find, with the defaults filled in.
func (s *Server) Processes() []Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.processes)
}

func (s *Server) addProcesses(processes []Process) {
	for _, p := range processes {
		if p.Time.IsZero() {
			p.Time = s.now().Add(-time.Hour)
		}
		if p.Start.IsZero() {
			p.Start = p.Time
		}
		p.GUID = cmp.Or(p.GUID, processGUID(s.orgKey, p))
		p.Reputation = cmp.Or(p.Reputation, "NOT_LISTED")
		p.Documents = cmp.Or(p.Documents, 7)
		p.Name, p.EnrichedName = strings.ToLower(p.Name), strings.ToLower(p.EnrichedName)
		p.Events = withTouched(p)
		s.byGUID[p.GUID] = len(s.processes)
		s.processes = append(s.processes, p)
		if p.ParentGUID != "" {
			s.childHashes[p.ParentGUID] = append(s.childHashes[p.ParentGUID], p.Hashes...)
		}
	}
}

// processGUID makes up the identifier in the form that the service uses: the time is counted in tenths of a microsecond
// since 1601.
func processGUID(org string, p Process) string {
	var pid int64
	if len(p.PIDs) > 0 {
		pid = p.PIDs[0]
	}
	const from1601 = 116_444_736_000_000_000
	ticks := p.Start.Unix()*10_000_000 + int64(p.Start.Nanosecond()/100) + from1601
	return fmt.Sprintf("%s-%08x-%08x-00000000-%015x", org, p.DeviceID, pid, ticks)
}

// eventTypes are the kinds of events that carry hashes.
func eventTypes() []string {
	return []string{"childproc", "crossproc", "filemod", "fileless_scriptload", "modload", "scriptload"}
}

// withTouched are the events of a process and those that its touched hashes must come from.
func withTouched(p Process) []Event {
	events := slices.Clone(p.Events)
	for _, kind := range eventTypes() {
		for _, hash := range p.Touched[kind+"_hash"] {
			known := slices.ContainsFunc(events, func(e Event) bool {
				return e.Type == kind && (strings.EqualFold(e.SHA256, hash) || strings.EqualFold(e.MD5, hash))
			})
			switch {
			case known:
			case len(hash) == 32:
				events = append(events, Event{Type: kind, MD5: hash})
			default:
				events = append(events, Event{Type: kind, SHA256: hash})
			}
		}
	}
	return events
}

// hashesOf are the hashes of each role that a process document can be found by, other than its own.
func (s *Server) hashesOf(p Process) map[string][]string {
	roles := map[string][]string{}
	add := func(field string, hashes ...string) {
		for _, h := range hashes {
			if h != "" && !slices.Contains(roles[field], h) {
				roles[field] = append(roles[field], h)
			}
		}
	}
	for field, hashes := range p.Touched {
		add(field, hashes...)
	}
	for _, e := range p.Events {
		if slices.Contains(eventTypes(), e.Type) {
			add(e.Type+"_hash", e.MD5, e.SHA256)
		}
	}
	add("childproc_hash", s.childHashes[p.GUID]...)
	if i, ok := s.byGUID[p.ParentGUID]; ok {
		add("parent_hash", s.processes[i].Hashes...)
	}
	return roles
}
