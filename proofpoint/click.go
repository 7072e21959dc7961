package proofpoint

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Click is one record of a click on a link that is a threat. Every field but Category and Raw may be absent. Texts are the
// sender's and the browser's own words: escape them before showing them.
//
// The json tags are the service's own names, so that a click written as JSON looks like a record.
type Click struct {
	// Category tells whether the click was permitted or blocked. It is not part of the record: the service says it by the array
	// that the record is in.
	Category Category `json:"-"`
	// ID identifies the record; see [Click.Identity] for those without.
	ID string `json:"id,omitzero"`
	// GUID is the id of the message with the link in the protection server, as in [Message.GUID]. Several clicks share it.
	GUID string `json:"GUID,omitzero"`
	// MessageID is the Message-ID header of that message. It is not unique.
	MessageID string `json:"messageID,omitzero"`
	// URL is what was clicked, as it was before it was rewritten.
	URL            string         `json:"url,omitzero"`
	Classification Classification `json:"classification,omitzero"`
	// Time is when the link was clicked, in UTC. It may be days before ThreatTime, and days before the window that was asked for.
	Time time.Time `json:"clickTime,omitzero"`
	// IP is the address from which it was clicked. It may be that of a gateway or of a scanner.
	IP        string `json:"clickIP,omitzero"`
	UserAgent string `json:"userAgent,omitzero"`
	// Recipient is who clicked. Should the record name several, they are joined with commas.
	Recipient string `json:"recipient,omitzero"`
	// Sender is the envelope sender of the message. Its local part may be hashed.
	Sender   string `json:"sender,omitzero"`
	SenderIP string `json:"senderIP,omitzero"`
	// ThreatID is the threat that the link is.
	ThreatID ThreatID `json:"threatID,omitzero"`
	// ThreatStatus is empty in old records.
	ThreatStatus ThreatStatus `json:"threatStatus,omitzero"`
	// ThreatTime is when the link was recognized as a threat: before the click, or days after it.
	ThreatTime time.Time `json:"threatTime,omitzero"`
	// ThreatURL shows the threat in the dashboard.
	ThreatURL string `json:"threatURL,omitzero"`
	// CampaignID is empty until the threat is attributed, which may be long after the record was served.
	CampaignID CampaignID `json:"campaignId,omitzero"`
	// Raw is the record as it came, byte for byte: it may have invalid UTF-8 in it.
	Raw []byte `json:"-"`
}

// Created is the time by which the service sorts the record into a window: the later of the click and the verdict.
func (c Click) Created() time.Time {
	if c.ThreatTime.After(c.Time) {
		return c.ThreatTime
	}
	return c.Time
}

// Identity tells a record from all others, for overlapping windows: the id; for a record without one, category, GUID, URL, time
// and recipient; without a GUID, a digest of all that it says, in which the order of lists means nothing. A later record of the
// same identity may say something new, such as another status.
func (c Click) Identity() string {
	switch {
	case c.ID != "":
		return c.ID
	case c.GUID != "":
		return fmt.Sprintf("%s %s %q %s %q", c.Category, c.GUID, c.URL, c.Time.Format(time.RFC3339Nano), c.Recipient)
	}
	return digestIdentity(c.Category, c.Raw)
}

// UnmarshalJSON reads one record and keeps a copy of it in Raw. Nothing is required but that it is an object, and unknown
// members are passed over. Category is left as it is.
func (c *Click) UnmarshalJSON(data []byte) error {
	read := Click{Category: c.Category, Raw: bytes.Clone(data)}
	if err := readWhole(read.Raw, read.readFrom); err != nil {
		return err
	}
	*c = read
	return nil
}

func (c *Click) readFrom(dec *jsontext.Decoder) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "id":
			return mustText(dec, &c.ID)
		case "GUID":
			return mustText(dec, &c.GUID)
		case "guid":
			return alias(mustText, dec, &c.GUID)
		case "url":
			return mustText(dec, &c.URL)
		case "classification":
			return mustText(dec, &c.Classification)
		case "clickTime":
			return mustTime(dec, &c.Time)
		case "recipient":
			return c.readRecipient(dec)
		case "threatID":
			return mustText(dec, &c.ThreatID)
		case "threatId":
			return alias(mustText, dec, &c.ThreatID)
		case "threatStatus":
			return mustText(dec, &c.ThreatStatus)
		case "threatTime":
			return mustTime(dec, &c.ThreatTime)
		default:
			return c.readDetail(dec, name)
		}
	})
}

func (c *Click) readRecipient(dec *jsontext.Decoder) error {
	var all []string
	if err := mustTexts(dec, &all); err != nil {
		return err
	}
	c.Recipient = strings.Join(all, ",")
	return nil
}

// readDetail reads what only informs.
func (c *Click) readDetail(dec *jsontext.Decoder, name []byte) error {
	switch string(name) {
	case "messageID":
		return text(dec, &c.MessageID)
	case "messageId":
		return alias(text, dec, &c.MessageID)
	case "clickIP":
		return text(dec, &c.IP)
	case "userAgent":
		return text(dec, &c.UserAgent)
	case "sender":
		return text(dec, &c.Sender)
	case "senderIP":
		return text(dec, &c.SenderIP)
	case "threatURL":
		return text(dec, &c.ThreatURL)
	case "threatUrl":
		return alias(text, dec, &c.ThreatURL)
	case "campaignId":
		return text(dec, &c.CampaignID)
	case "campaignID":
		return alias(text, dec, &c.CampaignID)
	default:
		return errSkip
	}
}
