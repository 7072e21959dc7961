package proofpoint

import (
	"time"
)

// Record is one record of a feed that has several kinds: either Message or Click is set, the other is nil.
type Record struct {
	Message *Message
	Click   *Click
}

// Category tells what the record is and what was done: [Delivered], [Blocked], [ClicksPermitted] or [ClicksBlocked].
func (r Record) Category() Category {
	switch {
	case r.Message != nil:
		return r.Message.Category
	case r.Click != nil:
		return r.Click.Category
	}
	return ""
}

// Identity tells the record from all others, see [Message.Identity] and [Click.Identity].
func (r Record) Identity() string {
	switch {
	case r.Message != nil:
		return r.Message.Identity()
	case r.Click != nil:
		return r.Click.Identity()
	}
	return ""
}

// Created is the time by which the service sorts the record into a window, see [Message.Created] and [Click.Created].
func (r Record) Created() time.Time {
	switch {
	case r.Message != nil:
		return r.Message.Created()
	case r.Click != nil:
		return r.Click.Created()
	}
	return time.Time{}
}

// Raw is the record as it came.
func (r Record) Raw() []byte {
	switch {
	case r.Message != nil:
		return r.Message.Raw
	case r.Click != nil:
		return r.Click.Raw
	}
	return nil
}

// decodeRecord reads one record of a list. It keeps a copy of raw.
func decodeRecord(c Category, raw []byte) (Record, error) {
	switch c {
	case ClicksPermitted, ClicksBlocked:
		click := Click{Category: c}
		if err := click.UnmarshalJSON(raw); err != nil {
			return Record{}, err
		}
		return Record{Click: &click}, nil
	default:
		m := Message{Category: c}
		if err := m.UnmarshalJSON(raw); err != nil {
			return Record{}, err
		}
		return Record{Message: &m}, nil
	}
}

// Feed is one of the lists of records that the service keeps.
type Feed string

// The feeds. Each costs one call for a window, whatever is in it.
const (
	// FeedAll has all messages and clicks.
	FeedAll Feed = "all"
	// FeedIssues has what got through: delivered messages and permitted clicks.
	FeedIssues            Feed = "issues"
	FeedMessagesDelivered Feed = "messages/delivered"
	FeedMessagesBlocked   Feed = "messages/blocked"
	FeedClicksPermitted   Feed = "clicks/permitted"
	FeedClicksBlocked     Feed = "clicks/blocked"
)

// Categories are those of the records in the feed, and nil for a feed that there is not.
func (f Feed) Categories() []Category {
	switch f {
	case FeedAll:
		return []Category{ClicksPermitted, ClicksBlocked, Delivered, Blocked}
	case FeedIssues:
		return []Category{ClicksPermitted, Delivered}
	case FeedMessagesDelivered:
		return []Category{Delivered}
	case FeedMessagesBlocked:
		return []Category{Blocked}
	case FeedClicksPermitted:
		return []Category{ClicksPermitted}
	case FeedClicksBlocked:
		return []Category{ClicksBlocked}
	}
	return nil
}

// bucket is what the service counts a call in.
func (f Feed) bucket() Bucket {
	if f == FeedClicksPermitted {
		return BucketClicksPermitted
	}
	return BucketSIEM
}

// op is the name of the call in errors.
func (f Feed) op() string {
	switch f {
	case FeedMessagesDelivered:
		return "siem.messages_delivered"
	case FeedMessagesBlocked:
		return "siem.messages_blocked"
	case FeedClicksPermitted:
		return "siem.clicks_permitted"
	case FeedClicksBlocked:
		return "siem.clicks_blocked"
	default:
		return "siem." + string(f)
	}
}
