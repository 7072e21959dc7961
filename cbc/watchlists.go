package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// WatchlistID identifies a watchlist. It is opaque, and its case counts.
type WatchlistID string

// Watchlists make feeds and single reports effective: what is on a watchlist is looked for from then on, never in the past.
// Watchlists need the product Enterprise EDR.
type Watchlists struct{ c *core }

// Watchlist is a subscription to a feed, or to single reports. With neither tags nor alerts it is switched off.
type Watchlist struct {
	ID          WatchlistID
	Name        string
	Description string
	// TagsEnabled adds hits to the processes that match.
	TagsEnabled bool
	// AlertsEnabled raises alerts, unless the feed is muted.
	AlertsEnabled bool
	// AlertClassificationEnabled lets the vendor rate the alerts.
	AlertClassificationEnabled bool
	Created, Updated           time.Time
	// FeedID is the feed that is subscribed to; empty for single reports.
	FeedID FeedID
	// ReportIDs are single reports.
	ReportIDs []WatchlistReportID
}

// NewWatchlist describes a watchlist to be made. What is not switched off is on.
type NewWatchlist struct {
	// Name is what the console shows. Required.
	Name string
	// Description is free text.
	Description string
	// NoAlerts keeps it from raising alerts.
	NoAlerts bool
	// NoTags keeps it from adding hits to processes.
	NoTags bool
	// AlertClassification lets the vendor rate the alerts.
	AlertClassification bool
	// FeedID is the feed to subscribe to. Either this or ReportIDs is required.
	FeedID FeedID
	// ReportIDs are single reports, those of feeds as [FeedReportID] writes them.
	ReportIDs []WatchlistReportID
}

// feedClassifier is the only key of a classifier that is known.
const feedClassifier = "feed_id"

type classifier struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// wireWatchlist is a watchlist on the wire.
type wireWatchlist struct {
	ID                         string     `json:"id"`
	Name                       string     `json:"name"`
	Description                string     `json:"description"`
	TagsEnabled                bool       `json:"tags_enabled"`
	AlertsEnabled              bool       `json:"alerts_enabled"`
	AlertClassificationEnabled bool       `json:"alert_classification_enabled"`
	CreateTimestamp            stamp      `json:"create_timestamp"`
	LastUpdateTimestamp        stamp      `json:"last_update_timestamp"`
	ReportIDs                  []string   `json:"report_ids"`
	Classifier                 classifier `json:"classifier"`
}

func (w wireWatchlist) watchlist(op string) (Watchlist, error) {
	if w.ID == "" {
		return Watchlist{}, answerError(op, http.StatusOK, nil, errors.New("a watchlist without an id"))
	}
	out := Watchlist{
		ID: WatchlistID(w.ID), Name: w.Name, Description: w.Description, TagsEnabled: w.TagsEnabled, AlertsEnabled: w.AlertsEnabled,
		AlertClassificationEnabled: w.AlertClassificationEnabled, Created: w.CreateTimestamp.Time, Updated: w.LastUpdateTimestamp.Time,
	}
	for _, id := range w.ReportIDs {
		out.ReportIDs = append(out.ReportIDs, WatchlistReportID(id))
	}
	if w.Classifier.Key == feedClassifier {
		out.FeedID = FeedID(w.Classifier.Value)
	}
	return out, nil
}

// List returns the watchlists of the organization. It needs org.watchlists (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists
func (w *Watchlists) List(ctx context.Context) ([]Watchlist, error) {
	call := w.c.call("watchlists.list", http.MethodGet, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists")
	call.Repeatable = true
	wire, err := list[wireWatchlist](ctx, w.c, call)
	if err != nil {
		return nil, err
	}
	watchlists := make([]Watchlist, len(wire))
	for i, one := range wire {
		if watchlists[i], err = one.watchlist(call.Op); err != nil {
			return nil, err
		}
	}
	return watchlists, nil
}

// ByName finds the watchlist with exactly this name; case and spaces count. A name that no watchlist has is [ErrNotFound], one
// that several have an [*AmbiguousError]. It needs org.watchlists (READ).
func (w *Watchlists) ByName(ctx context.Context, name string) (Watchlist, error) {
	all, err := w.List(ctx)
	if err != nil {
		return Watchlist{}, err
	}
	return single("watchlists.by_name", "watchlist", name, all,
		func(w Watchlist) string { return w.Name }, func(w Watchlist) string { return string(w.ID) })
}

// Get reads one watchlist, [ErrNotFound] if there is none. It needs org.watchlists (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}
func (w *Watchlists) Get(ctx context.Context, id WatchlistID) (Watchlist, error) {
	call := w.c.call("watchlists.get", http.MethodGet, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}", string(id))
	call.Repeatable = true
	var one wireWatchlist
	if err := w.c.do(ctx, call, &one); err != nil {
		return Watchlist{}, unknownID(err)
	}
	return one.watchlist(call.Op)
}

// Create makes a watchlist. Names are not unique, so that Create is not repeated after a gateway or connection error, after which
// the watchlist may exist or not. It needs org.watchlists (CREATE).
//
//api:op POST /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists
func (w *Watchlists) Create(ctx context.Context, n NewWatchlist) (Watchlist, error) {
	const op = "watchlists.create"
	if err := n.check(); err != nil {
		return Watchlist{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	body := struct {
		Name                       string              `json:"name"`
		Description                string              `json:"description"`
		TagsEnabled                bool                `json:"tags_enabled"`
		AlertsEnabled              bool                `json:"alerts_enabled"`
		AlertClassificationEnabled bool                `json:"alert_classification_enabled,omitzero"`
		ReportIDs                  []WatchlistReportID `json:"report_ids,omitzero"`
		Classifier                 *classifier         `json:"classifier,omitzero"`
	}{
		Name: n.Name, Description: n.Description, TagsEnabled: !n.NoTags, AlertsEnabled: !n.NoAlerts,
		AlertClassificationEnabled: n.AlertClassification,
	}
	if n.FeedID != "" {
		body.Classifier = &classifier{Key: feedClassifier, Value: string(n.FeedID)}
	} else {
		body.ReportIDs = n.ReportIDs
	}
	call := w.c.call(op, http.MethodPost, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists")
	call.Body = body
	var one wireWatchlist
	if err := w.c.do(ctx, call, &one); err != nil {
		return Watchlist{}, err
	}
	return one.watchlist(op)
}

func (n NewWatchlist) check() error {
	var problems []error
	if strings.TrimSpace(n.Name) == "" {
		problems = append(problems, errors.New("the name is empty"))
	}
	if (n.FeedID == "") == (len(n.ReportIDs) == 0) {
		problems = append(problems, errors.New("a watchlist has either a feed or reports"))
	}
	if len(n.ReportIDs) > MaxReports {
		problems = append(problems, fmt.Errorf("%d reports are more than %d", len(n.ReportIDs), MaxReports))
	}
	if slices.Contains(n.ReportIDs, "") {
		problems = append(problems, errors.New("a report id is empty"))
	}
	return errors.Join(problems...)
}

// Delete deletes a watchlist. Hits and alerts that it made stay. One that is not there is [ErrNotFound]. It needs org.watchlists
// (DELETE).
//
//api:op DELETE /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}
func (w *Watchlists) Delete(ctx context.Context, id WatchlistID) error {
	return w.change(ctx, "watchlists.delete", http.MethodDelete, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}", string(id))
}

// EnableAlerts lets a watchlist raise alerts. It needs org.watchlists (UPDATE).
//
//api:op PUT /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/alert
func (w *Watchlists) EnableAlerts(ctx context.Context, id WatchlistID) error {
	return w.change(ctx, "watchlists.enable_alerts", http.MethodPut, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/alert", string(id))
}

// DisableAlerts keeps a watchlist from raising alerts. It needs org.watchlists (UPDATE, DELETE).
//
//api:op DELETE /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/alert
func (w *Watchlists) DisableAlerts(ctx context.Context, id WatchlistID) error {
	return w.change(ctx, "watchlists.disable_alerts", http.MethodDelete, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/alert", string(id))
}

// EnableTags lets a watchlist add hits to processes. It needs org.watchlists (UPDATE).
//
//api:op PUT /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/tag
func (w *Watchlists) EnableTags(ctx context.Context, id WatchlistID) error {
	return w.change(ctx, "watchlists.enable_tags", http.MethodPut, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/tag", string(id))
}

// DisableTags keeps a watchlist from adding hits to processes. It needs org.watchlists (UPDATE, DELETE).
//
//api:op DELETE /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/tag
func (w *Watchlists) DisableTags(ctx context.Context, id WatchlistID) error {
	return w.change(ctx, "watchlists.disable_tags", http.MethodDelete, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/tag", string(id))
}
