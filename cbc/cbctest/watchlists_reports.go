package cbctest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// anyReport finds a watchlist report by its id, or a feed's report by "<feed id>-<report id>".
func (s *Server) anyReport(id string) (Report, bool) {
	if r, ok := s.edr.reports[id]; ok {
		return r, true
	}
	for _, f := range s.edr.feeds {
		if rest, ok := strings.CutPrefix(id, f.ID+"-"); ok {
			if i := f.index(rest); i >= 0 {
				return f.Reports[i], true
			}
		}
	}
	return Report{}, false
}

// Report tells a watchlist report, or a feed's report by "<feed id>-<report id>".
func (s *Server) Report(id string) (Report, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.anyReport(id)
}

func (s *Server) createWatchlistReport(w http.ResponseWriter, r *http.Request) {
	var in reportJSON
	if !s.decode(w, r, &in) {
		return
	}
	if err := in.check(false); err != nil && !s.switches.Feeds.Lenient {
		s.badRequest(w, err.Error())
		return
	}
	report := in.report()
	report.ID = s.newID("report")
	s.edr.reports[report.ID] = report
	s.reply(w, http.StatusOK, reportOnWire(report))
}

// watchlistReport finds the watchlist report of the path, or says that there is none.
func (s *Server) watchlistReport(w http.ResponseWriter, r *http.Request) (Report, bool) {
	report, ok := s.edr.reports[r.PathValue("report_id")]
	if !ok {
		s.unknown(w, "Report")
	}
	return report, ok
}

func (s *Server) getWatchlistReport(w http.ResponseWriter, r *http.Request) {
	if report, ok := s.watchlistReport(w, r); ok {
		s.reply(w, http.StatusOK, reportOnWire(report))
	}
}

func (s *Server) putWatchlistReport(w http.ResponseWriter, r *http.Request) {
	var in reportJSON
	if !s.decode(w, r, &in) {
		return
	}
	old, ok := s.watchlistReport(w, r)
	if !ok {
		return
	}
	if in.ID != "" && in.ID != old.ID {
		s.badRequest(w, "the id of the report is not the one in the path")
		return
	}
	if err := in.check(false); err != nil && !s.switches.Feeds.Lenient {
		s.badRequest(w, err.Error())
		return
	}
	report := in.report()
	report.ID = old.ID
	if s.switches.Watchlists.DropStale && report.Timestamp <= old.Timestamp {
		report = old
	}
	s.edr.reports[report.ID] = report
	s.reply(w, http.StatusOK, reportOnWire(report))
}

func (s *Server) deleteWatchlistReport(w http.ResponseWriter, r *http.Request) {
	if report, ok := s.watchlistReport(w, r); ok {
		delete(s.edr.reports, report.ID)
		w.WriteHeader(http.StatusNoContent)
	}
}

// target finds the report, and the indicator if the path names one, that is to be ignored or weighed otherwise.
func (s *Server) target(w http.ResponseWriter, r *http.Request) (string, bool) {
	id, ioc := r.PathValue("report_id"), r.PathValue("ioc_id")
	report, ok := s.anyReport(id)
	if !ok {
		s.unknown(w, "Report")
		return "", false
	}
	if ioc == "" {
		return id, true
	}
	if !slices.ContainsFunc(report.IOCs, func(i IOC) bool { return i.ID == ioc }) {
		s.unknown(w, "IOC")
		return "", false
	}
	return id + "/" + ioc, true
}

// Ignored lists the reports ("<report id>") and indicators ("<report id>/<ioc id>") that the organization ignores.
func (s *Server) Ignored() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.edr.ignored))
}

func (s *Server) getIgnored(w http.ResponseWriter, r *http.Request) {
	if key, ok := s.target(w, r); ok {
		s.reply(w, http.StatusOK, map[string]any{"ignored": s.edr.ignored[key]})
	}
}

func (s *Server) putIgnored(w http.ResponseWriter, r *http.Request) {
	if key, ok := s.target(w, r); ok {
		s.edr.ignored[key] = true
		s.reply(w, http.StatusOK, map[string]any{"ignored": true})
	}
}

func (s *Server) deleteIgnored(w http.ResponseWriter, r *http.Request) {
	if key, ok := s.target(w, r); ok {
		delete(s.edr.ignored, key)
		w.WriteHeader(http.StatusNoContent)
	}
}

// severityJSON is a severity override on the wire, both ways.
type severityJSON struct {
	ReportID string `json:"report_id"`
	Severity int    `json:"severity"`
}

func (s *Server) listSeverities(w http.ResponseWriter, _ *http.Request) {
	list := []severityJSON{}
	for _, id := range slices.Sorted(maps.Keys(s.edr.severities)) {
		list = append(list, severityJSON{ReportID: id, Severity: s.edr.severities[id]})
	}
	s.reply(w, http.StatusOK, map[string]any{"results": list})
}

func (s *Server) getSeverity(w http.ResponseWriter, r *http.Request) {
	id, ok := s.target(w, r)
	if !ok {
		return
	}
	severity, ok := s.edr.severities[id]
	if !ok {
		s.unknown(w, "Severity")
		return
	}
	s.reply(w, http.StatusOK, severityJSON{ReportID: id, Severity: severity})
}

func (s *Server) putSeverity(w http.ResponseWriter, r *http.Request) {
	var in severityJSON
	if !s.decode(w, r, &in) {
		return
	}
	id, ok := s.target(w, r)
	if !ok {
		return
	}
	if in.ReportID != "" && in.ReportID != id {
		s.badRequest(w, "report_id is not the one in the path")
		return
	}
	if in.Severity < 1 || in.Severity > 10 {
		s.badRequest(w, "severity is 1 to 10")
		return
	}
	s.edr.severities[id] = in.Severity
	s.reply(w, http.StatusOK, severityJSON{ReportID: id, Severity: in.Severity})
}

func (s *Server) deleteSeverity(w http.ResponseWriter, r *http.Request) {
	if id, ok := s.target(w, r); ok {
		delete(s.edr.severities, id)
		w.WriteHeader(http.StatusNoContent)
	}
}
