package cbc

import (
	"bytes"
	"encoding/hex"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AlertID identifies an alert. It is opaque.
type AlertID string

// ThreatID identifies what alerts of the same cause have in common. It is opaque.
type ThreatID string

// AlertType is what raised an alert. The set is open.
type AlertType string

// The documented types of alerts.
const (
	AlertAnalytics          AlertType = "CB_ANALYTICS"
	AlertWatchlistHit       AlertType = "WATCHLIST"
	AlertDeviceControl      AlertType = "DEVICE_CONTROL"
	AlertHostFirewall       AlertType = "HOST_BASED_FIREWALL"
	AlertContainerRuntime   AlertType = "CONTAINER_RUNTIME"
	AlertIntrusionDetection AlertType = "INTRUSION_DETECTION_SYSTEM"
)

// WorkflowStatus is how far people are with an alert. The set is open.
type WorkflowStatus string

// The documented states of an alert.
const (
	AlertOpen       WorkflowStatus = "OPEN"
	AlertInProgress WorkflowStatus = "IN_PROGRESS"
	AlertClosed     WorkflowStatus = "CLOSED"
)

// ClosureReason is why an alert was closed. It is not to be taken for a [Determination], which says whether the alert was right. The
// set is open.
type ClosureReason string

// The documented reasons.
const (
	ClosedWithoutReason ClosureReason = "NO_REASON"
	ClosedResolved      ClosureReason = "RESOLVED"
	ClosedKnownGood     ClosureReason = "RESOLVED_BENIGN_KNOWN_GOOD"
	ClosedDuplicate     ClosureReason = "DUPLICATE_CLEANUP"
	ClosedOther         ClosureReason = "OTHER"
)

// Determination is whether an alert was right. It is not to be taken for a [ClosureReason]. The set is open.
type Determination string

// The documented determinations.
const (
	TruePositive    Determination = "TRUE_POSITIVE"
	FalsePositive   Determination = "FALSE_POSITIVE"
	NoDetermination Determination = "NONE"
)

// Alert is an alert. Everything but ID may be missing.
type Alert struct {
	ID   AlertID   `json:"id"`
	Type AlertType `json:"type,omitzero"`
	// Severity is from 1 to 10, the worst.
	Severity int      `json:"severity,omitzero"`
	ThreatID ThreatID `json:"threat_id,omitzero"`
	// Reason is what happened, in words.
	Reason string `json:"reason,omitzero"`
	// Detected is when it happened, Backend when the alert could be found.
	Detected   time.Time `json:"detection_timestamp,omitzero"`
	Backend    time.Time `json:"backend_timestamp,omitzero"`
	DeviceID   DeviceID  `json:"device_id,omitzero"`
	DeviceName string    `json:"device_name,omitzero"`

	ProcessGUID ProcessGUID `json:"process_guid,omitzero"`
	ProcessPID  int64       `json:"process_pid,omitzero"`
	// ProcessName is the full path of the executable in lower case.
	ProcessName string `json:"process_name,omitzero"`
	// ProcessSHA256 and ProcessMD5 are zero if the alert does not say them.
	ProcessSHA256 [32]byte `json:"-"`
	ProcessMD5    [16]byte `json:"-"`
	CommandLine   string   `json:"process_cmdline,omitzero"`
	Username      string   `json:"process_username,omitzero"`

	Workflow      AlertWorkflow      `json:"-"`
	Determination AlertDetermination `json:"-"`
	// HasNotes and ThreatHasNotes tell whether there are notes on the alert, and on its threat.
	HasNotes       bool `json:"alert_notes_present,omitzero"`
	ThreatHasNotes bool `json:"threat_notes_present,omitzero"`

	// ReportID and what follows are for a hit of a watchlist. The id is <feed>-<report> for a report of a feed.
	ReportID          string   `json:"report_id,omitzero"`
	ReportName        string   `json:"report_name,omitzero"`
	ReportDescription string   `json:"report_description,omitzero"`
	ReportTags        []string `json:"report_tags,omitzero"`
	ReportLink        string   `json:"report_link,omitzero"`
	IOCID             string   `json:"ioc_id,omitzero"`
	// IOCField is empty for an indicator that is a query.
	IOCField   string           `json:"ioc_field,omitzero"`
	IOCHit     string           `json:"ioc_hit,omitzero"`
	Watchlists []AlertWatchlist `json:"-"`

	// Raw is the alert as it came, as evidence, with what else its type has.
	Raw []byte `json:"-"`
}

// AlertWorkflow is how far people are with an alert, and who said so.
type AlertWorkflow struct {
	Status        WorkflowStatus `json:"status"`
	ClosureReason ClosureReason  `json:"closure_reason"`
	Changed       time.Time      `json:"change_timestamp"`
	// ChangedByType is such as USER, API or SYSTEM; ChangedBy is an address, an API id or the like.
	ChangedByType string `json:"changed_by_type"`
	ChangedBy     string `json:"changed_by"`
}

// AlertDetermination is whether an alert was right, and who said so.
type AlertDetermination struct {
	Value         Determination `json:"value"`
	Changed       time.Time     `json:"change_timestamp"`
	ChangedByType string        `json:"changed_by_type"`
	ChangedBy     string        `json:"changed_by"`
}

// AlertWatchlist is a watchlist that was hit.
type AlertWatchlist struct {
	ID   WatchlistID `json:"id"`
	Name string      `json:"name"`
}

// wireAlert holds what needs a second look.
type wireAlert struct {
	Alert
	SHA256        string         `json:"process_sha256"`
	MD5           string         `json:"process_md5"`
	Workflow      jsontext.Value `json:"workflow"`
	Determination jsontext.Value `json:"determination"`
	Watchlists    jsontext.Value `json:"watchlists"`
}

// decodeAlert reads an alert. One without an id is an error: nothing could be done about it.
func decodeAlert(raw jsontext.Value, options json.Options) (Alert, error) {
	var w wireAlert
	if err := json.Unmarshal(raw, &w, options); err != nil {
		return Alert{}, err
	}
	a := w.Alert
	if a.ID == "" {
		return Alert{}, errors.New("an alert without an id")
	}
	a.ProcessSHA256, _ = parseSHA256(w.SHA256)
	if len(w.MD5) == hex.EncodedLen(len(a.ProcessMD5)) {
		if _, err := hex.Decode(a.ProcessMD5[:], []byte(w.MD5)); err != nil {
			a.ProcessMD5 = [16]byte{}
		}
	}
	a.Workflow = decodePart[AlertWorkflow](w.Workflow, options)
	a.Determination = decodePart[AlertDetermination](w.Determination, options)
	for _, item := range items(w.Watchlists) {
		if list := decodePart[AlertWatchlist](item, options); list != (AlertWatchlist{}) {
			a.Watchlists = append(a.Watchlists, list)
		}
	}
	a.Raw = bytes.Clone(raw)
	return a, nil
}

// decodePart reads an object inside another. One of a shape that makes no sense counts as absent.
func decodePart[T any](raw jsontext.Value, options json.Options) T {
	var part, none T
	if raw.Kind() != '{' || json.Unmarshal(raw, &part, options) != nil {
		return none
	}
	return part
}
