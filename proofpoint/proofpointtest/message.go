package proofpointtest

import (
	"encoding/json"
	"time"
)

// Message is one mail that TAP knows. Mail without threats is never served, as with the real service.
//
// Oddities of single members go into Extra; a record that is odd as a whole goes into Raw.
type Message struct {
	// Blocked puts the message in messagesBlocked. By default it was delivered.
	Blocked bool `json:"blocked,omitempty"`
	// Created is the time that windows go by. Defaults to the latest of Time and the times of the threats; what has none
	// of these is in every window.
	Created time.Time `json:"created,omitzero"`
	// Visible is when its events can first be seen, in place of their creation and World.Lag. It stays in the window of its
	// creation: whoever asked for that window before does not know it.
	Visible time.Time `json:"visible,omitzero"`
	// Raw is sent in place of a record made from the members below, byte by byte. The time of creation, the filters and
	// the summaries look into it as far as it can be read; what cannot be read passes every filter.
	Raw Raw `json:"raw,omitempty"`

	// ID is the id of the event of the first recipient; made up if empty, as are those of the others.
	ID string `json:"id,omitempty"`
	// GUID is the id of the mail, shared by its events. Made up if empty.
	GUID string `json:"guid,omitempty"`
	// QID is the queue id; null if empty.
	QID string `json:"qid,omitempty"`
	// MessageID is the header of that name, with its angle brackets.
	MessageID string `json:"message_id,omitempty"`
	// Time is when the mail was delivered or blocked.
	Time time.Time `json:"time,omitzero"`
	// Size is the size in bytes.
	Size int `json:"size,omitempty"`
	// Subject is the subject, perhaps still encoded; null if empty.
	Subject string `json:"subject,omitempty"`
	// Sender is the envelope sender.
	Sender string `json:"sender,omitempty"`
	// SenderIP defaults to 203.0.113.9.
	SenderIP string `json:"sender_ip,omitempty"`
	// Recipients are the envelope recipients: one event for each.
	Recipients []string `json:"recipients,omitempty"`
	// From, ReplyTo, To and CC are addresses of the header. From defaults to the sender and To to the recipients.
	From    []string `json:"from,omitempty"`
	ReplyTo []string `json:"reply_to,omitempty"`
	To      []string `json:"to,omitempty"`
	CC      []string `json:"cc,omitempty"`
	// HeaderFrom is the whole From header; null if empty.
	HeaderFrom string `json:"header_from,omitempty"`
	// Cluster defaults to corpexample_hosted.
	Cluster string `json:"cluster,omitempty"`
	// QuarantineFolder and QuarantineRule are null if empty.
	QuarantineFolder string `json:"quarantine_folder,omitempty"`
	QuarantineRule   string `json:"quarantine_rule,omitempty"`
	// SpamScore, PhishScore, MalwareScore and ImpostorScore are 0 to 100. They do not follow the verdict.
	SpamScore     int     `json:"spam_score,omitempty"`
	PhishScore    int     `json:"phish_score,omitempty"`
	MalwareScore  int     `json:"malware_score,omitempty"`
	ImpostorScore float64 `json:"impostor_score,omitempty"`
	// Parts are the bodies and attachments; null if nil.
	Parts []Part `json:"parts,omitempty"`
	// Threats are what was found in the mail. One with a time in the future is not known yet.
	Threats []Threat `json:"threats,omitempty"`
	// Skeleton leaves almost everything null or empty, as some delivered events arrive.
	Skeleton bool `json:"skeleton,omitempty"`
	// Extra adds members to the record, or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Part is a body or an attachment of a mail. Members that are empty are null on the wire.
type Part struct {
	// Disposition is "attached" or "inline". Defaults to "attached".
	Disposition string `json:"disposition,omitempty"`
	// Filename is the name in the mail.
	Filename string `json:"filename,omitempty"`
	// ContentType is the detected type, DeclaredType (oContentType) the one that the mail claims.
	ContentType  string `json:"content_type,omitempty"`
	DeclaredType string `json:"declared_type,omitempty"`
	// MD5 and SHA256 are hashes in hexadecimal digits.
	MD5    string `json:"md5,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// SandboxStatus is the verdict at the time of delivery: "THREAT", "CLEAN", "inprogress" and others.
	SandboxStatus string `json:"sandbox_status,omitempty"`
	// Extra adds members or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Threat is a verdict on something in a mail.
type Threat struct {
	// ID is 64 hexadecimal digits. Defaults to the artifact where that has this form, else to the artifact's SHA-256.
	ID string `json:"id,omitempty"`
	// Artifact is what was condemned: the SHA-256 of an attachment, a URL, or an address.
	Artifact string `json:"artifact,omitempty"`
	// Type is "attachment" (the default), "url", "message" or "messageText", sent as spelled here.
	Type string `json:"type,omitempty"`
	// Classification is "malware" (the default), "phish", "spam", "impostor" or "toad", sent as spelled here.
	Classification string `json:"classification,omitempty"`
	// Status is "active" (the default), "cleared" or "falsepositive", sent as spelled here.
	Status string `json:"status,omitempty"`
	// Time is when the verdict was reached. Defaults to the time of the mail.
	Time time.Time `json:"time,omitzero"`
	// CampaignID is null if empty.
	CampaignID string `json:"campaign_id,omitempty"`
	// Extra adds members or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}

// Click is a click on a rewritten link.
type Click struct {
	// Blocked puts the click in clicksBlocked. By default it was permitted.
	Blocked bool `json:"blocked,omitempty"`
	// Created and Visible are as in [Message].
	Created time.Time `json:"created,omitzero"`
	Visible time.Time `json:"visible,omitzero"`
	// Raw is as in [Message].
	Raw Raw `json:"raw,omitempty"`

	// ID is the id of the click; made up if empty.
	ID string `json:"id,omitempty"`
	// GUID is the id of the mail; made up if empty.
	GUID string `json:"guid,omitempty"`
	// MessageID is the header of that name.
	MessageID string `json:"message_id,omitempty"`
	// URL is what was clicked.
	URL string `json:"url,omitempty"`
	// Classification defaults to "phish".
	Classification string `json:"classification,omitempty"`
	// Time is when the link was clicked.
	Time time.Time `json:"time,omitzero"`
	// IP is the address of whoever clicked. Defaults to 198.51.100.24.
	IP string `json:"ip,omitempty"`
	// UserAgent is the browser's.
	UserAgent string `json:"user_agent,omitempty"`
	// Recipient is who clicked.
	Recipient string `json:"recipient,omitempty"`
	// Sender and SenderIP are those of the mail. SenderIP defaults to 203.0.113.61.
	Sender   string `json:"sender,omitempty"`
	SenderIP string `json:"sender_ip,omitempty"`
	// ThreatID defaults to the SHA-256 of the URL.
	ThreatID string `json:"threat_id,omitempty"`
	// ThreatTime is when the URL was recognized as a threat. Defaults to the time of the click.
	ThreatTime time.Time `json:"threat_time,omitzero"`
	// ThreatStatus defaults to "active".
	ThreatStatus string `json:"threat_status,omitempty"`
	// CampaignID is null if empty.
	CampaignID string `json:"campaign_id,omitempty"`
	// Extra adds members or replaces them; an empty value, which only Go can say, leaves a
	// member out.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
}
