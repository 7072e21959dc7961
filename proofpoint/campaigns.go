package proofpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// Campaigns tells about campaigns: threats of which Proofpoint holds that somebody sent them together.
type Campaigns struct {
	core *core
}

// The service's rules for lists of campaigns.
const (
	// MaxCampaignWindow is the longest time that can be asked for at once. The shortest is [MinWindow].
	MaxCampaignWindow = 24 * time.Hour
	// MaxCampaignPage is how many ids one call brings at most.
	MaxCampaignPage = 200
)

// CampaignQuery says which campaigns to list.
type CampaignQuery struct {
	// Window is when the campaigns were active, from [MinWindow] to [MaxCampaignWindow]. How far back it may lie is not documented.
	Window Window
	// PageSize is how many ids to ask for with one call, at most [MaxCampaignPage], which is also the default: calls are dear.
	PageSize int
}

// CampaignRef names a campaign.
type CampaignRef struct {
	ID            CampaignID `json:"id"`
	LastUpdatedAt time.Time  `json:"lastUpdatedAt,omitzero"`
}

// IDs yields the campaigns that were active in a window, in the order of their last update. It makes a call for each page, of which
// the service takes 50 in 24 hours: a window of a day costs no more than one of an hour. No campaign at all is an empty sequence.
//
// It yields at most one error, last, like the sequences of [SIEM].
//
//api:op GET /v2/campaign/ids
func (c *Campaigns) IDs(ctx context.Context, q CampaignQuery) iter.Seq2[CampaignRef, error] {
	const op = "campaigns.ids"
	size := q.PageSize
	if size == 0 {
		size = MaxCampaignPage
	}
	if err := q.check(); err != nil {
		return func(yield func(CampaignRef, error) bool) { yield(CampaignRef{}, invalid(op, err)) }
	}
	key := func(r CampaignRef) string { return string(r.ID) }
	return paged(op, size, key, func(page int) (rows[CampaignRef], error) {
		query := url.Values{"interval": {q.Window.interval()}, "size": {strconv.Itoa(size)}, "page": {strconv.Itoa(page)}}
		var a campaignList
		_, err := c.core.do(ctx, rest.Call{
			Op: op, Method: http.MethodGet, Route: "/v2/campaign/ids", Query: query, Repeatable: true, Pool: string(BucketCampaignIDs),
		}, &a)
		if nothing(err) {
			return rows[CampaignRef]{}, nil
		}
		return a.rows, err
	})
}

func (q CampaignQuery) check() error {
	problems := []error{q.Window.checkSpan(MaxCampaignWindow)}
	if q.PageSize < 0 || q.PageSize > MaxCampaignPage {
		problems = append(problems, fmt.Errorf("a page has from 1 to %d ids, not %d", MaxCampaignPage, q.PageSize))
	}
	return errors.Join(problems...)
}

// nothing tells whether a 404 means that there is none. The service says that with no body or with a sentence; a page comes from
// something else that does not know the path.
func nothing(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	return ok && e.StatusCode == http.StatusNotFound && !looksLikeHTML(string(e.Body))
}

type campaignList struct{ rows[CampaignRef] }

func (l *campaignList) UnmarshalJSON(data []byte) error {
	return l.answer(data, "campaigns", readCampaignRef, func(*jsontext.Decoder, []byte) error { return errSkip })
}

func readCampaignRef(dec *jsontext.Decoder, r *CampaignRef) error {
	err := members(dec, func(name []byte) error {
		switch string(name) {
		case "id":
			return mustText(dec, &r.ID)
		case "lastUpdatedAt":
			return mustTime(dec, &r.LastUpdatedAt)
		default:
			return errSkip
		}
	})
	if err == nil && r.ID == "" {
		err = errors.New("no id")
	}
	return err
}

// Get reads a campaign with its members. It is not throttled. It returns [ErrNotFound] for an id that the service does not know,
// and the campaign together with a [*MalformedError] if some of its members cannot be read.
//
//api:op GET /v2/campaign/{campaignId}
func (c *Campaigns) Get(ctx context.Context, id CampaignID) (Campaign, error) {
	call := rest.Call{
		Op: "campaigns.get", Method: http.MethodGet,
		Route: "/v2/campaign/{campaignId}", Args: []string{string(id)}, Repeatable: true,
	}
	var a campaignAnswer
	result, err := c.core.do(ctx, call, &a)
	if err != nil {
		return Campaign{}, err
	}
	if result.Status == http.StatusNoContent { // a success that says nothing is no campaign
		return Campaign{}, &IncompleteError{Op: call.Op, Err: io.ErrUnexpectedEOF}
	}
	a.campaign.Members = a.members.good
	return a.campaign, malformed(call.Op, a.members.bad)
}
