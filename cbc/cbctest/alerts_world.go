package cbctest

import "time"

// Alert is an alert. Nothing is needed.
type Alert struct {
	// ID identifies the alert; made up if empty.
	ID string `json:"id,omitempty"`
	// Type is CB_ANALYTICS (the default), WATCHLIST (the default of alerts with a ReportID), HOST_BASED_FIREWALL or another
	// word.
	Type string `json:"type,omitempty"`
	// Severity is from 1 to 10. Defaults to 5.
	Severity int `json:"severity,omitempty"`
	// ThreatID is what alerts of the same cause have in common; made up from the alert's id if empty.
	ThreatID string `json:"threat_id,omitempty"`
	// Reason is what happened, in words.
	Reason string `json:"reason,omitempty"`
	// Time is detection_timestamp. Defaults to an hour before the server was made, or before the alert was added to it.
	Time time.Time `json:"time,omitzero"`
	// DeviceID is the device; that of the process if it is left out.
	DeviceID int64 `json:"device_id,omitempty"`
	// ProcessGUID is the process. What the world knows of it is part of the alert.
	ProcessGUID string `json:"process_guid,omitempty"`
	// Status is OPEN (the default), IN_PROGRESS or CLOSED.
	Status string `json:"status,omitempty"`
	// ClosureReason is NO_REASON (the default), RESOLVED, RESOLVED_BENIGN_KNOWN_GOOD, DUPLICATE_CLEANUP or OTHER.
	ClosureReason string `json:"closure_reason,omitempty"`
	// Determination is NONE (the default), TRUE_POSITIVE or FALSE_POSITIVE.
	Determination string `json:"determination,omitempty"`
	// ReportID, ReportName, ReportDescription, ReportLink and ReportTags tell the report of a watchlist alert; the id is
	// "<feed id>-<report id>" for one of a feed.
	ReportID          string   `json:"report_id,omitempty"`
	ReportName        string   `json:"report_name,omitempty"`
	ReportDescription string   `json:"report_description,omitempty"`
	ReportLink        string   `json:"report_link,omitempty"`
	ReportTags        []string `json:"report_tags,omitempty"`
	// IOCID, IOCField and IOCHit tell the indicator of a watchlist alert. An indicator that is a query has no field.
	IOCID    string `json:"ioc_id,omitempty"`
	IOCField string `json:"ioc_field,omitempty"`
	IOCHit   string `json:"ioc_hit,omitempty"`
	// Watchlists are the watchlists of a watchlist alert.
	Watchlists []AlertWatchlist `json:"watchlists,omitempty"`
	// Notes are the notes on the alert, oldest first.
	Notes []AlertNote `json:"notes,omitempty"`
	// Extra adds or replaces members of the alert; they can be searched as well. A nil value is null on the wire.
	Extra map[string]any `json:"extra,omitempty"`
	// Omit leaves members out of the alert, for example "process_cmdline".
	Omit []string `json:"omit,omitempty"`
}

// AlertWatchlist is a watchlist as an alert names it.
type AlertWatchlist struct {
	// ID identifies the watchlist.
	ID string `json:"id"`
	// Name is what the console shows.
	Name string `json:"name"`
}

// AlertNote is a note on an alert or on a threat.
type AlertNote struct {
	// ID identifies the note; made up if empty.
	ID string `json:"id,omitempty"`
	// Author is a user's address or an API ID. Defaults to "analyst@corp.example".
	Author string `json:"author,omitempty"`
	// Note is the text.
	Note string `json:"note"`
	// Created defaults to the time at which the server was made.
	Created time.Time `json:"created,omitzero"`
}

// Threat is what alerts of the same cause have in common.
type Threat struct {
	// ID is the threat_id of the alerts.
	ID string `json:"id"`
	// Tags are the tags, as they were added.
	Tags []string `json:"tags,omitempty"`
	// Notes are the notes on the threat, oldest first.
	Notes []AlertNote `json:"notes,omitempty"`
}

// AlertSwitches choose between the behaviors of alerts that no public source pins down.
type AlertSwitches struct {
	// RefuseEmptySelection answers 400 to a change that selects nothing. Defaults to changing every alert of the default
	// time range.
	RefuseEmptySelection bool `json:"refuse_empty_selection,omitempty"`
	// DefaultWindow is what calls without time_range look at. Defaults to two weeks.
	DefaultWindow time.Duration `json:"default_window,omitempty"`
	// NoTotals lets the job of a change say that it has 0 of 0 things to do.
	NoTotals bool `json:"no_totals,omitempty"`
}

// The words for how an alert stands.
const (
	alertOpen     = "OPEN"
	alertProgress = "IN_PROGRESS"
	alertClosed   = "CLOSED"
)

func alertStatuses() []string { return []string{alertOpen, alertProgress, alertClosed} }

func closureReasons() []string {
	return []string{"NO_REASON", "RESOLVED", "RESOLVED_BENIGN_KNOWN_GOOD", "DUPLICATE_CLEANUP", "OTHER"}
}

func determinations() []string { return []string{"TRUE_POSITIVE", "FALSE_POSITIVE", "NONE"} }

// alerts finds contradictions in alerts and threats.
func (c *checker) alerts(w World, devices map[int64]bool) {
	for i, a := range w.Alerts {
		if a.ID != "" {
			c.once("the alert", a.ID)
		}
		c.need(a.Severity >= 0 && a.Severity <= 10, "severity of alerts[%d] is not between 1 and 10", i)
		c.need(a.DeviceID == 0 || devices[a.DeviceID], "alerts[%d] is about device %d, which is not there", i, a.DeviceID)
		c.word("status of an alert", a.Status, alertStatuses()...)
		c.word("closure_reason of an alert", a.ClosureReason, closureReasons()...)
		c.word("determination of an alert", a.Determination, determinations()...)
		c.notes("alerts", i, a.Notes)
	}
	for i, t := range w.Threats {
		c.need(t.ID != "", "threats[%d] lacks its id", i)
		c.once("the threat", t.ID)
		c.notes("threats", i, t.Notes)
	}
	c.need(w.Switches.Alerts.DefaultWindow >= 0, "default_window of alerts is negative")
}

func (c *checker) notes(of string, i int, notes []AlertNote) {
	for _, n := range notes {
		c.need(n.Note != "" && len([]rune(n.Note)) <= maxNote, "a note of %s[%d] is empty or longer than %d characters", of, i, maxNote)
		if n.ID != "" {
			c.once("the note", n.ID)
		}
	}
}
