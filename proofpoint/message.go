package proofpoint

import (
	"encoding/hex"
	"fmt"
	"mime"
	"slices"
	"time"
)

// Message is one record of a message that carried a threat. There is one record for each recipient, and every field but
// Category and Raw may be absent. Texts are the sender's own words: escape them before showing them.
//
// The json tags are the service's own names, so that a message written as JSON looks like a record.
type Message struct {
	// Category tells whether the message was delivered or blocked. It is not part of the record: the service says it by the
	// array that the record is in.
	Category Category `json:"-"`
	// ID identifies the record; see [Message.Identity] for those without.
	ID string `json:"id,omitzero"`
	// GUID is the id of the message in the protection server. The records of one message to several recipients share it.
	GUID string `json:"GUID,omitzero"`
	// QID is the id in the mail queue. It is not unique.
	QID     string `json:"QID,omitzero"`
	Cluster string `json:"cluster,omitzero"`
	// MessageID is the Message-ID header. It is not unique.
	MessageID string `json:"messageID,omitzero"`
	// Time is when the message was delivered or blocked, in UTC. It may be days before the window that was asked for.
	Time time.Time `json:"messageTime,omitzero"`
	// Size is the size of the message in bytes, 0 if unknown.
	Size int64 `json:"messageSize,omitzero"`
	// Subject may still be encoded as RFC 2047 has it; see [Message.SubjectText].
	Subject string `json:"subject,omitzero"`
	// Sender is the envelope sender. Its local part may be hashed.
	Sender   string `json:"sender,omitzero"`
	SenderIP string `json:"senderIP,omitzero"`
	// Recipients are the envelope recipients of this record. Their local parts may be hashed.
	Recipients       []string `json:"recipient,omitzero"`
	FromAddresses    []string `json:"fromAddress,omitzero"`
	HeaderFrom       string   `json:"headerFrom,omitzero"`
	ReplyToAddresses []string `json:"replyToAddress,omitzero"`
	HeaderReplyTo    string   `json:"headerReplyTo,omitzero"`
	ToAddresses      []string `json:"toAddresses,omitzero"`
	HeaderTo         string   `json:"headerTo,omitzero"`
	CCAddresses      []string `json:"ccAddresses,omitzero"`
	HeaderCC         string   `json:"headerCC,omitzero"`
	XMailer          string   `json:"xmailer,omitzero"`
	// ModulesRun are the modules of the gateway that looked at the message, such as av or sandbox.
	ModulesRun   []string `json:"modulesRun,omitzero"`
	PolicyRoutes []string `json:"policyRoutes,omitzero"`
	// QuarantineFolder and QuarantineRule are filled on some delivered messages, too: only Category tells what happened.
	QuarantineFolder string `json:"quarantineFolder,omitzero"`
	QuarantineRule   string `json:"quarantineRule,omitzero"`
	// The scores, from 0 to 100, are from the scan at delivery. They do not follow the verdict: condemned messages have a
	// MalwareScore of 0.
	SpamScore     int     `json:"spamScore,omitzero"`
	PhishScore    int     `json:"phishScore,omitzero"`
	MalwareScore  int     `json:"malwareScore,omitzero"`
	ImpostorScore float64 `json:"impostorScore,omitzero"`
	// CompletelyRewritten tells whether all links were rewritten.
	CompletelyRewritten Rewritten `json:"completelyRewritten,omitzero"`
	// Parts are all parts of the message, most of them harmless, in an order that changes from call to call. A record may have
	// none although the message had attachments.
	Parts []Part `json:"messageParts,omitzero"`
	// Threats say what is condemned.
	Threats []Threat `json:"threatsInfoMap,omitzero"`
	// Raw is the record as it came, byte for byte: it may have invalid UTF-8 in it.
	Raw []byte `json:"-"`
}

// Part is one part of a message: a piece of its text, or an attachment.
type Part struct {
	Disposition Disposition `json:"disposition,omitzero"`
	// FileName may be encoded as RFC 2047 has it; see [Part.FileNameText].
	FileName string `json:"filename,omitzero"`
	MD5      string `json:"md5,omitzero"`
	// SHA256 is the hash as it came, in either case; see [Part.Hash].
	SHA256 string `json:"sha256,omitzero"`
	// ContentType is the detected type, DeclaredType the one in the message.
	ContentType   string        `json:"contentType,omitzero"`
	DeclaredType  string        `json:"oContentType,omitzero"`
	SandboxStatus SandboxStatus `json:"sandboxStatus,omitzero"`
}

// Hash is the SHA-256 of the part, and false if the record has none.
func (p Part) Hash() ([32]byte, bool) { return parseHash(p.SHA256) }

// ThreatID identifies a threat: 64 hexadecimal digits.
type ThreatID string

// Threat is one verdict on something in a message.
type Threat struct {
	ID ThreatID `json:"threatID,omitzero"`
	// Artifact is what is condemned: the SHA-256 of a file, a URL or a piece of one, or the address of an impostor.
	Artifact       string         `json:"threat,omitzero"`
	Type           ThreatType     `json:"threatType,omitzero"`
	Classification Classification `json:"classification,omitzero"`
	// Status is empty in old records.
	Status ThreatStatus `json:"threatStatus,omitzero"`
	// Time is when Status was assigned: months before the message, or days after it.
	Time time.Time `json:"threatTime,omitzero"`
	// URL shows the threat in the dashboard.
	URL string `json:"threatUrl,omitzero"`
	// CampaignID is a [CampaignID], empty until the threat is attributed, which may be long after the record was served.
	CampaignID    string  `json:"campaignID,omitzero"`
	Actors        []Actor `json:"actors,omitzero"`
	DetectionType string  `json:"detectionType,omitzero"`
}

// Actor is somebody to whom a threat is attributed.
type Actor struct {
	ID   string `json:"id,omitzero"`
	Name string `json:"name,omitzero"`
	Type string `json:"type,omitzero"`
}

// Hash is the SHA-256 of the condemned file, and false if the artifact is something else. It may be a file inside an archive, and
// so the hash of none of the message's parts.
func (t Threat) Hash() ([32]byte, bool) {
	if !t.Type.Is(TypeAttachment) {
		return [32]byte{}, false
	}
	return parseHash(t.Artifact)
}

// Names tells whether the threat is about the file with this hash: its artifact is the hash, or its id is. Only a threat of the
// type attachment names files.
func (t Threat) Names(hash [32]byte) bool {
	if !t.Type.Is(TypeAttachment) {
		return false
	}
	artifact, ok := parseHash(t.Artifact)
	if ok && artifact == hash {
		return true
	}
	id, ok := parseHash(string(t.ID))
	return ok && id == hash
}

// ThreatsNaming are the threats of the message that are about the file with this hash, whatever their status.
func (m Message) ThreatsNaming(hash [32]byte) []Threat {
	var found []Threat
	for _, t := range m.Threats {
		if t.Names(hash) {
			found = append(found, t)
		}
	}
	return found
}

// Created is the time by which the service sorts the record into a window: the latest of the message and its threats.
func (m Message) Created() time.Time {
	latest := m.Time
	for _, t := range m.Threats {
		if t.Time.After(latest) {
			latest = t.Time
		}
	}
	return latest
}

// Identity tells a record from all others, for overlapping windows: the id; for a record without one, category, GUID and
// recipients; without a GUID, a digest of all that it says, in which the order of lists means nothing. A later record of the same
// identity may say something new, such as another status.
func (m Message) Identity() string {
	switch {
	case m.ID != "":
		return m.ID
	case m.GUID != "":
		return fmt.Sprintf("%s %s %q", m.Category, m.GUID, slices.Sorted(slices.Values(m.Recipients)))
	}
	return digestIdentity(m.Category, m.Raw)
}

// SubjectText is the subject with its RFC 2047 encoding undone, as far as that is possible.
func (m Message) SubjectText() string { return decodeWords(m.Subject) }

// FileNameText is the name of the part with its RFC 2047 encoding undone, as far as that is possible.
func (p Part) FileNameText() string { return decodeWords(p.FileName) }

func decodeWords(s string) string {
	text, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return s // an unknown charset: the encoded form is still better than nothing
	}
	return text
}

// parseHash takes exactly 64 hexadecimal digits of either case.
func parseHash(s string) ([32]byte, bool) {
	var h [32]byte
	if len(s) != hex.EncodedLen(len(h)) {
		return [32]byte{}, false
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return [32]byte{}, false
	}
	return h, true
}
