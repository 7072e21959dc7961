package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// WatchlistChange is what to change of a watchlist. What is nil stays as it is.
type WatchlistChange struct {
	Name, Description *string
	// Tags, Alerts and AlertClassification are the switches of [Watchlist].
	Tags, Alerts, AlertClassification *bool
	// FeedID subscribes to another feed.
	FeedID FeedID
	// ReportIDs replace those that the watchlist has: read it first to add one. They cannot be emptied; delete the watchlist instead.
	ReportIDs []WatchlistReportID
}

func (c WatchlistChange) check() error {
	var problems []error
	if c.Name != nil && strings.TrimSpace(*c.Name) == "" {
		problems = append(problems, errors.New("the name is empty"))
	}
	if c.FeedID != "" && len(c.ReportIDs) > 0 {
		problems = append(problems, errors.New("a watchlist has either a feed or reports"))
	}
	if c.ReportIDs != nil && len(c.ReportIDs) == 0 {
		problems = append(problems, errors.New("the vendor does not take an empty list of reports"))
	}
	if len(c.ReportIDs) > MaxReports {
		problems = append(problems, fmt.Errorf("%d reports are more than %d", len(c.ReportIDs), MaxReports))
	}
	if slices.Contains(c.ReportIDs, "") {
		problems = append(problems, errors.New("a report id is empty"))
	}
	if c.Name == nil && c.Description == nil && c.Tags == nil && c.Alerts == nil && c.AlertClassification == nil && c.FeedID == "" && c.ReportIDs == nil {
		problems = append(problems, errors.New("nothing is to be changed"))
	}
	return errors.Join(problems...)
}

// Update changes a watchlist and returns it as it is then. It sets a state, so it is repeatable; but the vendor has no version to
// compare, and of two programs that change ReportIDs at once one loses. A watchlist that is not there is [ErrNotFound]. It needs
// org.watchlists (UPDATE).
//
//api:op PUT /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}
func (w *Watchlists) Update(ctx context.Context, id WatchlistID, change WatchlistChange) (Watchlist, error) {
	const op = "watchlists.update"
	if err := change.check(); err != nil {
		return Watchlist{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	body := struct {
		Name                       *string             `json:"name,omitzero"`
		Description                *string             `json:"description,omitzero"`
		TagsEnabled                *bool               `json:"tags_enabled,omitzero"`
		AlertsEnabled              *bool               `json:"alerts_enabled,omitzero"`
		AlertClassificationEnabled *bool               `json:"alert_classification_enabled,omitzero"`
		ReportIDs                  []WatchlistReportID `json:"report_ids,omitzero"`
		Classifier                 *classifier         `json:"classifier,omitzero"`
	}{change.Name, change.Description, change.Tags, change.Alerts, change.AlertClassification, change.ReportIDs, nil}
	if change.FeedID != "" {
		body.Classifier = &classifier{Key: feedClassifier, Value: string(change.FeedID)}
	}
	call := w.c.call(op, http.MethodPut, "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}", string(id))
	call.Body, call.Repeatable = body, true
	var one wireWatchlist
	if err := w.c.do(ctx, call, &one); err != nil {
		return Watchlist{}, err
	}
	return one.watchlist(op)
}

// AlertsEnabled tells whether a watchlist raises alerts. It needs org.watchlists (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/alert
func (w *Watchlists) AlertsEnabled(ctx context.Context, id WatchlistID) (bool, error) {
	return w.ask(ctx, "watchlists.alerts_enabled", "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/alert", "alert", string(id))
}

// TagsEnabled tells whether a watchlist adds hits to processes. It needs org.watchlists (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/tag
func (w *Watchlists) TagsEnabled(ctx context.Context, id WatchlistID) (bool, error) {
	return w.ask(ctx, "watchlists.tags_enabled", "/threathunter/watchlistmgr/v3/orgs/{org_key}/watchlists/{watchlist_id}/tag", "tag", string(id))
}

// ask reads a switch. Its name in the answer is documented for one of them alone: an answer with a single switch of another name is
// taken as well.
func (w *Watchlists) ask(ctx context.Context, op, route, name string, args ...string) (bool, error) {
	call := w.c.call(op, http.MethodGet, route, args...)
	call.Repeatable = true
	var answer map[string]jsontext.Value
	if err := w.c.do(ctx, call, &answer); err != nil {
		return false, unknownID(err)
	}
	if on, known := asBool(answer[name]); known {
		return on, nil
	}
	var found []bool
	for name, value := range answer {
		if name == "success" {
			continue // it is about the call
		}
		if value.Kind() == 't' || value.Kind() == 'f' {
			found = append(found, value.Kind() == 't')
		}
	}
	if len(found) != 1 {
		return false, answerError(op, http.StatusOK, nil, fmt.Errorf("no %q in it", name))
	}
	return found[0], nil
}

// Healthy asks whether the service that keeps watchlists answers. It needs no permission.
//
//api:op GET /threathunter/watchlistmgr/healthcheck
func (w *Watchlists) Healthy(ctx context.Context) error {
	return healthy(ctx, w.c, "watchlists.healthy", "/threathunter/watchlistmgr/healthcheck")
}
