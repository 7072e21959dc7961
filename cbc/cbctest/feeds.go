package cbctest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// feedManager is the path of the Feed Manager.
const feedManager = "/threathunter/feedmgr/v2/orgs/{org_key}/feeds"

// registerFeeds adds the routes of feeds and of the reports in them.
func (s *Server) registerFeeds() {
	const one = feedManager + "/{feed_id}"
	s.serve("GET /threathunter/feedmgr/healthcheck", "", healthy)
	s.serve("GET "+feedManager, "org.feeds:READ", s.listFeeds, "include_public")
	s.serve("POST "+feedManager, "org.feeds:CREATE", s.createFeed)
	s.serve("POST "+feedManager+"/public", "org.feeds:CREATE", s.createPublicFeed)
	s.serve("GET "+one, "org.feeds:READ", s.getFeed)
	s.serve("DELETE "+one, "org.feeds:DELETE", s.deleteFeed)
	s.serve("GET "+one+"/feedinfo", "org.feeds:READ", s.getFeedInfo)
	s.serve("PUT "+one+"/feedinfo", "org.feeds:UPDATE", s.putFeedInfo)
	s.serve("GET "+one+"/reports", "org.feeds:READ", s.listReports)
	s.serve("POST "+one+"/reports", "org.feeds:CREATE", s.replaceReports)
	s.serve("GET "+one+"/reports/{report_id}", "org.feeds:READ", s.getReport)
	s.serve("PUT "+one+"/reports/{report_id}", "org.feeds:UPDATE", s.putReport)
	s.serve("DELETE "+one+"/reports/{report_id}", "org.feeds:DELETE", s.deleteReport)
	s.serve("POST /threathunter/feedmgr/v2/query/translate", "", s.translateQuery)
}

// healthy answers the health checks.
func healthy(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// Feeds lists the feeds with their reports, in the order in which they were made.
func (s *Server) Feeds() []Feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.feedList()
}

func (s *Server) feedList() []Feed {
	list := make([]Feed, 0, len(s.edr.feeds))
	for _, f := range s.edr.feeds {
		c := *f
		c.Reports = slices.Clone(f.Reports)
		list = append(list, c)
	}
	return list
}

func (s *Server) listFeeds(w http.ResponseWriter, r *http.Request) {
	public := strings.ToLower(r.URL.Query().Get("include_public")) // Python writes True
	if public != "" && public != "true" && public != "false" {
		s.badRequest(w, "include_public is not true or false")
		return
	}
	list := []feedInfo{}
	for _, f := range s.edr.feeds {
		if f.Access != "public" || public == "true" {
			list = append(list, s.feedOnWire(f))
		}
	}
	s.reply(w, http.StatusOK, map[string]any{"results": list})
}

// createFeed makes a feed. The same name can be given any number of times.
func (s *Server) createFeed(w http.ResponseWriter, r *http.Request) {
	var in struct {
		FeedInfo *feedInfo    `json:"feedinfo"`
		Reports  []reportJSON `json:"reports"`
	}
	if !s.decode(w, r, &in) {
		return
	}
	if in.FeedInfo == nil {
		s.badRequest(w, "feedinfo is missing")
		return
	}
	if in.FeedInfo.ID != nil {
		s.badRequest(w, "the id of a feed is not for the client to choose")
		return
	}
	f := &Feed{Access: "private"}
	if err := in.FeedInfo.apply(f); err != nil {
		s.badRequest(w, err.Error())
		return
	}
	reports, err := s.reportsFrom(in.Reports)
	if err != nil {
		s.badRequest(w, err.Error())
		return
	}
	f.ID, f.Owner, f.Reports = s.newID("feed"), s.orgKey, reports
	s.edr.feeds = append(s.edr.feeds, f)
	s.reply(w, http.StatusOK, s.feedOnWire(f))
}

func (s *Server) createPublicFeed(w http.ResponseWriter, _ *http.Request) {
	s.fail(w, http.StatusForbidden, "FORBIDDEN", "only the vendor makes public feeds")
}

// apply writes what was sent into a feed. The owner is the server's business, whatever is sent.
func (in feedInfo) apply(f *Feed) error {
	if value(in.Name) == "" {
		return errors.New("a feed needs a name")
	}
	if in.ProviderURL == nil || in.Summary == nil || in.Category == nil {
		return errors.New("a feed needs provider_url, summary and category")
	}
	switch access := value(in.Access); access {
	case "":
	case "private", "reserved":
		f.Access = access
	case "public":
		return errors.New("only the vendor makes public feeds")
	default:
		return errors.New("access is private or reserved")
	}
	f.Name, f.ProviderURL, f.Summary, f.Category = *in.Name, *in.ProviderURL, *in.Summary, *in.Category
	f.SourceLabel = value(in.SourceLabel)
	f.Muted = in.Alertable != nil && !*in.Alertable
	return nil
}

// reportsFrom checks reports and reads them.
func (s *Server) reportsFrom(in []reportJSON) ([]Report, error) {
	out := make([]Report, 0, len(in))
	seen := map[string]bool{}
	for _, r := range in {
		if !s.switches.Feeds.Lenient {
			if err := r.check(true); err != nil {
				return nil, err
			}
		}
		if seen[r.ID] {
			return nil, fmt.Errorf("the report id %q is there twice", r.ID)
		}
		seen[r.ID] = true
		out = append(out, r.report())
	}
	return out, nil
}

// feed finds the feed of the path, or answers 404.
func (s *Server) feed(w http.ResponseWriter, r *http.Request) (*Feed, bool) {
	id := r.PathValue("feed_id")
	for _, f := range s.edr.feeds {
		if f.ID == id {
			return f, true
		}
	}
	s.fail(w, http.StatusNotFound, "NOT_FOUND", "Feed not found")
	return nil, false
}

// ownFeed finds a feed to be changed: public ones are the vendor's.
func (s *Server) ownFeed(w http.ResponseWriter, r *http.Request) (*Feed, bool) {
	f, ok := s.feed(w, r)
	if ok && f.Access == "public" {
		s.fail(w, http.StatusForbidden, "FORBIDDEN", "the feed belongs to the vendor")
		return nil, false
	}
	return f, ok
}

func (s *Server) getFeed(w http.ResponseWriter, r *http.Request) {
	if f, ok := s.feed(w, r); ok {
		s.reply(w, http.StatusOK, map[string]any{"feedinfo": s.feedOnWire(f), "reports": reportsOnWire(f.Reports)})
	}
}

// deleteFeed takes the feed away; watchlists that subscribe to it stay and match nothing.
func (s *Server) deleteFeed(w http.ResponseWriter, r *http.Request) {
	if f, ok := s.ownFeed(w, r); ok {
		s.edr.feeds = slices.DeleteFunc(s.edr.feeds, func(other *Feed) bool { return other == f })
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) getFeedInfo(w http.ResponseWriter, r *http.Request) {
	if f, ok := s.feed(w, r); ok {
		s.reply(w, http.StatusOK, s.feedOnWire(f))
	}
}

func (s *Server) putFeedInfo(w http.ResponseWriter, r *http.Request) {
	var in feedInfo
	if !s.decode(w, r, &in) {
		return
	}
	f, ok := s.ownFeed(w, r)
	if !ok {
		return
	}
	if in.ID != nil && *in.ID != f.ID {
		s.badRequest(w, "the id of a feed cannot change")
		return
	}
	if err := in.apply(f); err != nil {
		s.badRequest(w, err.Error())
		return
	}
	s.reply(w, http.StatusOK, s.feedOnWire(f))
}
