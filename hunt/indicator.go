package hunt

import (
	"cmp"
	"slices"
	"time"
)

// Window is the span of time that a [Source] is asked about: from Start up to, and without, End. Both are UTC.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// IsZero tells whether no window is meant.
func (w Window) IsZero() bool { return w.Start.IsZero() && w.End.IsZero() }

// with is the smallest window that both are part of.
func (w Window) with(other Window) Window {
	switch {
	case w.IsZero():
		return other
	case other.IsZero():
		return w
	}
	if other.Start.Before(w.Start) {
		w.Start = other.Start
	}
	if other.End.After(w.End) {
		w.End = other.End
	}
	return w
}

// Indicator is one condemned file, with its threat and every mail that carried it.
type Indicator struct {
	SHA256 SHA256 `json:"sha256"`
	// MD5 is of the same file, zero where the source does not tell.
	MD5 MD5 `json:"md5,omitzero"`
	// Of is the condemned attachment that brought this file to the machine, zero for an attachment. The mails are then those of that,
	// and no mail has the name of this file.
	Of     SHA256 `json:"second_stage_of,omitzero"`
	Threat Threat `json:"threat"`
	Mails  []Mail `json:"mails"`
	// Seen are sightings of earlier runs with [Sighting.Keep]. They count without being found again, so that a [Searcher] may leave them
	// out. They are no part of plans and reports, which have them among all the others.
	Seen []Sighting `json:"-"`
}

// ThreatListed is the type of the threat of a file that only a list condemns, which a person wants hunted.
const ThreatListed = "listed"

// Threat is the verdict on a file.
type Threat struct {
	// ID is the id of the threat at the service that condemned the file.
	ID string `json:"id"`
	// Type is what kind of thing is condemned: attachment, or [ThreatListed]. Nothing else is hunted.
	Type string `json:"type"`
	// Classification says what the file is, such as malware or phish.
	Classification string `json:"classification"`
	// Status is active, cleared or falsePositive. Only active threats are hunted.
	Status string `json:"status"`
	// Time is when Status was assigned. Zero means unknown.
	Time time.Time `json:"time,omitzero"`
	// URL shows the threat in its service's dashboard. It may be empty.
	URL string `json:"url,omitempty"`
	// CampaignID is the campaign that the threat belongs to, empty while nobody has said.
	CampaignID string `json:"campaign_id,omitempty"`
	// Comment is what a person said about the file.
	Comment string `json:"comment,omitempty"`
	// Score is how bad the file is, from 0 to 100, 0 where nothing is known.
	Score int `json:"score,omitempty"`
}

// Mail is one message, to the recipients of one record, that carried the file.
type Mail struct {
	// ID tells this record from every other. The records of one message to several recipients differ in it.
	ID        string `json:"id"`
	GUID      string `json:"guid,omitempty"`
	MessageID string `json:"message_id,omitempty"`
	// Subject, Sender and FileName are the sender's own words: escape them before showing them.
	Subject string `json:"subject,omitempty"`
	Sender  string `json:"sender,omitempty"`
	// Recipients are the addresses on the envelope.
	Recipients []string `json:"recipients,omitempty"`
	// Time is when the mail was delivered or blocked, which may be days before the verdict.
	Time time.Time `json:"time,omitzero"`
	// Delivered is false for a mail that the gateway held back.
	Delivered bool `json:"delivered"`
	// FileName is the name of the attachment in this mail, empty when only the hash is known.
	FileName string `json:"file_name,omitempty"`
	// Raw is the record as the service sent it, for the webhook. It is no part of reports.
	Raw []byte `json:"-"`
}

// Files lists the distinct names under which the file was sent, in order.
func (i Indicator) Files() []string {
	var names []string
	for _, m := range i.Mails {
		if m.FileName != "" {
			names = append(names, m.FileName)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Recipients lists the distinct recipients of the file, in order.
func (i Indicator) Recipients() []string {
	var all []string
	for _, m := range i.Mails {
		all = append(all, m.Recipients...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// add takes what another record says about the same file. A mail that is known already is not taken twice; the newest word
// about the threat stands.
// It reports whether a mail was new.
func (i *Indicator) add(other Indicator) bool {
	had := len(i.Mails)
	for _, m := range other.Mails {
		if m.ID == "" || !slices.ContainsFunc(i.Mails, func(have Mail) bool { return have.ID == m.ID }) {
			i.Mails = append(i.Mails, m)
		}
	}
	if other.Threat.Time.After(i.Threat.Time) {
		i.Threat = other.Threat
	}
	if i.MD5.IsZero() {
		i.MD5 = other.MD5
	}
	if other.Of.IsZero() {
		i.Of = SHA256{} // what came by mail itself is no second stage
	}
	return len(i.Mails) > had
}

// order sorts the mails by time, so that the same answer of a service in another order gives the same plan.
func (i *Indicator) order() {
	slices.SortFunc(i.Mails, func(a, b Mail) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
}
