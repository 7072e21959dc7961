package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf8"
)

// MaxNote is how many characters a note may have.
const MaxNote = 20_000

// Closure is what is said of alerts that are closed.
type Closure struct {
	// Reason is why they are closed. Defaults to ClosedWithoutReason.
	Reason ClosureReason
	// Determination is whether they were right. Defaults to leaving what is there.
	Determination Determination
	// Note is written to each of them. Defaults to none.
	Note string
}

// check refuses a reason that is a determination and the other way round, which the two lists of words invite.
func (c Closure) check() error {
	switch {
	case slices.Contains([]Determination{TruePositive, FalsePositive, NoDetermination}, Determination(c.Reason)):
		return fmt.Errorf("cbc: alerts.close: %s is a determination and no reason", c.Reason)
	case slices.Contains([]ClosureReason{
		ClosedWithoutReason, ClosedResolved, ClosedKnownGood, ClosedDuplicate, ClosedOther,
	}, ClosureReason(c.Determination)):
		return fmt.Errorf("cbc: alerts.close: %s is a reason and no determination", c.Determination)
	}
	return nil
}

// Close closes the alerts that q describes. It returns the job that does it: nothing has changed before [ServiceJob.Wait] says so. A
// query that restricts nothing but the time, the severity or the state is refused, because the vendor would take it for all alerts; so
// is an expression that finds any value. The call is not repeated when its answer is lost: nothing documents that it may be, the note
// would be there twice, and a second job could undo what somebody did meanwhile. A 429, which changes nothing, is waited out. It needs
// org.alerts.close (EXECUTE), and jobs.status (READ) to wait.
func (a *Alerts) Close(ctx context.Context, q AlertQuery, c Closure) (*ServiceJob, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Reason == "" {
		c.Reason = ClosedWithoutReason
	}
	return a.change(ctx, "alerts.close", q, workflowBody{Status: AlertClosed, Reason: c.Reason, Determination: c.Determination, Note: c.Note})
}

// Reopen opens alerts again, with a note on each of them unless that is empty. It is like [Alerts.Close] in all else.
func (a *Alerts) Reopen(ctx context.Context, q AlertQuery, note string) (*ServiceJob, error) {
	return a.change(ctx, "alerts.reopen", q, workflowBody{Status: AlertOpen, Note: note})
}

// Begin marks alerts as in progress, with a note on each of them unless that is empty. It is like [Alerts.Close] in all else.
func (a *Alerts) Begin(ctx context.Context, q AlertQuery, note string) (*ServiceJob, error) {
	return a.change(ctx, "alerts.begin", q, workflowBody{Status: AlertInProgress, Note: note})
}

type workflowBody struct {
	alertBody
	Status        WorkflowStatus `json:"status"`
	Reason        ClosureReason  `json:"closure_reason,omitzero"`
	Determination Determination  `json:"determination,omitzero"`
	Note          string         `json:"note,omitzero"`
}

// change starts the job that changes alerts.
//
//api:op POST /api/alerts/v7/orgs/{org_key}/alerts/workflow
func (a *Alerts) change(ctx context.Context, op string, q AlertQuery, body workflowBody) (*ServiceJob, error) {
	selected, err := q.body()
	problems := []error{err, q.noPages(op)}
	if !q.selects() {
		problems = append(problems, fmt.Errorf("cbc: %s: the query does not say which alerts: all of them are not changed at once", op))
	}
	if body.Note != "" {
		problems = append(problems, checkNote(op, body.Note))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	body.alertBody = selected
	call := a.c.call(op, http.MethodPost, "/api/alerts/v7/orgs/{org_key}/alerts/workflow")
	call.Body = body
	var answer struct {
		Request ServiceJobID `json:"request_id"`
	}
	if err := a.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.Request <= 0 {
		return nil, answerError(op, http.StatusOK, nil, errors.New("no request_id: whether alerts are changed is not known"))
	}
	return newServiceJob(a.c, answer.Request), nil
}

// selects tells whether the query chooses alerts. A time does not, and neither does a severity or a state, which every alert has: to close
// what is open is to close everything.
func (q AlertQuery) selects() bool {
	further := len(q.Criteria)
	if _, ok := q.Criteria["workflow_status"]; ok {
		further--
	}
	return len(q.IDs)+len(q.Types)+len(q.ThreatIDs)+len(q.DeviceIDs)+len(q.ProcessSHA256)+further > 0 || !findsAnything(q.Query)
}

func checkNote(op, text string) error {
	switch n := utf8.RuneCountInString(text); {
	case text == "":
		return fmt.Errorf("cbc: %s: the note is empty", op)
	case n > MaxNote:
		return fmt.Errorf("cbc: %s: the note has %d characters: want at most %d", op, n, MaxNote)
	case !utf8.ValidString(text):
		return fmt.Errorf("cbc: %s: the note is not UTF-8", op)
	}
	return nil
}
