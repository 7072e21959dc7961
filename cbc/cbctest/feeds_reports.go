package cbctest

import (
	"net/http"
	"slices"
)

func (s *Server) listReports(w http.ResponseWriter, r *http.Request) {
	if f, ok := s.feed(w, r); ok {
		s.reply(w, http.StatusOK, map[string]any{"results": reportsOnWire(f.Reports)})
	}
}

// replaceReports makes the reports of a feed exactly those that are sent.
func (s *Server) replaceReports(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Reports *[]reportJSON `json:"reports"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	f, ok := s.ownFeed(w, r)
	if !ok {
		return
	}
	if in.Reports == nil {
		s.badRequest(w, "reports is missing")
		return
	}
	reports, err := s.reportsFrom(*in.Reports)
	if err != nil {
		s.badRequest(w, err.Error())
		return
	}
	f.Reports = reports
	s.reply(w, http.StatusOK, map[string]any{"success": true})
}

// index finds a report of the feed by its id; -1 if there is none.
func (f *Feed) index(id string) int {
	return slices.IndexFunc(f.Reports, func(r Report) bool { return r.ID == id })
}

// reportOfFeed finds the report of the path, or answers 404.
func (s *Server) reportOfFeed(w http.ResponseWriter, r *http.Request) (*Feed, int, bool) {
	f, ok := s.feed(w, r)
	if !ok {
		return nil, 0, false
	}
	i := f.index(r.PathValue("report_id"))
	if i < 0 {
		s.fail(w, http.StatusNotFound, "NOT_FOUND", "Report not found")
		return nil, 0, false
	}
	return f, i, true
}

func (s *Server) getReport(w http.ResponseWriter, r *http.Request) {
	if f, i, ok := s.reportOfFeed(w, r); ok {
		s.reply(w, http.StatusOK, map[string]any{"report": reportOnWire(f.Reports[i])})
	}
}

// putReport adds or changes one report and leaves the others alone.
func (s *Server) putReport(w http.ResponseWriter, r *http.Request) {
	var in reportJSON
	if !s.decode(w, r, &in) {
		return
	}
	f, ok := s.ownFeed(w, r)
	if !ok {
		return
	}
	id := r.PathValue("report_id")
	if in.ID != id {
		s.badRequest(w, "the id of the report is not the one in the path")
		return
	}
	if !s.switches.Feeds.Lenient {
		if err := in.check(true); err != nil {
			s.badRequest(w, err.Error())
			return
		}
	}
	report := in.report()
	if i := f.index(id); i >= 0 {
		f.Reports[i] = report
	} else {
		if s.switches.Feeds.UpsertNeedsCreate && !s.allow(w, r, "org.feeds:CREATE") {
			return
		}
		f.Reports = append(f.Reports, report)
	}
	s.reply(w, http.StatusOK, reportOnWire(report))
}

func (s *Server) deleteReport(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.ownFeed(w, r); !ok {
		return
	}
	if f, i, ok := s.reportOfFeed(w, r); ok {
		f.Reports = slices.Delete(f.Reports, i, i+1)
		w.WriteHeader(http.StatusNoContent)
	}
}
