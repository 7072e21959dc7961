package proofpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// Forensics tells what the sandboxes saw of a threat. Its answers hardly change, and the calls are few: keep them by id. Which of
// the two calls has 50 in 24 hours and which 1,800 is told in two ways.
type Forensics struct {
	core *core
}

// ForensicsOptions say what else to bring with the evidence on a threat.
type ForensicsOptions struct {
	// IncludeCampaign asks for the evidence on the campaign of the threat as well. Expect it in a report of its own, with the scope
	// [ScopeCampaign].
	IncludeCampaign bool
}

// ByThreat brings the evidence on a threat. A threat without any has no reports, or reports without evidence. It returns
// [ErrNotFound] for an id that the service does not know, and the reports together with a [*MalformedError] if some of the
// evidence cannot be read.
//
//api:op GET /v2/forensics
func (f *Forensics) ByThreat(ctx context.Context, id ThreatID, o ForensicsOptions) (ForensicReports, error) {
	query := url.Values{"threatId": {string(id)}}
	if o.IncludeCampaign {
		query.Set("includeCampaignForensics", "true")
	}
	return f.get(ctx, "forensics.by_threat", string(id), query, BucketForensicsThreat)
}

// ByCampaign brings the evidence on all threats of a campaign. Its errors are those of [Forensics.ByThreat].
func (f *Forensics) ByCampaign(ctx context.Context, id CampaignID) (ForensicReports, error) {
	return f.get(ctx, "forensics.by_campaign", string(id), url.Values{"campaignId": {string(id)}}, BucketForensicsCampaign)
}

func (f *Forensics) get(ctx context.Context, op, id string, query url.Values, bucket Bucket) (ForensicReports, error) {
	if id == "" {
		return ForensicReports{}, invalid(op, errors.New("the id is empty"))
	}
	var a forensicsAnswer
	result, err := f.core.do(ctx, rest.Call{
		Op: op, Method: http.MethodGet, Route: "/v2/forensics", Query: query, Repeatable: true, Pool: string(bucket),
	}, &a)
	if err != nil {
		return ForensicReports{}, err
	}
	if result.Status == http.StatusNoContent { // a success that says nothing is no report
		return ForensicReports{}, &IncompleteError{Op: op, Err: io.ErrUnexpectedEOF}
	}
	a.all.Reports = a.reports.good
	return a.all, malformed(op, append(a.bad, a.reports.bad...))
}

// ForensicReports are the reports on a threat or a campaign.
type ForensicReports struct {
	// Generated is when the service made them.
	Generated time.Time        `json:"generated,omitzero"`
	Reports   []ForensicReport `json:"reports,omitzero"`
	// Raw is the answer as it came.
	Raw []byte `json:"-"`
}

// ForensicReport is the evidence on one threat or one campaign.
type ForensicReport struct {
	Scope ForensicScope `json:"scope,omitzero"`
	// ID is a [ThreatID] or a [CampaignID], as Scope says.
	ID string `json:"id,omitzero"`
	// Name is the condemned URL, the SHA-256 of the file, or the name of the campaign.
	Name string `json:"name,omitzero"`
	// Type is no longer sent.
	Type ThreatType `json:"type,omitzero"`
	// ThreatStatus is empty in reports on campaigns.
	ThreatStatus ThreatStatus `json:"threatStatus,omitzero"`
	// Evidence has no order.
	Evidence []Evidence `json:"forensics,omitzero"`
}

// ForensicScope tells what a report is about. Compare with [ForensicScope.Is].
type ForensicScope string

// The scopes of reports.
const (
	ScopeThreat   ForensicScope = "THREAT"
	ScopeCampaign ForensicScope = "CAMPAIGN"
)

// Is compares without regard to case.
func (s ForensicScope) Is(other ForensicScope) bool {
	return strings.EqualFold(string(s), string(other))
}

// forensicsAnswer are reports as they are read: report by report, evidence by evidence.
type forensicsAnswer struct {
	all     ForensicReports
	reports rows[ForensicReport]
	bad     []Malformed // evidence
}

func (a *forensicsAnswer) UnmarshalJSON(data []byte) error {
	*a = forensicsAnswer{all: ForensicReports{Raw: bytes.Clone(data)}}
	return a.reports.answer(a.all.Raw, "reports", a.readReport, func(dec *jsontext.Decoder, name []byte) error {
		if string(name) != "generated" {
			return errSkip
		}
		return mustTime(dec, &a.all.Generated)
	})
}

func (a *forensicsAnswer) readReport(dec *jsontext.Decoder, r *ForensicReport) error {
	var evidence rows[Evidence]
	err := members(dec, func(name []byte) error {
		switch string(name) {
		case "scope":
			return mustText(dec, &r.Scope)
		case "id":
			return mustText(dec, &r.ID)
		case "name":
			return text(dec, &r.Name)
		case "type":
			return text(dec, &r.Type)
		case "threatStatus":
			return mustText(dec, &r.ThreatStatus)
		case "forensics":
			if dec.PeekKind() == jsontext.KindNull {
				return errSkip
			}
			return evidence.read(dec, readEvidence)
		default:
			return errSkip
		}
	})
	if err == nil {
		r.Evidence = evidence.good
		a.bad = append(a.bad, evidence.bad...)
	}
	return err
}
