package cbctest

import (
	"encoding/json"
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
	if !s.allow(w, r, "org.search.events:READ", "org.search.events:CREATE") {
		return
	}
	var in searchBody
	if !s.decode(w, r, &in) {
		return
	}
	q, err := s.understand(in)
	if err != nil {
		s.badSearch(w, err)
		return
	}
	var found []document
	i, known := s.byGUID[r.PathValue("process_guid")]
	if known {
		p := s.processes[i]
		for n, e := range p.Events {
			if e.Time.IsZero() {
				e.Time = p.Time
			}
			if d := eventDocument(p, e, n); q.covers(e.Time) && q.wants(d, s.switches.Search) {
				found = append(found, d)
			}
		}
	}
	ordered(found, in.Sort, "event_timestamp")
	total, processed := 0, 0
	if known {
		total, processed = eventSegments, s.segmentsDone(r.PathValue("process_guid"), in)
	}
	rows := []map[string]any{}
	for n, d := range found {
		if n%eventSegments < processed {
			rows = append(rows, projectEvent(d.wire, in.Fields))
		}
	}
	all := len(rows)
	rows = rows[min(in.Start, all):]
	s.reply(w, http.StatusOK, map[string]any{
		"results": rows[:min(in.rows(), len(rows))], "num_found": all, "num_available": all,
		"total_segments": total, "processed_segments": processed,
	})
}

// segmentsDone is how far a search within a process has come since it was asked for first.
func (s *Server) segmentsDone(guid string, in searchBody) int {
	// Paging through the results is the same search.
	in.Start, in.Rows = 0, nil
	body, err := json.Marshal(in)
	if err != nil {
		return 0
	}
	key := guid + "\x00" + string(body)
	now := s.now()
	asked, ok := s.segments[key]
	if !ok {
		asked = now
		s.segments[key] = now
	}
	return min(eventSegments, 1+int(now.Sub(asked)/s.switches.Search.SegmentDelay))
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
	maps.Copy(wire, e.Extra)
	return document{wire: wire, bare: []string{e.Type + "_name", e.Type + "_sha256", e.Type + "_md5", "process_guid"}}
}

// projectEvent picks the members that are asked for.
func projectEvent(wire map[string]any, fields []string) map[string]any {
	if len(fields) == 0 || slices.Contains(fields, "*") {
		return wire
	}
	row := map[string]any{}
	for _, field := range append(fields, "event_guid", "event_type", "process_guid") {
		if v, ok := wire[field]; ok {
			row[field] = v
		}
	}
	return row
}
