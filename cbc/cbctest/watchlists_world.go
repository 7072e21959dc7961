package cbctest

import "time"

// WatchlistSwitches choose between the behaviors of watchlists that no public source pins down.
type WatchlistSwitches struct {
	// UnknownTargets accepts a watchlist of a feed or a report that does not exist. Defaults to 400.
	UnknownTargets bool `json:"unknown_targets,omitempty"`
	// DropStale ignores an update of a watchlist report whose timestamp is not newer than the stored one, and still
	// answers 200. Defaults to taking it.
	DropStale bool `json:"drop_stale,omitempty"`
	// BadRequestForUnknown answers 400 for an unknown id, as older texts say. Defaults to 404.
	BadRequestForUnknown bool `json:"bad_request_for_unknown,omitempty"`
}

// Watchlist subscribes the organization to a feed or to single reports.
type Watchlist struct {
	// ID is 20 to 22 characters of base 62; made up if empty.
	ID string `json:"id,omitempty"`
	// Name is what the console shows. It need not be unique.
	Name string `json:"name"`
	// Description is free text.
	Description string `json:"description,omitempty"`
	// TagsEnabled adds hits to the processes that match.
	TagsEnabled bool `json:"tags_enabled"`
	// AlertsEnabled raises alerts.
	AlertsEnabled bool `json:"alerts_enabled"`
	// FeedID is the feed that the watchlist subscribes to; empty for a watchlist of single reports.
	FeedID string `json:"feed_id,omitempty"`
	// ReportIDs are the single reports: ids of watchlist reports, or "<feed id>-<report id>".
	ReportIDs []string `json:"report_ids,omitempty"`
	// Created defaults to the time at which the server was made.
	Created time.Time `json:"created,omitzero"`
	// Updated defaults to Created.
	Updated time.Time `json:"updated,omitzero"`
}
