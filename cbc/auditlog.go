package cbc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pphunt/pphunt/internal/rest"
)

// auditPage is how many entries are read at a time.
const auditPage = 1000

// AuditLog reads what people and API keys have done in the organization.
type AuditLog struct{ c *core }

// AuditEntry is something that somebody did.
type AuditEntry struct {
	Time time.Time `json:"create_time"`
	// Actor is a user's address or the id of an API key.
	Actor   string `json:"actor"`
	ActorIP string `json:"actor_ip,omitzero"`
	// Description is what was done, in words.
	Description string `json:"description"`
	// RequestURL is what was called. Usually empty.
	RequestURL string `json:"request_url,omitzero"`
	// Flagged marks what is out of the ordinary, Verbose what is of interest to few.
	Flagged bool   `json:"flagged,omitzero"`
	Verbose bool   `json:"verbose,omitzero"`
	OrgKey  string `json:"org_key,omitzero"`
	// Raw is the entry as it came, as evidence.
	Raw []byte `json:"-"`
}

// decodeAuditEntry reads an entry. One that says neither when nor what is none.
func decodeAuditEntry(raw jsontext.Value, options json.Options) (AuditEntry, error) {
	var e AuditEntry
	if err := json.Unmarshal(raw, &e, options); err != nil {
		return AuditEntry{}, err
	}
	if e.Time.IsZero() && e.Description == "" {
		return AuditEntry{}, errors.New("an entry without create_time and description")
	}
	e.Raw = bytes.Clone(raw)
	return e, nil
}

// AuditQuery says which entries. The values of a field are alternatives; all fields must match. The zero value is everything that the
// vendor holds.
type AuditQuery struct {
	Actors   []string
	ActorIPs []string
	// Flagged and Verbose ask for entries that are so, or are not. Defaults to both.
	Flagged, Verbose *bool
	// Criteria are further fields with the values that they may have, taken literally. Exclusions are those that they must not have.
	Criteria   map[string][]string
	Exclusions map[string][]string
	// Query is a search expression. One that only excludes finds nothing here: use Exclusions.
	Query Expr
	// Window is how far to look back from now, in whole seconds. Defaults to everything.
	Window time.Duration
	// Start and End bound the entries instead of Window. Give both or none.
	Start, End time.Time
	// Rows is the size of a page, for a search alone. Defaults to 1,000.
	Rows int
	// Sort is the order. Defaults to the oldest first, which what is added meanwhile does not disturb.
	Sort []Sort
}

// auditBody is a selection of entries on the wire.
type auditBody struct {
	Criteria   map[string]any      `json:"criteria,omitzero"`
	Exclusions map[string][]string `json:"exclusions,omitzero"`
	Query      string              `json:"query,omitzero"`
	Sort       []sortBy            `json:"sort"`
}

func (q AuditQuery) body() (auditBody, error) {
	body := auditBody{Criteria: map[string]any{}, Exclusions: q.Exclusions}
	problems := []error{checkCriteria(q.Criteria), checkCriteria(q.Exclusions)}
	if len(q.Actors) > 0 {
		body.Criteria["actor"] = q.Actors
	}
	if len(q.ActorIPs) > 0 {
		body.Criteria["actor_ip"] = q.ActorIPs
	}
	if slices.Contains(q.Actors, "") || slices.Contains(q.ActorIPs, "") {
		problems = append(problems, errors.New("cbc: query: an actor is empty"))
	}
	if q.Flagged != nil {
		body.Criteria["flagged"] = *q.Flagged
	}
	if q.Verbose != nil {
		body.Criteria["verbose"] = *q.Verbose
	}
	if q.Window != 0 || !q.Start.IsZero() || !q.End.IsZero() {
		reach, err := selection{window: q.Window, start: q.Start, end: q.End}.timeRange()
		problems = append(problems, err)
		body.Criteria["create_time"] = spanBody{Range: reach.Window, Start: reach.Start, End: reach.End}
	}
	for field, values := range q.Criteria {
		_, twice := body.Criteria[field]
		if twice || slices.Contains([]string{"create_time", "flagged", "verbose"}, field) {
			problems = append(problems, fmt.Errorf("cbc: query: %s is in Criteria and has a field of its own", field))
			continue
		}
		body.Criteria[field] = values
	}
	if !q.Query.IsZero() {
		text, err := q.Query.buildFor("")
		problems = append(problems, err)
		body.Query = text
	}
	order := q.Sort
	if len(order) == 0 {
		order = []Sort{{Field: "create_time"}}
	}
	var err error
	body.Sort, err = sortBody(order)
	return body, errors.Join(append(problems, err)...)
}

// Search yields the entries that q describes. It yields at most one error, last. A search reaches 10,000 entries; one that finds more
// ends with an [ErrTruncated]: narrow the span, or export. It needs org.audits (READ).
//
//api:op POST /audit_log/v1/orgs/{org_key}/logs/_search
func (l *AuditLog) Search(ctx context.Context, q AuditQuery) iter.Seq2[AuditEntry, error] {
	const op = "audit_log.search"
	return func(yield func(AuditEntry, error) bool) {
		selected, err := q.body()
		size := q.Rows
		if size == 0 {
			size = auditPage
		}
		if size < 0 || size > MaxRows {
			err = errors.Join(err, fmt.Errorf("cbc: audit_log.search: Rows is %d: want 1 to %d", q.Rows, MaxRows))
		}
		if err != nil {
			yield(AuditEntry{}, err)
			return
		}
		body := struct {
			auditBody
			Rows  int `json:"rows"`
			Start int `json:"start"`
		}{auditBody: selected}
		listing[AuditEntry]{op: op, decode: decodeAuditEntry, call: func(seen int) rest.Call {
			body.Rows, body.Start = min(size, MaxRows-seen), seen
			call := l.c.call(op, http.MethodPost, "/audit_log/v1/orgs/{org_key}/logs/_search")
			call.Body, call.Repeatable = body, true
			return call
		}}.all(ctx, l.c)(yield)
	}
}

// AuditFormat is the form of an export.
type AuditFormat string

// The forms that the vendor knows.
const (
	AuditCSV  AuditFormat = "csv"
	AuditJSON AuditFormat = "json"
)

// Export writes the entries that q describes to a file, however many they are. It returns the job that does it, whose Download is the
// file. A second export costs a second file and harms nothing, so that the call is repeated when its answer is lost. It needs
// org.audits (READ), and jobs.status (READ) for the file.
//
//api:op POST /audit_log/v1/orgs/{org_key}/logs/_export
func (l *AuditLog) Export(ctx context.Context, q AuditQuery, format AuditFormat) (*ServiceJob, error) {
	const op = "audit_log.export"
	selected, err := q.body()
	problems := []error{err}
	if strings.TrimSpace(string(format)) == "" {
		problems = append(problems, fmt.Errorf("cbc: %s: the format is empty", op))
	}
	if q.Rows != 0 {
		problems = append(problems, fmt.Errorf("cbc: %s: Rows is for searches", op))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	call := l.c.call(op, http.MethodPost, "/audit_log/v1/orgs/{org_key}/logs/_export")
	call.Body = struct {
		auditBody
		Format AuditFormat `json:"format"`
	}{selected, format}
	call.Repeatable = true
	var answer struct {
		Job ServiceJobID `json:"job_id"`
	}
	if err := l.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Job <= 0 {
		return nil, answerError(op, http.StatusOK, nil, errors.New("no job_id"))
	}
	return newServiceJob(l.c, answer.Job), nil
}

// Queue takes the next entries, oldest first, from the queue that the vendor keeps for each API key; none if nothing is new. To read
// is to take: an entry is handed out once, whoever calls with the same key, and one that is lost on its way is gone from the queue.
// So the call is not repeated after it may have reached the vendor, but for a 429, which hands out nothing: the caller hears of the
// failure, and reads the time since the last entry that arrived with [AuditLog.Search]. Entries that cannot be read do not cost the
// others: they are returned with Raw alone, together with an [*IncompleteError] that counts them. More may be waiting after a call
// that brought any. It needs org.audits (READ).
//
//api:op GET /audit_log/v1/orgs/{org_key}/logs/_queue
func (l *AuditLog) Queue(ctx context.Context) ([]AuditEntry, error) {
	const op = "audit_log.queue"
	call := l.c.call(op, http.MethodGet, "/audit_log/v1/orgs/{org_key}/logs/_queue")
	var answer struct {
		Results *[]jsontext.Value `json:"results"`
	}
	if err := l.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Results == nil {
		return nil, answerError(op, http.StatusOK, nil, errors.New("no results"))
	}
	options := forgiving()
	var entries []AuditEntry
	var trouble error
	unreadable := 0
	for _, raw := range *answer.Results {
		e, err := decodeAuditEntry(raw, options)
		if err != nil {
			unreadable++
			trouble = fmt.Errorf("%d entries could not be read, the last one because: %w", unreadable, err)
			e = AuditEntry{Raw: bytes.Clone(raw)}
		}
		entries = append(entries, e)
	}
	if trouble != nil {
		return entries, &IncompleteError{Op: op, Status: Status{Available: len(entries)}, Unreadable: unreadable, Err: trouble}
	}
	return entries, nil
}
