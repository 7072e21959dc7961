package proofpointtest

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/pphunt/pphunt/internal/fake"
)

// What a Server made from an otherwise empty World goes by.
const (
	// URL is the base address that Server.Client reaches.
	URL = "https://tap.invalid"
	// Principal is the user name of a World that names none.
	Principal = "5a1d9c42-7e60-4b8f-93d1-c0ffee27aa10"
	// Secret is the password of a World that names none.
	Secret = "9b1f6c0d4e7a2835b6c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5" //nolint:gosec // opens a fake
)

// World says what the service knows. The zero value is a service without mail.
//
// In a world file durations are strings such as "10m", times are RFC 3339, and unknown members are refused by name.
type World struct {
	// Principal and Secret are what clients must sign with. They default to the constants of the same names.
	Principal string `json:"principal,omitempty"`
	Secret    string `json:"secret,omitempty"`
	// Accounts are further credentials of the tenant. Each has quotas of its own.
	Accounts []Account `json:"accounts,omitempty"`
	// Messages are the mails, delivered and blocked.
	Messages []Message `json:"messages,omitempty"`
	// More adds messages that are made while an answer is written, so that answers can be larger than memory. They are
	// served after the others and in their own order, and have no threat summary.
	More iter.Seq[Message] `json:"-"`
	// Clicks are the clicks on links, permitted and blocked.
	Clicks []Click `json:"clicks,omitempty"`
	// Threats are the summaries of threats. A threat that only messages or clicks name gets a summary made from them.
	Threats []ThreatSummary `json:"threats,omitempty"`
	// Changes happen to threats when the clock reaches them.
	Changes []Change `json:"changes,omitempty"`
	// Campaigns are the campaigns. One that only messages, clicks or changes name is made from them.
	Campaigns []Campaign `json:"campaigns,omitempty"`
	// Reports are the evidence on threats and campaigns.
	Reports []Report `json:"reports,omitempty"`
	// People describes those who are attacked. Whoever only receives messages or clicks on links is known by address alone.
	People []Person `json:"people,omitempty"`
	// Links are rewritten links that the tenant knows the mail of.
	Links []Link `json:"links,omitempty"`
	// VAPThreshold is the attack index from which people are very attacked. Defaults to 0, which lists all who were attacked.
	VAPThreshold float64 `json:"vap_threshold,omitempty"`
	// Lag is how long after its creation an event can first be seen. The real service takes up to half an hour. Defaults
	// to none.
	Lag time.Duration `json:"lag,omitempty"`
	// LookBack is how old the start of a window may be. Defaults to seven days; sources that are older say twelve hours.
	LookBack time.Duration `json:"look_back,omitempty"`
	// Quota is how many calls each of the two pools of SIEM calls allows in 24 hours. Defaults to 1800; below zero there is
	// none.
	Quota int `json:"quota,omitempty"`
	// Quotas are those of all pools.
	Quotas Quotas `json:"quotas,omitzero"`
	// Seed chooses among the orders in which arrays arrive.
	Seed uint64 `json:"seed,omitempty"`
	// Switches choose between behaviors that no public source pins down.
	Switches Switches `json:"switches,omitzero"`
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time `json:"-"`
}

// Switches choose between behaviors that are undocumented, or documented in several ways. The zero value is the likely world.
type Switches struct {
	// TextPlain labels JSON answers as text/plain.
	TextPlain bool `json:"text_plain,omitempty"`
	// Stable keeps arrays and parts in the order of the World.
	Stable bool `json:"stable,omitempty"`
	// InclusiveEnd lets windows include their last instant, so that windows that touch share it.
	InclusiveEnd bool `json:"inclusive_end,omitempty"`
	// JoinRecipients makes one event of a message with several recipients. By default there is one for each of them, and
	// they differ in id and recipient alone.
	JoinRecipients bool `json:"join_recipients,omitempty"`
	// FilterEntries leaves only those threats of a message in that threatType and threatStatus ask for. By default a message
	// with one of them comes with all of its threats.
	FilterEntries bool `json:"filter_entries,omitempty"`
	// Reissue serves a message anew for each later verdict, and leaves it in its earlier windows too. By default it moves
	// to the window of the latest verdict.
	Reissue bool `json:"reissue,omitempty"`
	// NewIDs gives events that are issued again an id of their own.
	NewIDs bool `json:"new_ids,omitempty"`
	// CountRefused lets calls that end in 400 or 429 count against the quota.
	CountRefused bool `json:"count_refused,omitempty"`
	// OldSummary spells threat summaries the older way: severity, verticals, geographies.
	OldSummary bool `json:"old_summary,omitempty"`
	// TenantQuota counts the calls of all credentials together. By default each has quotas of its own.
	TenantQuota bool `json:"tenant_quota,omitempty"`
	// PeopleShareQuota counts both calls about people in [PoolVAP]. By default each has a pool of its own.
	PeopleShareQuota bool `json:"people_share_quota,omitempty"`
	// CampaignsByUpdate lists the ids of the campaigns that were last updated in the interval. By default those are listed
	// that were active in it: from their start to their last update.
	CampaignsByUpdate bool `json:"campaigns_by_update,omitempty"`
	// CampaignsUpToNow accepts intervals of campaign ids that reach into the future. By default they are still current, as
	// those of the feeds are.
	CampaignsUpToNow bool `json:"campaigns_up_to_now,omitempty"`
	// PastEndNotFound answers 404 to a page of campaign ids after the last. By default it is empty.
	PastEndNotFound bool `json:"past_end_not_found,omitempty"`
	// OmitEmptyLists leaves lists without entries out of campaigns. By default they are sent empty.
	OmitEmptyLists bool `json:"omit_empty_lists,omitempty"`
	// EmptyReports answers without any report about a threat or campaign that nothing is known of. By default there is one
	// report without evidence.
	EmptyReports bool `json:"empty_reports,omitempty"`
	// OldForensics spells reports as the pages do: the scope in lower case, and a type.
	OldForensics bool `json:"old_forensics,omitempty"`
	// ShuffleDecoded answers the URL decoder's links in another order than they were asked for.
	ShuffleDecoded bool `json:"shuffle_decoded,omitempty"`
}

// Change is something that happens to a threat. It shows in the threat's summary and in the messages and clicks that are not
// given raw.
type Change struct {
	// At is when it happens.
	At time.Time `json:"at"`
	// Threat is the threat's id.
	Threat string `json:"threat"`
	// Status is the new status: "active", "cleared" or "falsepositive", sent as spelled here. Empty leaves it alone.
	Status string `json:"status,omitempty"`
	// CampaignID attributes the threat to a campaign. Empty leaves it alone.
	CampaignID string `json:"campaign_id,omitempty"`
	// Reissue serves the events with that threat in the window of the change as well. By default only the contents of
	// their old window change.
	Reissue bool `json:"reissue,omitempty"`
}

// plainWorld is a World without its methods.
type plainWorld World

// worldFile is the form of a World in a file.
type worldFile struct {
	*plainWorld
	Lag      string `json:"lag,omitempty"`
	LookBack string `json:"look_back,omitempty"`
}

// MarshalJSON writes the form of a world file.
func (w World) MarshalJSON() ([]byte, error) {
	f := worldFile{plainWorld: (*plainWorld)(&w)}
	if w.Lag != 0 {
		f.Lag = w.Lag.String()
	}
	if w.LookBack != 0 {
		f.LookBack = w.LookBack.String()
	}
	return json.Marshal(f)
}

// UnmarshalJSON reads the form of a world file and refuses unknown members by name.
func (w *World) UnmarshalJSON(data []byte) error {
	f := worldFile{plainWorld: (*plainWorld)(w)}
	if err := fake.UnmarshalStrict(data, &f); err != nil {
		return fmt.Errorf("proofpointtest: world: %w", err)
	}
	for _, d := range []struct {
		name, text string
		into       *time.Duration
	}{{"lag", f.Lag, &w.Lag}, {"look_back", f.LookBack, &w.LookBack}} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil {
			return fmt.Errorf("proofpointtest: world: %s: %w", d.name, err)
		}
		*d.into = v
	}
	return nil
}

// Raw is bytes that are sent as they stand, whether they are JSON or not. In a world file it is a JSON value, or a string
// that holds the bytes.
type Raw []byte

// MarshalJSON writes valid JSON other than a string as it is, and anything else as a string.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r) > 0 && r[0] != '"' && json.Valid(r) {
		return r, nil
	}
	return json.Marshal(string(r))
}

// UnmarshalJSON keeps a JSON value as it is, and of a string what it holds.
func (r *Raw) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '"' {
		*r = append(Raw(nil), data...)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*r = Raw(text)
	return nil
}
