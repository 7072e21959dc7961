package proofpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// People tells who is attacked most and who clicks most. Each of its calls costs one of 50 in 24 hours.
type People struct {
	core *core
}

// PeopleWindow is how many days back people are looked at.
type PeopleWindow int

// The windows that the service knows.
const (
	Last14Days PeopleWindow = 14
	Last30Days PeopleWindow = 30
	Last90Days PeopleWindow = 90
)

// The service's rules for lists of people.
const (
	// MaxAttackedPage is how many very attacked people one call brings. Whether it can be more is not documented.
	MaxAttackedPage = 1000
	// MaxClickersPage is how many top clickers one call brings at most.
	MaxClickersPage = 200
)

// PeopleQuery says which people to list.
type PeopleQuery struct {
	// Window is required: [Last14Days], [Last30Days] or [Last90Days].
	Window PeopleWindow
	// PageSize is how many people to ask for with one call. Defaults to the largest page, since calls are dear: [MaxAttackedPage] or
	// [MaxClickersPage].
	PageSize int
	// OnTotals is told what a page says of the whole list, before the people on it are yielded. Defaults to none.
	OnTotals func(PeopleTotals)
}

// PeopleTotals are what a page says of the whole list.
type PeopleTotals struct {
	// Users is how many people the list has.
	Users int
	// Interval is the time that was looked at.
	Interval Window
	// AverageAttackIndex and AttackIndexThreshold are those of the whole organization. People are very attacked from the threshold
	// on. Both are zero for top clickers.
	AverageAttackIndex   float64
	AttackIndexThreshold float64
}

// Person is somebody in the organization. All fields may be absent, and all are personal data.
type Person struct {
	// GUID is the service's own id. It need not be a UUID.
	GUID           string   `json:"guid,omitzero"`
	CustomerUserID string   `json:"customerUserId,omitzero"`
	Emails         []string `json:"emails,omitzero"`
	Name           string   `json:"name,omitzero"`
	Department     string   `json:"department,omitzero"`
	Location       string   `json:"location,omitzero"`
	Title          string   `json:"title,omitzero"`
	VIP            bool     `json:"vip,omitzero"`
}

// AttackedPerson is somebody whom many or severe threats were sent to.
type AttackedPerson struct {
	Person Person
	// AttackIndex weighs the threats.
	AttackIndex int
	// Families tell what the index is made of.
	Families []FamilyScore
	// Raw is the entry as it came.
	Raw []byte
}

// Clicker is somebody who clicked on threats.
type Clicker struct {
	Person Person
	// Clicks is how often.
	Clicks int
	// Families tell on what.
	Families []FamilyClicks
	// Raw is the entry as it came.
	Raw []byte
}

// FamilyScore is the part of an attack index that a family of threats has.
type FamilyScore struct {
	Name  string
	Score int
}

// FamilyClicks is how many clicks were on a family of threats.
type FamilyClicks struct {
	Name   string
	Clicks int
}

// VeryAttacked yields the very attacked people, the highest index first.
//
// It yields at most one error, last, like the sequences of [SIEM].
//
//api:op GET /v2/people/vap
func (p *People) VeryAttacked(ctx context.Context, q PeopleQuery) iter.Seq2[AttackedPerson, error] {
	key := func(a AttackedPerson) string { return a.Person.key(a.Raw) }
	return people(ctx, p, "people.vap", "/v2/people/vap", BucketVeryAttacked, q, MaxAttackedPage, key, readAttacked)
}

// TopClickers yields the people who clicked most.
//
// It yields at most one error, last, like the sequences of [SIEM].
//
//api:op GET /v2/people/top-clickers
func (p *People) TopClickers(ctx context.Context, q PeopleQuery) iter.Seq2[Clicker, error] {
	key := func(c Clicker) string { return c.Person.key(c.Raw) }
	return people(ctx, p, "people.top_clickers", "/v2/people/top-clickers", BucketTopClickers, q, MaxClickersPage, key, readClicker)
}

func people[T any](
	ctx context.Context, p *People, op, route string, bucket Bucket, q PeopleQuery, most int, key func(T) string, read func([]byte, *T) error,
) iter.Seq2[T, error] {
	if q.PageSize == 0 {
		q.PageSize = most
	}
	if err := q.check(most); err != nil {
		var none T
		return func(yield func(T, error) bool) { yield(none, invalid(op, err)) }
	}
	return paged(op, q.PageSize, key, func(page int) (rows[T], error) {
		query := url.Values{"window": {strconv.Itoa(int(q.Window))}, "size": {strconv.Itoa(q.PageSize)}, "page": {strconv.Itoa(page)}}
		a := peopleAnswer[T]{person: read}
		result, err := p.core.do(ctx, rest.Call{
			Op: op, Method: http.MethodGet, Route: route, Query: query, Repeatable: true, Pool: string(bucket),
		}, &a)
		if err == nil && result.Status == http.StatusNoContent { // a success that says nothing is no list
			err = &IncompleteError{Op: op, Err: io.ErrUnexpectedEOF}
		}
		if err == nil && q.OnTotals != nil {
			q.OnTotals(a.totals)
		}
		a.rows.total = a.totals.Users
		return a.rows, err
	})
}

func (q PeopleQuery) check(most int) error {
	var problems []error
	switch q.Window {
	case Last14Days, Last30Days, Last90Days:
	default:
		problems = append(problems, fmt.Errorf("the window has 14, 30 or 90 days, not %d", q.Window))
	}
	if q.PageSize < 0 || q.PageSize > most {
		problems = append(problems, fmt.Errorf("a page has from 1 to %d people, not %d", most, q.PageSize))
	}
	return errors.Join(problems...)
}

// key tells a person from others on several pages.
func (p Person) key(raw []byte) string {
	if p.GUID != "" {
		return p.GUID
	}
	return string(raw)
}

// peopleAnswer is one page.
type peopleAnswer[T any] struct {
	rows   rows[T]
	totals PeopleTotals
	person func([]byte, *T) error
}

func (a *peopleAnswer[T]) UnmarshalJSON(data []byte) error {
	row := func(dec *jsontext.Decoder, v *T) error {
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		return a.person(bytes.Clone(raw), v)
	}
	return a.rows.answer(data, "users", row, func(dec *jsontext.Decoder, name []byte) error {
		switch string(name) {
		case "totalVapUsers", "totalTopClickers":
			return integer(dec, &a.totals.Users)
		case "averageAttackIndex":
			return float(dec, &a.totals.AverageAttackIndex)
		case "vapAttackIndexThreshold":
			return float(dec, &a.totals.AttackIndexThreshold)
		case "interval":
			return readInterval(dec, &a.totals.Interval)
		default:
			return errSkip
		}
	})
}

// readInterval reads a start and an end with a slash between them.
func readInterval(dec *jsontext.Decoder, w *Window) error {
	var s string
	if err := text(dec, &s); err != nil {
		return err
	}
	from, to, _ := strings.Cut(s, "/")
	start, ok1 := parseTime(from)
	end, ok2 := parseTime(to)
	if ok1 && ok2 && !start.IsZero() && !end.IsZero() {
		*w = Window{Start: start, End: end}
	}
	return nil
}
