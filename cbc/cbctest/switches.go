package cbctest

import "time"

// Switches choose between the behaviors that no public source pins down, and set limits and delays. The zero value is what
// is most likely.
type Switches struct {
	// Search is about process search and whatever lives as its jobs do: facets, details, summaries and observations.
	Search SearchSwitches `json:"search,omitzero"`
	// Jobs is about the job service.
	Jobs JobSwitches `json:"jobs,omitzero"`
	// NSX is about the tags that the Workload appliance sets.
	NSX NSXSwitches `json:"nsx,omitzero"`
	// Devices is about devices and device actions.
	Devices DeviceSwitches `json:"devices,omitzero"`
	// Policies is about policies.
	Policies PolicySwitches `json:"policies,omitzero"`
	// Overrides is about reputation overrides.
	Overrides OverrideSwitches `json:"overrides,omitzero"`
	// Binaries is about the Unified Binary Store.
	Binaries BinarySwitches `json:"binaries,omitzero"`
	// LiveResponse is about Live Response.
	LiveResponse LiveResponseSwitches `json:"live_response,omitzero"`
	// Feeds is about feeds and their reports.
	Feeds FeedSwitches `json:"feeds,omitzero"`
	// Watchlists is about watchlists.
	Watchlists WatchlistSwitches `json:"watchlists,omitzero"`
	// Alerts is about alerts.
	Alerts AlertSwitches `json:"alerts,omitzero"`
	// Audit is about the audit log.
	Audit AuditSwitches `json:"audit,omitzero"`
	// RateLimit limits the calls of a source address. Defaults to no limit.
	RateLimit RateLimit `json:"rate_limit,omitzero"`
	// BareRefusals answers 401 and 403 without a body, as gateways do. Defaults to a body with the reason.
	BareRefusals bool `json:"bare_refusals,omitempty"`
	// RequestIDs sends the header X-Request-Id with every answer of the console, "fake-1" with the first and so on. Defaults to none: no
	// page documents one, gateways have been seen to send it.
	RequestIDs bool `json:"request_ids,omitempty"`
	// RetiredStatus is the answer of routes that were switched off. Defaults to 410.
	RetiredStatus int `json:"retired_status,omitempty"`
	// UpperHashes writes hashes in upper case in the Unified Binary Store's answers.
	UpperHashes bool `json:"upper_hashes,omitempty"`
}

// SearchSwitches are about process search, its facets, details and summaries, and observations. A job keeps those that were set when it started.
type SearchSwitches struct {
	// StartDelay is how long a job says 0 of 0. Defaults to 350 ms.
	StartDelay time.Duration `json:"start_delay,omitempty"`
	// Duration is when a job is finished, counted from its start. Defaults to 900 ms. A job makes no progress after 3 minutes.
	Duration time.Duration `json:"duration,omitempty"`
	// Lifetime is how long a job can be read, counted from its start; then it is 404. Defaults to 15 minutes.
	Lifetime time.Duration `json:"lifetime,omitempty"`
	// Searchers is how many back-end searchers a job contacts. Row i of a result comes with searcher i modulo Searchers.
	// Defaults to 24.
	Searchers int `json:"searchers,omitempty"`
	// StuckOneShort never completes the last searcher; its rows stay away.
	StuckOneShort bool `json:"stuck_one_short,omitempty"`
	// StuckHalfway never completes the second half of the searchers; their rows stay away.
	StuckHalfway bool `json:"stuck_halfway,omitempty"`
	// NeverStarts says 0 of 0 for ever.
	NeverStarts bool `json:"never_starts,omitempty"`
	// NoData says 0 of 0 for ever with the message "No data available".
	NoData bool `json:"no_data,omitempty"`
	// Overrun ends with more searchers completed than contacted.
	Overrun bool `json:"overrun,omitempty"`
	// Scalars writes arrays of one string as that string.
	Scalars bool `json:"scalars,omitempty"`
	// ScalarEnriched writes event_type and enriched_event_type of enriched rows as strings. Defaults to arrays.
	ScalarEnriched bool `json:"scalar_enriched,omitempty"`
	// ExactCase compares hashes in queries letter by letter. Defaults to ignoring case.
	ExactCase bool `json:"exact_case,omitempty"`
	// BadQueryEmpty gives a malformed query a job that finds nothing. Defaults to 400.
	BadQueryEmpty bool `json:"bad_query_empty,omitempty"`
	// RefuseUnknownFields answers 400 to a query with an unknown field. Defaults to finding nothing.
	RefuseUnknownFields bool `json:"refuse_unknown_fields,omitempty"`
	// LowerOrder accepts asc and desc in sort. Defaults to 400, because the SDK sends upper case.
	LowerOrder bool `json:"lower_order,omitempty"`
	// DefaultWindow is what a search without time_range looks at. Defaults to everything that is retained.
	DefaultWindow time.Duration `json:"default_window,omitempty"`
	// Retention is how long events are kept. Defaults to 30 days.
	Retention time.Duration `json:"retention,omitempty"`
	// SegmentDelay is how long one of the four segments of a process's events takes; the same request has to be repeated
	// until all are processed. Defaults to 300 ms.
	SegmentDelay time.Duration `json:"segment_delay,omitempty"`
	// SegmentsAtOnce processes all of them while the first request is answered.
	SegmentsAtOnce bool `json:"segments_at_once,omitempty"`
	// CancelUnknown answers 204 when a job that is not there is canceled. Defaults to 404.
	CancelUnknown bool `json:"cancel_unknown,omitempty"`
}

// JobSwitches are about the job service. A job keeps those that were set when it started.
type JobSwitches struct {
	// StartDelay is how long a job is CREATED before it is IN_PROGRESS. Defaults to 350 ms.
	StartDelay time.Duration `json:"start_delay,omitempty"`
	// Duration is when a job ends, counted from its start. Defaults to 900 ms.
	Duration time.Duration `json:"duration,omitempty"`
	// Progress is how the numbers lie: "early" reaches the total at once, "stuck" stays at 0 for ever. Defaults to numbers
	// that grow evenly and reach the total at the end.
	Progress string `json:"progress,omitempty"`
	// Fail lets every job end as FAILED.
	Fail bool `json:"fail,omitempty"`
	// EmptyNoContent answers 204 for an output of no bytes. Defaults to 200 without a body.
	EmptyNoContent bool `json:"empty_no_content,omitempty"`
}

// NSXSwitches are about the tags that the Workload appliance sets. A job keeps those that were set when it started.
type NSXSwitches struct {
	// StartDelay is how long a job is SCHEDULED before it is RUNNING. Defaults to 350 ms.
	StartDelay time.Duration `json:"start_delay,omitempty"`
	// Duration is when a job ends, counted from its start. Defaults to 900 ms.
	Duration time.Duration `json:"duration,omitempty"`
	// Fail lets every job end as FAILED.
	Fail bool `json:"fail,omitempty"`
	// RefuseIneligible answers 400 if one of the devices is unknown or no workload under NSX. Defaults to passing those
	// over: if no device is left, no job is started and the answer is an empty list.
	RefuseIneligible bool `json:"refuse_ineligible,omitempty"`
}

// DeviceSwitches are about devices and device actions.
type DeviceSwitches struct {
	// UnknownDevice answers an action on an unknown device with 404. Defaults to 204: it is passed over in silence.
	UnknownDevice bool `json:"unknown_device,omitempty"`
	// ActionsAnswer answers an action with 200 and {}. Defaults to 204 without a body.
	ActionsAnswer bool `json:"actions_answer,omitempty"`
	// ListGone lists deregistered and uninstalled devices when no status is asked for. Defaults to leaving them out,
	// unless they are asked for by id.
	ListGone bool `json:"list_gone,omitempty"`
	// ScrollEndsEarly gives no cursor with the last devices of a scroll. Defaults to one, after which an empty page follows.
	ScrollEndsEarly bool `json:"scroll_ends_early,omitempty"`
	// ExportRedirects answers an export with 303 and the address of its job. Defaults to 200 with the job.
	ExportRedirects bool `json:"export_redirects,omitempty"`
}

// PolicySwitches are about policies.
type PolicySwitches struct {
	// SameNames lets several policies have one name. Defaults to 409.
	SameNames bool `json:"same_names,omitempty"`
	// Created answers a new policy and a new rule with 201. Defaults to 200.
	Created bool `json:"created,omitempty"`
}

// BinarySwitches are about the Unified Binary Store.
type BinarySwitches struct {
	// DownloadErrors is how often a file that is there is listed under error before its address is handed out.
	DownloadErrors int `json:"download_errors,omitempty"`
	// SignatureMember is the member that has the list in a summary of signatures. Defaults to "signature_summaries".
	SignatureMember string `json:"signature_member,omitempty"`
}

// OverrideSwitches are about reputation overrides.
type OverrideSwitches struct {
	// Duplicates is what becomes of an override for a hash that has one of the same kind already: "new" (the default) makes
	// another, "same" answers with the one that is there, "conflict" is 409 and "refuse" is 400.
	Duplicates string `json:"duplicates,omitempty"`
	// Created answers a new override with 201. Defaults to 200.
	Created bool `json:"created,omitempty"`
	// DeleteAnswers answers 200 and {} to a delete, and 204 to a bulk delete. Defaults to 204 and 200.
	DeleteAnswers bool `json:"delete_answers,omitempty"`
	// AbsentMembers leaves out what does not belong to an override's type. Defaults to null.
	AbsentMembers bool `json:"absent_members,omitempty"`
}

// RateLimit is a limit on the calls of one source address in a sliding window.
type RateLimit struct {
	// Calls is how many calls are let through in a window. 0 means no limit.
	Calls int `json:"calls,omitempty"`
	// Per is the window. Defaults to 5 minutes.
	Per time.Duration `json:"per,omitempty"`
	// Penalty is how long calls are refused after one too many; each call meanwhile begins it anew. Defaults to a minute.
	Penalty time.Duration `json:"penalty,omitempty"`
	// RetryAfter is the form of the header in a refusal: "seconds" (the default), "date" or "none".
	RetryAfter string `json:"retry_after,omitempty"`
}
