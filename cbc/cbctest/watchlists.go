package cbctest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// watchlistManager is the path of the Watchlist Manager.
const watchlistManager = "/threathunter/watchlistmgr/v3/orgs/{org_key}"

// registerWatchlists adds the routes of watchlists, their reports, and what can be said about any report.
func (s *Server) registerWatchlists() {
	const (
		all    = watchlistManager + "/watchlists"
		one    = all + "/{watchlist_id}"
		report = watchlistManager + "/reports/{report_id}"
		read   = "org.watchlists:READ"
		create = "org.watchlists:CREATE"
		update = "org.watchlists:UPDATE"
		del    = "org.watchlists:DELETE"
	)
	s.serve("GET /threathunter/watchlistmgr/healthcheck", "", healthy)
	s.serve("GET "+all, read, s.listWatchlists)
	s.serve("POST "+all, create, s.createWatchlist)
	s.serve("GET "+one, read, s.getWatchlist)
	s.serve("PUT "+one, update, s.putWatchlist)
	s.serve("DELETE "+one, del, s.deleteWatchlist)
	for _, toggle := range []string{"alert", "tag"} {
		s.serve("GET "+one+"/"+toggle, read, s.getToggle(toggle))
		s.serve("PUT "+one+"/"+toggle, update, s.setToggle(toggle, true))
		s.serve("DELETE "+one+"/"+toggle, "", s.setToggle(toggle, false))
	}
	s.serve("POST "+watchlistManager+"/reports", create, s.createWatchlistReport)
	s.serve("GET "+report, read, s.getWatchlistReport)
	s.serve("PUT "+report, update, s.putWatchlistReport)
	s.serve("DELETE "+report, del, s.deleteWatchlistReport)
	for _, path := range []string{report + "/ignore", report + "/iocs/{ioc_id}/ignore"} {
		s.serve("GET "+path, read, s.getIgnored)
		s.serve("PUT "+path, update, s.putIgnored)
		s.serve("DELETE "+path, del, s.deleteIgnored)
	}
	s.serve("GET "+watchlistManager+"/reports/severity", read, s.listSeverities)
	s.serve("GET "+report+"/severity", read, s.getSeverity)
	s.serve("PUT "+report+"/severity", update, s.putSeverity)
	s.serve("DELETE "+report+"/severity", del, s.deleteSeverity)
}

// watchlist is a watchlist with what the world file does not tell.
type watchlist struct {
	Watchlist
	classified *bool
}

// watchlistJSON is a watchlist on the wire, both ways.
type watchlistJSON struct {
	Name                       *string     `json:"name"`
	Description                *string     `json:"description"`
	ID                         *string     `json:"id"`
	TagsEnabled                *bool       `json:"tags_enabled"`
	AlertsEnabled              *bool       `json:"alerts_enabled"`
	AlertClassificationEnabled *bool       `json:"alert_classification_enabled,omitempty"`
	CreateTimestamp            *int64      `json:"create_timestamp"`
	LastUpdateTimestamp        *int64      `json:"last_update_timestamp"`
	ReportIDs                  []string    `json:"report_ids"`
	Classifier                 *classifier `json:"classifier"`
}

// classifier is how a watchlist names the feed that it subscribes to.
type classifier struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// wire writes a watchlist.
func (l *watchlist) wire() watchlistJSON {
	out := watchlistJSON{
		Name: &l.Name, Description: &l.Description, ID: &l.ID, TagsEnabled: &l.TagsEnabled, AlertsEnabled: &l.AlertsEnabled,
		AlertClassificationEnabled: l.classified, CreateTimestamp: new(l.Created.Unix()),
		LastUpdateTimestamp: new(l.Updated.Unix()), ReportIDs: l.ReportIDs,
	}
	if l.FeedID != "" {
		out.Classifier = &classifier{Key: "feed_id", Value: l.FeedID}
	}
	return out
}

// apply writes what was sent into a watchlist; members that were not sent, or are null, keep their value. It changes
// nothing if it gives an error.
func (s *Server) apply(in watchlistJSON, l *watchlist) error {
	next := *l
	if in.Name != nil {
		next.Name = *in.Name
	}
	if next.Name == "" {
		return errors.New("a watchlist needs a name")
	}
	if in.Description != nil {
		next.Description = *in.Description
	}
	if in.TagsEnabled != nil {
		next.TagsEnabled = *in.TagsEnabled
	}
	if in.AlertsEnabled != nil {
		next.AlertsEnabled = *in.AlertsEnabled
	}
	if in.AlertClassificationEnabled != nil {
		next.classified = in.AlertClassificationEnabled
	}
	if in.ReportIDs != nil && len(in.ReportIDs) == 0 && len(l.ReportIDs) > 0 {
		return errors.New("report_ids cannot be emptied")
	}
	if len(in.ReportIDs) > 0 {
		next.ReportIDs = in.ReportIDs
	}
	if in.Classifier != nil {
		if in.Classifier.Key != "feed_id" || in.Classifier.Value == "" {
			return errors.New("the classifier's key is not feed_id, or its value is missing")
		}
		next.FeedID = in.Classifier.Value
	}
	if (next.FeedID != "") == (len(next.ReportIDs) > 0) {
		return errors.New("a watchlist has either report_ids or a classifier")
	}
	if !s.switches.Watchlists.UnknownTargets {
		if next.FeedID != l.FeedID && !slices.ContainsFunc(s.edr.feeds, func(f *Feed) bool { return f.ID == next.FeedID }) {
			return errors.New("the classifier's feed does not exist")
		}
		for _, id := range next.ReportIDs {
			if _, ok := s.anyReport(id); !ok && !slices.Contains(l.ReportIDs, id) {
				return fmt.Errorf("the report %q does not exist", id)
			}
		}
	}
	*l = next
	return nil
}

// Watchlists lists the watchlists in the order in which they were made.
func (s *Server) Watchlists() []Watchlist {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watchlistList()
}

func (s *Server) watchlistList() []Watchlist {
	list := make([]Watchlist, 0, len(s.edr.watchlists))
	for _, l := range s.edr.watchlists {
		list = append(list, l.Watchlist)
	}
	return list
}

func (s *Server) listWatchlists(w http.ResponseWriter, _ *http.Request) {
	list := []watchlistJSON{}
	for _, l := range s.edr.watchlists {
		list = append(list, l.wire())
	}
	s.reply(w, http.StatusOK, map[string]any{"results": list})
}

func (s *Server) createWatchlist(w http.ResponseWriter, r *http.Request) {
	var in watchlistJSON
	if !s.decode(w, r, &in) {
		return
	}
	if in.ID != nil {
		s.badRequest(w, "the id of a watchlist is not for the client to choose")
		return
	}
	l := &watchlist{Watchlist: Watchlist{TagsEnabled: true}}
	if err := s.apply(in, l); err != nil {
		s.badRequest(w, err.Error())
		return
	}
	l.ID = s.newID("watchlist")
	l.Created = s.now().Truncate(time.Second)
	l.Updated = l.Created
	s.edr.watchlists = append(s.edr.watchlists, l)
	s.reply(w, http.StatusOK, l.wire())
}

// unknown answers for an id that does not exist.
func (s *Server) unknown(w http.ResponseWriter, what string) {
	status := http.StatusNotFound
	if s.switches.Watchlists.BadRequestForUnknown {
		status = http.StatusBadRequest
	}
	s.fail(w, status, "NOT_FOUND", what+" not found")
}

// watchlist finds the watchlist of the path, or says that there is none.
func (s *Server) watchlist(w http.ResponseWriter, r *http.Request) (*watchlist, bool) {
	id := r.PathValue("watchlist_id")
	for _, l := range s.edr.watchlists {
		if l.ID == id {
			return l, true
		}
	}
	s.unknown(w, "Watchlist")
	return nil, false
}

func (s *Server) getWatchlist(w http.ResponseWriter, r *http.Request) {
	if l, ok := s.watchlist(w, r); ok {
		s.reply(w, http.StatusOK, l.wire())
	}
}

func (s *Server) putWatchlist(w http.ResponseWriter, r *http.Request) {
	var in watchlistJSON
	if !s.decode(w, r, &in) {
		return
	}
	l, ok := s.watchlist(w, r)
	if !ok {
		return
	}
	if in.ID != nil && *in.ID != l.ID {
		s.badRequest(w, "the id of a watchlist cannot change")
		return
	}
	if err := s.apply(in, l); err != nil {
		s.badRequest(w, err.Error())
		return
	}
	l.Updated = s.now().Truncate(time.Second)
	s.reply(w, http.StatusOK, l.wire())
}

// deleteWatchlist takes the watchlist away; its reports stay.
func (s *Server) deleteWatchlist(w http.ResponseWriter, r *http.Request) {
	if l, ok := s.watchlist(w, r); ok {
		s.edr.watchlists = slices.DeleteFunc(s.edr.watchlists, func(other *watchlist) bool { return other == l })
		w.WriteHeader(http.StatusNoContent)
	}
}

// toggle is the switch of a watchlist that a path names.
func (l *watchlist) toggle(name string) *bool {
	if name == "alert" {
		return &l.AlertsEnabled
	}
	return &l.TagsEnabled
}

func (s *Server) getToggle(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if l, ok := s.watchlist(w, r); ok {
			s.reply(w, http.StatusOK, map[string]any{name: *l.toggle(name)})
		}
	}
}

// setToggle turns alerts or tags on or off. Whether turning off needs UPDATE or DELETE is not known; either will do.
func (s *Server) setToggle(name string, on bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !on && !s.allow(w, r, "org.watchlists:UPDATE", "org.watchlists:DELETE") {
			return
		}
		l, ok := s.watchlist(w, r)
		if !ok {
			return
		}
		*l.toggle(name) = on
		l.Updated = s.now().Truncate(time.Second)
		if !on {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		s.reply(w, http.StatusOK, map[string]any{name: true})
	}
}
