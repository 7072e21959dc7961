package cbctest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// eventSegments is in how many parts the events of a process are looked through.
const eventSegments = 4

// searchEvents searches within a process. The same search has to be asked for until all segments are processed. Which of
// the two operations it needs is not known; either will do.
func (s *Server) searchEvents(w http.ResponseWriter, r *http.Request) {
	if !s.allow(w, r, searchRead, searchCreate) {
		return
	}
	var in searchBody
	if !s.decode(w, r, &in) {
		return
	}
	guid := r.PathValue("process_guid")
	q, err := s.understand(in, s.eventsOf(guid))
	if err != nil {
		s.badSearch(w, err)
		return
	}
	// Paging through the results is the same search.
	whole := in
	whole.Start, whole.Rows = 0, nil
	total, processed := s.segmentsDone(guid, whole)
	found := s.findEvents(guid, q)
	ordered(found, in.Sort, "event_timestamp")
	rows := []map[string]any{}
	for n, d := range found {
		if n%eventSegments < processed {
			rows = append(rows, projectEvent(d.wire, in.Fields, s.switches.Search))
		}
	}
	all := len(rows)
	rows = rows[min(in.Start, all):]
	s.reply(w, http.StatusOK, map[string]any{
		"results": rows[:min(in.rows(), len(rows))], "num_found": all, "num_available": all,
		"total_segments": total, "processed_segments": processed,
	})
}

// facetEvents counts the events within a process. Like their search, it has to be asked for until all segments are
// processed.
func (s *Server) facetEvents(w http.ResponseWriter, r *http.Request) {
	if !s.allow(w, r, searchRead, searchCreate) {
		return
	}
	var in facetBody
	if !s.decode(w, r, &in) {
		return
	}
	guid := r.PathValue("process_guid")
	counts, q, err := s.understandFacet(in, s.eventsOf(guid))
	if err != nil {
		s.badSearch(w, err)
		return
	}
	total, processed := s.segmentsDone(guid, in)
	seen := []document{}
	for n, d := range s.findEvents(guid, q) {
		if n%eventSegments < processed {
			seen = append(seen, d)
		}
	}
	answer := counts.count(seen, 0)
	answer["total_segments"], answer["processed_segments"] = total, processed
	s.reply(w, http.StatusOK, answer)
}

// eventsOf lists the events of a process; there are none of a process that is not there. The caller holds the lock.
func (s *Server) eventsOf(guid string) func() []document {
	return func() []document {
		i, known := s.byGUID[guid]
		if !known {
			return nil
		}
		p := s.processes[i]
		all := make([]document, 0, len(p.Events))
		for n, e := range p.Events {
			if e.Time.IsZero() {
				e.Time = p.Time
			}
			all = append(all, eventDocument(p, e, n))
		}
		return all
	}
}

// findEvents are the events of a process that a search wants. The caller holds the lock.
func (s *Server) findEvents(guid string, q *search) []document {
	var found []document
	for _, d := range s.eventsOf(guid)() {
		if q.covers(d.time) && q.wants(d, s.switches.Search) {
			found = append(found, d)
		}
	}
	return found
}

// segmentsDone is how many segments the events of a process have, and how many of them a request has come through since it
// was sent first. The caller holds the lock.
func (s *Server) segmentsDone(guid string, in any) (total, processed int) {
	if _, known := s.byGUID[guid]; !known {
		return 0, 0
	}
	if s.switches.Search.SegmentsAtOnce {
		return eventSegments, eventSegments
	}
	body, err := json.Marshal(in)
	if err != nil {
		return eventSegments, 0
	}
	key := guid + "\x00" + fmt.Sprintf("%T", in) + string(body)
	now := s.now()
	asked, ok := s.segments[key]
	if !ok {
		asked = now
		s.segments[key] = now
	}
	return eventSegments, min(eventSegments, 1+int(now.Sub(asked)/s.switches.Search.SegmentDelay))
}

// eventDocument is an event on the wire. Unlike in a row, the process id is a number.
func eventDocument(p Process, e Event, n int) document {
	at := e.Time
	wire := map[string]any{
		"event_type": e.Type, "event_guid": madeUp("event "+p.GUID, n)[:22], "event_hash": madeUp("hash "+p.GUID, n)[:22],
		"event_timestamp": stamp(at), "backend_timestamp": stamp(at.Add(92 * time.Second)),
		"created_timestamp": stamp(at.Add(5 * time.Minute)), "legacy": false, "process_guid": p.GUID,
	}
	if len(p.PIDs) > 0 {
		wire["process_pid"] = p.PIDs[0]
	}
	for member, text := range map[string]string{"_name": e.Name, "_sha256": e.SHA256, "_md5": e.MD5} {
		if text != "" {
			wire[e.Type+member] = text
		}
	}
	switch {
	case len(e.Actions) == 1 && e.Type == "modload":
		wire["modload_action"] = e.Actions[0]
	case len(e.Actions) > 0:
		wire[e.Type+"_action"] = e.Actions
	}
	if e.Type == "scriptload" || e.Type == "fileless_scriptload" {
		wire[e.Type+"_content_length"] = e.ContentLength
		wire[e.Type+"_publisher_state"] = []string{"FILE_SIGNATURE_STATE_NOT_SIGNED"}
	}
	maps.Copy(wire, e.Extra)
	return document{wire: wire, time: at, bare: []string{e.Type + "_name", e.Type + "_sha256", e.Type + "_md5", "process_guid"}}
}

// projectEvent picks the members that are asked for.
func projectEvent(wire map[string]any, fields []string, sw SearchSwitches) map[string]any {
	if len(fields) == 0 || slices.Contains(fields, "*") {
		return scalars(wire, sw)
	}
	row := map[string]any{}
	for _, field := range append(fields, "event_guid", "event_type", "process_guid") {
		if v, ok := wire[field]; ok {
			row[field] = v
		}
	}
	return scalars(row, sw)
}
