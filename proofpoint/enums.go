package proofpoint

import "strings"

// Category tells what the gateway did with a message when it came, or with a click. Nothing tells that a delivered message was
// withdrawn later.
type Category string

// The categories of messages and of clicks. Their values are the names of the arrays in an answer.
const (
	Delivered       Category = "messagesDelivered"
	Blocked         Category = "messagesBlocked"
	ClicksPermitted Category = "clicksPermitted"
	ClicksBlocked   Category = "clicksBlocked"
)

// ThreatType is what kind of thing is condemned. Compare with [ThreatType.Is]: spellings differ.
type ThreatType string

// The known types. The set is open: other values are kept as they come.
const (
	TypeURL         ThreatType = "url"
	TypeAttachment  ThreatType = "attachment"
	TypeMessageText ThreatType = "messageText"
)

// Is compares without regard to case. The two names of [TypeMessageText], message and messageText, are one type.
func (t ThreatType) Is(other ThreatType) bool {
	return strings.EqualFold(t.plain(), other.plain())
}

func (t ThreatType) plain() string {
	if strings.EqualFold(string(t), "message") {
		return string(TypeMessageText)
	}
	return string(t)
}

// ThreatStatus is what Proofpoint holds of a threat now. Compare with [ThreatStatus.Is]: spellings differ.
type ThreatStatus string

// The known statuses. The set is open: other values are kept as they come.
const (
	// StatusActive is a threat that is live.
	StatusActive ThreatStatus = "active"
	// StatusCleared is a threat that is no longer treated as live.
	StatusCleared ThreatStatus = "cleared"
	// StatusFalsePositive is a verdict that was taken back. It is served only when it is asked for.
	StatusFalsePositive ThreatStatus = "falsePositive"
)

// Is compares without regard to case.
func (s ThreatStatus) Is(other ThreatStatus) bool { return strings.EqualFold(string(s), string(other)) }

// Classification is what a threat is. Compare with [Classification.Is]: spellings differ.
type Classification string

// The known classifications. The set is open: other values are kept as they come.
const (
	ClassMalware  Classification = "malware"
	ClassPhish    Classification = "phish"
	ClassSpam     Classification = "spam"
	ClassImpostor Classification = "impostor"
	// ClassTOAD is a lure to a telephone call.
	ClassTOAD Classification = "toad"
)

// Is compares without regard to case.
func (c Classification) Is(other Classification) bool {
	return strings.EqualFold(string(c), string(other))
}

// SandboxStatus is how far the sandbox had come with a part when the message was handled. It is a snapshot: a file that was
// condemned later may keep an earlier status. Empty means that nothing was said. Compare with [SandboxStatus.Is].
type SandboxStatus string

// The documented statuses. The set is open: UNSUPPORTED_TYPE, NOT_SUPPORTED and TOO_SMALL occur too.
const (
	SandboxThreat         SandboxStatus = "threat"
	SandboxClean          SandboxStatus = "clean"
	SandboxUnsupported    SandboxStatus = "unsupported"
	SandboxPrefilter      SandboxStatus = "prefilter"
	SandboxUploaded       SandboxStatus = "uploaded"
	SandboxInProgress     SandboxStatus = "inprogress"
	SandboxUploadDisabled SandboxStatus = "uploaddisabled"
)

// Is compares without regard to case.
func (s SandboxStatus) Is(other SandboxStatus) bool {
	return strings.EqualFold(string(s), string(other))
}

// Disposition tells body parts and attachments apart. Compare with [Disposition.Is].
type Disposition string

// The dispositions of parts.
const (
	// Inline is a part of the text of a message.
	Inline Disposition = "inline"
	// Attached is an attachment.
	Attached Disposition = "attached"
)

// Is compares without regard to case.
func (d Disposition) Is(other Disposition) bool { return strings.EqualFold(string(d), string(other)) }

// Rewritten tells whether all links of a message were rewritten: true, false, or na for a message without such links. Empty
// means that nothing was said.
type Rewritten string

// The values of [Rewritten].
const (
	RewrittenTrue          Rewritten = "true"
	RewrittenFalse         Rewritten = "false"
	RewrittenNotApplicable Rewritten = "na"
)
