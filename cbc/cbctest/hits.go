package cbctest

import (
	"fmt"
	"regexp"
	"slices"
)

// covered is a report that watchlists subscribe to.
type covered struct {
	id     string // as watchlists name it
	report Report
	muted  bool // its feed never raises an alert
	lists  []*watchlist
}

// coveredReports are the reports that watchlists which are not off subscribe to, in the order of the watchlists. What the
// organization ignores is not among them. The caller holds the lock.
func (s *Server) coveredReports() []*covered {
	var all []*covered
	cover := func(l *watchlist, id string, r Report, muted bool) {
		if s.edr.ignored[id] {
			return
		}
		i := slices.IndexFunc(all, func(c *covered) bool { return c.id == id })
		if i < 0 {
			i = len(all)
			all = append(all, &covered{id: id, report: r, muted: muted})
		}
		all[i].lists = append(all[i].lists, l)
	}
	for _, l := range s.edr.watchlists {
		if !l.TagsEnabled && !l.AlertsEnabled {
			continue
		}
		for _, f := range s.edr.feeds {
			for _, r := range f.Reports {
				if id := f.ID + "-" + r.ID; l.FeedID == f.ID || slices.Contains(l.ReportIDs, id) {
					cover(l, id, r, f.Muted)
				}
			}
		}
		for _, id := range l.ReportIDs {
			if r, ok := s.edr.reports[id]; ok {
				cover(l, id, r, false)
			}
		}
	}
	return all
}

// watch lets watchlists find a process that has just appeared: hits are added to it and alerts are raised. Nothing that was
// there before a watchlist is ever found by it. The caller holds the lock.
func (s *Server) watch(guid string) {
	i, ok := s.byGUID[guid]
	if !ok {
		return
	}
	documents := s.eventsOf(guid)()
	d := s.documents(s.processes[i])[0]
	d.hidden["process_sha256"], d.hidden["process_md5"] = nil, nil
	for _, h := range s.processes[i].Hashes {
		if len(h) == 64 {
			d.hidden["process_sha256"] = append(d.hidden["process_sha256"], h)
		} else {
			d.hidden["process_md5"] = append(d.hidden["process_md5"], h)
		}
	}
	documents = append([]document{d}, documents...)
	for _, c := range s.coveredReports() {
		for _, ioc := range c.report.IOCs {
			hit, ok := ioc.find(documents)
			if !ok || s.edr.ignored[c.id+"/"+ioc.ID] {
				continue
			}
			s.hit(i, c, ioc, hit)
		}
	}
}

// hit writes down that an indicator was found. The caller holds the lock.
func (s *Server) hit(process int, c *covered, ioc IOC, what string) {
	p := &s.processes[process]
	severity, ok := s.edr.severities[c.id]
	if !ok {
		severity = c.report.Severity
	}
	var lists []AlertWatchlist
	tagged := false
	for _, l := range c.lists {
		tagged = tagged || l.TagsEnabled
		if l.AlertsEnabled {
			lists = append(lists, AlertWatchlist{ID: l.ID, Name: l.Name})
		}
	}
	if tagged {
		p.WatchlistHits = append(slices.Clone(p.WatchlistHits), fmt.Sprintf("%s:%s:%d", c.id, ioc.ID, severity))
	}
	if len(lists) == 0 || c.muted {
		return
	}
	s.addAlerts([]Alert{{
		Type: "WATCHLIST", Severity: min(max(severity, 1), 10), ThreatID: madeUp("threat "+c.id, 0), ProcessGUID: p.GUID, DeviceID: p.DeviceID,
		Time: p.Time, Reason: "Process " + p.Name + " was detected by the report \"" + c.report.Title + "\"", ReportID: c.id,
		ReportName: c.report.Title, ReportDescription: c.report.Description, ReportLink: c.report.Link, ReportTags: c.report.Tags,
		IOCID: ioc.ID, IOCField: ioc.Field, IOCHit: what, Watchlists: lists,
	}})
}

// find looks for an indicator in a process and its events, and tells what was found. Equality is that of the letters; a
// query is one for processes.
func (i IOC) find(documents []document) (string, bool) {
	if i.MatchType == "query" {
		q, err := parseQuery(append(i.Values, "")[0], dialect{phrases: true})
		if err != nil || q.values || !q.match(documents[0]) {
			return "", false
		}
		return i.Values[0], true
	}
	for _, d := range documents {
		for _, value := range d.values(i.Field) {
			for _, wanted := range i.Values {
				found := value == wanted
				if i.MatchType == "regex" {
					pattern, err := regexp.Compile(wanted)
					found = err == nil && pattern.MatchString(value)
				}
				if found {
					return i.Field + ":" + value, true
				}
			}
		}
	}
	return "", false
}
