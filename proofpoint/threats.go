package proofpoint

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// Threats tells about single threats.
type Threats struct {
	core *core
}

// ThreatSummary is what is known of one threat, in all tenants. Every field may be absent.
type ThreatSummary struct {
	ID           ThreatID  `json:"id,omitzero"`
	IdentifiedAt time.Time `json:"identifiedAt,omitzero"`
	// Name is the condemned hash, URL or address.
	Name string `json:"name,omitzero"`
	// Type is attachment, url or message text.
	Type          ThreatType     `json:"type,omitzero"`
	Category      Classification `json:"category,omitzero"`
	Status        ThreatStatus   `json:"status,omitzero"`
	DetectionType string         `json:"detectionType,omitzero"`
	// Severity is from 0 to 1000, 0 where nothing is known.
	Severity int `json:"severityScore,omitzero"`
	// AttackSpread is how many customers of Proofpoint saw the threat.
	AttackSpread int  `json:"attackSpread,omitzero"`
	Notable      bool `json:"notable,omitzero"`
	// VerticallyTargeted and GeoTargeted tell whether it aims at an industry or a region.
	VerticallyTargeted bool           `json:"verticallyTargeted,omitzero"`
	GeoTargeted        bool           `json:"geoTargeted,omitzero"`
	Actors             []NamedSubject `json:"actors,omitzero"`
	Families           []NamedSubject `json:"families,omitzero"`
	Malware            []NamedSubject `json:"malware,omitzero"`
	Techniques         []NamedSubject `json:"techniques,omitzero"`
	Brands             []NamedSubject `json:"brands,omitzero"`
	// Raw is the answer as it came.
	Raw []byte `json:"-"`
}

// NamedSubject is an actor, a family, a piece of malware, a technique or a brand. Its id is Proofpoint's own.
type NamedSubject struct {
	ID   string `json:"id,omitzero"`
	Name string `json:"name,omitzero"`
}

// Summary asks what is known of a threat. It is not throttled, and so the way to see whether a threat that was acted on is still
// active. It returns [ErrNotFound] for an id that the service does not know.
//
//api:op GET /v2/threat/summary/{threatId}
func (t *Threats) Summary(ctx context.Context, id ThreatID) (ThreatSummary, error) {
	var s ThreatSummary
	call := rest.Call{
		Op: "threats.summary", Method: http.MethodGet,
		Route: "/v2/threat/summary/{threatId}", Args: []string{string(id)}, Repeatable: true,
	}
	result, err := t.core.do(ctx, call, &s)
	if err != nil {
		return ThreatSummary{}, err
	}
	if result.Status == http.StatusNoContent { // a success that says nothing is no summary
		return ThreatSummary{}, &IncompleteError{Op: call.Op, Err: io.ErrUnexpectedEOF}
	}
	return s, nil
}

// UnmarshalJSON reads a summary in any of the known spellings and keeps a copy of it in Raw.
func (s *ThreatSummary) UnmarshalJSON(data []byte) error {
	read := ThreatSummary{Raw: bytes.Clone(data)}
	if err := readWhole(read.Raw, read.readFrom); err != nil {
		return err
	}
	*s = read
	return nil
}

func (s *ThreatSummary) readFrom(dec *jsontext.Decoder) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "id":
			return mustText(dec, &s.ID)
		case "identifiedAt":
			return mustTime(dec, &s.IdentifiedAt)
		case "name":
			return mustText(dec, &s.Name)
		case "type":
			return mustText(dec, &s.Type)
		case "category":
			return mustText(dec, &s.Category)
		case "status":
			return mustText(dec, &s.Status)
		case "detectionType":
			return text(dec, &s.DetectionType)
		case "severityScore", "severity":
			return integer(dec, &s.Severity)
		case "attackSpread":
			return integer(dec, &s.AttackSpread)
		case "notable":
			return boolean(dec, &s.Notable)
		case "verticallyTargeted", "verticals":
			return boolean(dec, &s.VerticallyTargeted)
		case "geoTargeted", "geographies":
			return boolean(dec, &s.GeoTargeted)
		default:
			return subjects(dec, name, map[string]*[]NamedSubject{
				"actors": &s.Actors, "families": &s.Families, "malware": &s.Malware, "techniques": &s.Techniques, "brands": &s.Brands,
			})
		}
	})
}

func readSubject(dec *jsontext.Decoder, s *NamedSubject) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "id":
			return text(dec, &s.ID)
		case "name":
			return text(dec, &s.Name)
		default:
			return errSkip
		}
	})
}
