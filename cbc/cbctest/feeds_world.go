package cbctest

// FeedSwitches choose between the behaviors of feeds that no public source pins down.
type FeedSwitches struct {
	// Lenient accepts reports with a severity outside 1 to 10, without required members, or with malformed indicators.
	// Defaults to 400.
	Lenient bool `json:"lenient,omitempty"`
	// UpsertNeedsCreate asks for org.feeds:CREATE besides UPDATE when a single report is put that was not there before.
	UpsertNeedsCreate bool `json:"upsert_needs_create,omitempty"`
	// OmitAlertable leaves the member alertable out of answers, as for feeds made before it existed.
	OmitAlertable bool `json:"omit_alertable,omitempty"`
}

// Feed is a feed of threat intelligence with its reports. It does nothing until a watchlist subscribes to it.
type Feed struct {
	// ID is 20 to 22 characters of base 62; made up if empty.
	ID string `json:"id,omitempty"`
	// Name is what the console shows. It need not be unique.
	Name string `json:"name"`
	// Owner defaults to the organization's key.
	Owner string `json:"owner,omitempty"`
	// ProviderURL is any string.
	ProviderURL string `json:"provider_url,omitempty"`
	// Summary is free text.
	Summary string `json:"summary,omitempty"`
	// Category is free text.
	Category string `json:"category,omitempty"`
	// SourceLabel is free text; empty is null on the wire.
	SourceLabel string `json:"source_label,omitempty"`
	// Access is "private" (the default), "reserved" or "public". Public feeds are listed on request alone.
	Access string `json:"access,omitempty"`
	// Muted turns alertable off: matches are tagged and never raise an alert.
	Muted bool `json:"muted,omitempty"`
	// Reports are the feed's reports.
	Reports []Report `json:"reports,omitempty"`
}

// Report is a set of indicators with a title and a severity. Members that are empty are null on the wire.
type Report struct {
	// ID is chosen by the client in feeds, and by the server in watchlist reports.
	ID string `json:"id"`
	// Timestamp is the report's date in seconds since 1970.
	Timestamp int64 `json:"timestamp"`
	// Title is free text.
	Title string `json:"title"`
	// Description is free text.
	Description string `json:"description"`
	// Severity is 1 to 10.
	Severity int `json:"severity"`
	// Link is free text.
	Link string `json:"link,omitempty"`
	// Tags are free text.
	Tags []string `json:"tags,omitempty"`
	// IOCs are the indicators; null on the wire if there are none.
	IOCs []IOC `json:"iocs_v2,omitempty"`
	// Visibility is "visible" or empty.
	Visibility string `json:"visibility,omitempty"`
}

// IOC is one indicator of a report.
type IOC struct {
	// ID is unique within the report.
	ID string `json:"id"`
	// MatchType is "equality", "regex" or "query".
	MatchType string `json:"match_type"`
	// Field is the field of an event that is compared; empty for queries.
	Field string `json:"field,omitempty"`
	// Values are what is compared; exactly one for queries.
	Values []string `json:"values"`
	// Link is free text.
	Link string `json:"link,omitempty"`
}
