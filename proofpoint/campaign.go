package proofpoint

import (
	"bytes"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// CampaignID identifies a campaign.
type CampaignID string

// Campaign is what is known of a campaign. Every field may be absent.
type Campaign struct {
	ID CampaignID `json:"id,omitzero"`
	// Name is free text.
	Name string `json:"name,omitzero"`
	// Description is free text of several lines. It may have live links and addresses in it.
	Description string `json:"description,omitzero"`
	// StartDate is when the campaign was first seen.
	StartDate          time.Time      `json:"startDate,omitzero"`
	Notable            bool           `json:"notable,omitzero"`
	VerticallyTargeted bool           `json:"verticallyTargeted,omitzero"`
	Actors             []NamedSubject `json:"actors,omitzero"`
	Families           []NamedSubject `json:"families,omitzero"`
	Malware            []NamedSubject `json:"malware,omitzero"`
	// Techniques have ids of Proofpoint's own, not those of ATT&CK.
	Techniques []NamedSubject `json:"techniques,omitzero"`
	Brands     []NamedSubject `json:"brands,omitzero"`
	// Members are the threats that belong to the campaign. There may be thousands.
	Members []CampaignMember `json:"campaignMembers,omitzero"`
	// Raw is the answer as it came.
	Raw []byte `json:"-"`
}

// CampaignMember is a threat that belongs to a campaign.
type CampaignMember struct {
	ID ThreatID `json:"id,omitzero"`
	// Artifact is what is condemned: the SHA-256 of a file, a URL, a host or an address.
	Artifact string        `json:"threat,omitzero"`
	Type     ThreatType    `json:"type,omitzero"`
	SubType  ThreatSubType `json:"subType,omitzero"`
	// Time is when Status was assigned.
	Time   time.Time    `json:"threatTime,omitzero"`
	Status ThreatStatus `json:"threatStatus,omitzero"`
}

// Hash is the SHA-256 of the condemned file, and false if the artifact is something else.
func (m CampaignMember) Hash() ([32]byte, bool) {
	if !m.SubType.Is(SubTypeAttachment) && !m.Type.Is(TypeAttachment) {
		return [32]byte{}, false
	}
	return parseHash(m.Artifact)
}

// ThreatSubType tells what form an artifact has. Compare with [ThreatSubType.Is].
type ThreatSubType string

// The known forms. The set is open: other values are kept as they come.
const (
	SubTypeAttachment    ThreatSubType = "ATTACHMENT"
	SubTypeCompleteURL   ThreatSubType = "COMPLETE_URL"
	SubTypeNormalizedURL ThreatSubType = "NORMALIZED_URL"
	SubTypeDomain        ThreatSubType = "DOMAIN"
	// SubTypeHostname is not documented. Its value may be an IP address.
	SubTypeHostname ThreatSubType = "HOSTNAME"
)

// Is compares without regard to case.
func (s ThreatSubType) Is(other ThreatSubType) bool {
	return strings.EqualFold(string(s), string(other))
}

// campaignAnswer is a campaign as it is read: its members one by one.
type campaignAnswer struct {
	campaign Campaign
	members  rows[CampaignMember]
}

func (a *campaignAnswer) UnmarshalJSON(data []byte) error {
	a.campaign = Campaign{Raw: bytes.Clone(data)}
	a.members = rows[CampaignMember]{}
	return readWhole(a.campaign.Raw, a.readFrom)
}

func (a *campaignAnswer) readFrom(dec *jsontext.Decoder) error {
	c := &a.campaign
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "id":
			return mustText(dec, &c.ID)
		case "name":
			return text(dec, &c.Name)
		case "description":
			return text(dec, &c.Description)
		case "startDate":
			return mustTime(dec, &c.StartDate)
		case "notable":
			return boolean(dec, &c.Notable)
		case "verticallyTargeted":
			return boolean(dec, &c.VerticallyTargeted)
		case "campaignMembers":
			if dec.PeekKind() == jsontext.KindNull {
				return errSkip
			}
			return a.members.read(dec, readMember)
		default:
			return subjects(dec, name, c.lists())
		}
	})
}

// lists are the lists of subjects by their names.
func (c *Campaign) lists() map[string]*[]NamedSubject {
	return map[string]*[]NamedSubject{
		"actors": &c.Actors, "families": &c.Families, "malware": &c.Malware, "techniques": &c.Techniques, "brands": &c.Brands,
	}
}

// subjects reads one of several lists of subjects.
func subjects(dec *jsontext.Decoder, name []byte, lists map[string]*[]NamedSubject) error {
	list, ok := lists[string(name)]
	if !ok {
		return errSkip
	}
	return objects(dec, list, readSubject)
}

func readMember(dec *jsontext.Decoder, m *CampaignMember) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "id":
			return mustText(dec, &m.ID)
		case "threat":
			return mustText(dec, &m.Artifact)
		case "type":
			return mustText(dec, &m.Type)
		case "subType":
			return mustText(dec, &m.SubType)
		case "threatTime":
			return mustTime(dec, &m.Time)
		case "threatStatus":
			return mustText(dec, &m.Status)
		default:
			return errSkip
		}
	})
}
