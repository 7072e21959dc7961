package cbctest

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pphunt/pphunt/internal/fake"
)

// startDetail starts a job that tells all that is known of processes. Those that are not there are passed over.
func (s *Server) startDetail(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ProcessGUIDs []string `json:"process_guids"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	if len(in.ProcessGUIDs) == 0 || slices.Contains(in.ProcessGUIDs, "") {
		s.badRequest(w, "process_guids is empty or names nothing")
		return
	}
	var found []document
	for i, guid := range in.ProcessGUIDs {
		if slices.Contains(in.ProcessGUIDs[:i], guid) {
			continue
		}
		if p, ok := s.searchable(guid); ok {
			found = append(found, detailed(s.documents(p)[0]))
		}
	}
	j := s.newJob(processDetail, "")
	j.fillWhole(found)
	s.reply(w, http.StatusOK, map[string]any{"job_id": j.id})
}

// searchable finds a process that can be found by now. The caller holds the lock.
func (s *Server) searchable(guid string) (Process, bool) {
	i, ok := s.byGUID[guid]
	if !ok || s.processes[i].Searchable.After(s.now()) {
		return Process{}, false
	}
	return s.processes[i], true
}

// detailed adds what only a detail job tells.
func detailed(d document) document {
	wire := maps.Clone(d.wire)
	if lines, ok := wire["process_cmdline"].([]string); ok {
		lengths := []int64{}
		for _, line := range lines {
			lengths = append(lengths, int64(utf8.RuneCountInString(line)))
		}
		wire["process_cmdline_length"] = lengths
	}
	for field, with := range map[string]string{
		"process_publisher_state": "process_name", "parent_publisher_state": "parent_name",
	} {
		if _, told := wire[field]; wire[with] != nil && !told {
			wire[field] = []string{"FILE_SIGNATURE_STATE_NOT_SIGNED"}
		}
	}
	d.wire = wire
	return d
}

// family is a process with those around it, as a summary job tells it.
type family struct {
	process  map[string]any
	parent   map[string]any // nil, and null on the wire, if it is not there
	children []map[string]any
	siblings []map[string]any
	tree     map[string]any
}

// startSummary starts a job that tells what is around a process.
func (s *Server) startSummary(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ProcessGUID string     `json:"process_guid"`
		ParentGUID  string     `json:"parent_guid"`
		TimeRange   *timeRange `json:"time_range"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	guid := searchBody{ProcessGUID: in.ProcessGUID}.guid()
	if guid == "" {
		s.badRequest(w, "process_guid is missing")
		return
	}
	span := search{}
	if err := span.span(in.TimeRange, s.now(), s.switches.Search); err != nil {
		s.badRequest(w, err.Error())
		return
	}
	j := s.newJob(processSummary, guid)
	if p, ok := s.searchable(guid); ok && span.covers(p.Time) {
		j.family = s.familyOf(p, searchBody{ProcessGUID: in.ParentGUID}.guid(), &span)
	}
	s.reply(w, http.StatusOK, map[string]any{"job_id": j.id})
}

// familyOf looks around a process. The caller holds the lock.
func (s *Server) familyOf(p Process, parent string, span *search) *family {
	f := &family{process: s.relative(p), children: []map[string]any{}, siblings: []map[string]any{}, tree: s.tree(p, span, nil)}
	parent = cmp.Or(parent, p.ParentGUID)
	if up, ok := s.searchable(parent); ok {
		f.parent = s.relative(up)
	}
	for _, other := range s.processes {
		if !span.covers(other.Time) || other.Searchable.After(s.now()) || other.GUID == p.GUID {
			continue
		}
		switch other.ParentGUID {
		case p.GUID:
			f.children = append(f.children, s.relative(other))
		case "":
		case parent:
			f.siblings = append(f.siblings, s.relative(other))
		}
	}
	return f
}

// relative is a process as a summary shows it. The caller holds the lock.
func (s *Server) relative(p Process) map[string]any {
	wire := maps.Clone(s.documents(p)[0].wire)
	if name, ok := wire["process_name"].(string); ok {
		wire["_process_filename"] = path.Base(strings.ReplaceAll(name, `\`, "/"))
	}
	wire["has_children"] = slices.ContainsFunc(s.processes, func(c Process) bool { return c.ParentGUID == p.GUID })
	wire["hits"] = len(p.WatchlistHits) > 0
	if _, told := wire["process_terminated"]; !told {
		if running, known := s.runs(p); known {
			wire["process_terminated"] = !running
		}
	}
	return wire
}

// runs says whether a process runs on its device now; known only of those that the world says ran when it was made. The
// caller holds the lock.
func (s *Server) runs(p Process) (running, known bool) {
	for _, d := range s.world.Devices {
		if d.ID == p.DeviceID {
			known = slices.ContainsFunc(d.Running, func(r RunningProcess) bool { return r.GUID == p.GUID })
		}
	}
	if !known {
		return false, false
	}
	now, _ := s.endpoint(p.DeviceID)
	return slices.ContainsFunc(now, func(r RunningProcess) bool { return r.GUID == p.GUID }), true
}

// tree is a process with all that came of it. A world in which processes are their own ancestors has an end too. The
// caller holds the lock.
func (s *Server) tree(p Process, span *search, above []string) map[string]any {
	node := s.relative(p)
	children := []map[string]any{}
	above = append(slices.Clone(above), p.GUID)
	for _, c := range s.processes {
		if c.ParentGUID == p.GUID && !slices.Contains(above, c.GUID) && span.covers(c.Time) && !c.Searchable.After(s.now()) {
			children = append(children, s.tree(c, span, above))
		}
	}
	node["children"] = children
	return node
}

// summaryResults answers with a summary, or with the tree.
func (s *Server) summaryResults(w http.ResponseWriter, r *http.Request) {
	format, err := summaryFormat(r)
	if err != nil {
		s.badRequest(w, err.Error())
		return
	}
	j, ok := s.job(w, r, processSummary)
	if !ok {
		return
	}
	answer := j.status(s.now())
	answer["exception"] = ""
	contacted, _ := j.progress(s.now())
	none := map[string]any{}
	switch f := j.family; {
	case contacted == 0:
		answer[format] = none
	case f == nil:
		answer["exception"] = "NOT_FOUND"
		if answer[format] = none; format == "summary" {
			answer[format] = map[string]any{"process": nil, "parent": nil, "children": nil, "siblings": nil}
		}
	case format == "tree":
		answer[format] = f.tree
	default:
		answer[format] = map[string]any{
			"process": f.process, "parent": f.parent, "children": j.toldOf(s.now(), f.children),
			"siblings": j.toldOf(s.now(), f.siblings),
		}
	}
	s.reply(w, http.StatusOK, answer)
}

// summaryFormat reads which of the two forms is asked for. Left out, it is the summary.
func summaryFormat(r *http.Request) (string, error) {
	values, err := fake.Query(r, "format")
	if err != nil {
		return "", err
	}
	format := "summary"
	if values.Has("format") {
		format = values.Get("format")
	}
	if format != "summary" && format != "tree" {
		return "", errors.New("format is neither summary nor tree")
	}
	return format, nil
}
