package cbc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// NoteID identifies a note. It is opaque.
type NoteID string

// AlertNote is a note on an alert or on a threat.
type AlertNote struct {
	ID NoteID `json:"id"`
	// Author is a user's address or the id of an API key.
	Author  string    `json:"author,omitzero"`
	Text    string    `json:"note"`
	Created time.Time `json:"create_timestamp,omitzero"`
	Updated time.Time `json:"last_update_timestamp,omitzero"`
	// Source is who keeps the note, such as CUSTOMER.
	Source string `json:"source,omitzero"`
	// ParentID is the note that this one answers, if it does.
	ParentID NoteID `json:"parent_id,omitzero"`
}

func decodeNote(raw jsontext.Value, options json.Options) (AlertNote, error) {
	var n AlertNote
	if err := json.Unmarshal(raw, &n, options); err != nil {
		return AlertNote{}, err
	}
	if n.ID == "" {
		return AlertNote{}, errors.New("a note without an id")
	}
	return n, nil
}

// The routes of notes. Those of a threat are for all of its alerts.
const (
	alertNotes  = "/api/alerts/v7/orgs/{org_key}/alerts/{alert_id}/notes"
	threatNotes = "/api/alerts/v7/orgs/{org_key}/threats/{threat_id}/notes"
)

// Notes lists the notes on an alert. An answer with fewer notes than it counts, or with some that cannot be read, comes with an
// [*IncompleteError]. It needs org.alerts.notes (READ).
//
//api:op GET /api/alerts/v7/orgs/{org_key}/alerts/{alert_id}/notes
func (a *Alerts) Notes(ctx context.Context, id AlertID) ([]AlertNote, error) {
	return a.notes(ctx, "alerts.notes", alertNotes, "alert id", string(id))
}

// ThreatNotes lists the notes on a threat, like [Alerts.Notes]. It needs org.alerts.notes (READ).
//
//api:op GET /api/alerts/v7/orgs/{org_key}/threats/{threat_id}/notes
func (a *Alerts) ThreatNotes(ctx context.Context, id ThreatID) ([]AlertNote, error) {
	return a.notes(ctx, "alerts.threat_notes", threatNotes, "threat id", string(id))
}

func (a *Alerts) notes(ctx context.Context, op, route, what, id string) ([]AlertNote, error) {
	if err := checkID(op, what, id); err != nil {
		return nil, err
	}
	call := a.c.call(op, http.MethodGet, route, id)
	call.Repeatable = true
	var answer listingPage
	if err := a.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	page, err := answer.page(op)
	if err != nil {
		return nil, err
	}
	page.Available = len(page.Results) // there are no further pages
	var notes []AlertNote
	r := rowReader[AlertNote]{decode: decodeNote}
	r.read(page, func(n AlertNote, _ error) bool {
		notes = append(notes, n)
		return true
	})
	return notes, r.verdict(op, page)
}

// AddNote writes a note of at most MaxNote characters to an alert. It is not repeated when its answer is lost: the note would be
// there twice. It needs org.alerts.notes (CREATE).
//
//api:op POST /api/alerts/v7/orgs/{org_key}/alerts/{alert_id}/notes
func (a *Alerts) AddNote(ctx context.Context, id AlertID, text string) (AlertNote, error) {
	return a.addNote(ctx, "alerts.add_note", alertNotes, "alert id", string(id), text)
}

// AddThreatNote writes a note to a threat, like [Alerts.AddNote]. It needs org.alerts.notes (CREATE).
//
//api:op POST /api/alerts/v7/orgs/{org_key}/threats/{threat_id}/notes
func (a *Alerts) AddThreatNote(ctx context.Context, id ThreatID, text string) (AlertNote, error) {
	return a.addNote(ctx, "alerts.add_threat_note", threatNotes, "threat id", string(id), text)
}

func (a *Alerts) addNote(ctx context.Context, op, route, what, id, text string) (AlertNote, error) {
	if err := errors.Join(checkID(op, what, id), checkNote(op, text)); err != nil {
		return AlertNote{}, err
	}
	call := a.c.call(op, http.MethodPost, route, id)
	call.Body = struct {
		Note string `json:"note"`
	}{text}
	var raw jsontext.Value
	if err := a.c.do(ctx, call, &raw); err != nil {
		return AlertNote{}, err
	}
	note, err := decodeNote(raw, forgiving())
	if err != nil {
		return AlertNote{}, answerError(op, http.StatusOK, raw, err)
	}
	return note, nil
}

// DeleteNote takes a note from an alert, [ErrNotFound] if it is not there. To delete twice is to delete once, so that the call is
// repeated when its answer is lost; the answer then is [ErrNotFound] as well. It needs org.alerts.notes (DELETE).
//
//api:op DELETE /api/alerts/v7/orgs/{org_key}/alerts/{alert_id}/notes/{note_id}
func (a *Alerts) DeleteNote(ctx context.Context, id AlertID, note NoteID) error {
	return a.deleteNote(ctx, "alerts.delete_note", alertNotes, "alert id", string(id), note)
}

// DeleteThreatNote takes a note from a threat, like [Alerts.DeleteNote]. It needs org.alerts.notes (DELETE).
//
//api:op DELETE /api/alerts/v7/orgs/{org_key}/threats/{threat_id}/notes/{note_id}
func (a *Alerts) DeleteThreatNote(ctx context.Context, id ThreatID, note NoteID) error {
	return a.deleteNote(ctx, "alerts.delete_threat_note", threatNotes, "threat id", string(id), note)
}

func (a *Alerts) deleteNote(ctx context.Context, op, route, what, id string, note NoteID) error {
	if err := errors.Join(checkID(op, what, id), checkID(op, "note id", note)); err != nil {
		return err
	}
	call := a.c.call(op, http.MethodDelete, route+"/{note_id}", id, string(note))
	call.Repeatable = true
	return a.c.do(ctx, call, nil)
}

// ThreatTags are the tags of a threat. It needs org.alerts.tags (READ).
//
//api:op GET /api/alerts/v7/orgs/{org_key}/threats/{threat_id}/tags
func (a *Alerts) ThreatTags(ctx context.Context, id ThreatID) ([]string, error) {
	return a.tags(ctx, "alerts.threat_tags", http.MethodGet, id, nil)
}

// AddThreatTags tags a threat and returns the tags that the vendor answers with. A tag that is there stays as it is, so that the call
// is repeated when its answer is lost. It needs org.alerts.tags (CREATE).
//
//api:op POST /api/alerts/v7/orgs/{org_key}/threats/{threat_id}/tags
func (a *Alerts) AddThreatTags(ctx context.Context, id ThreatID, tags ...string) ([]string, error) {
	const op = "alerts.add_threat_tags"
	if len(tags) == 0 || slices.ContainsFunc(tags, func(tag string) bool { return strings.TrimSpace(tag) == "" }) {
		return nil, fmt.Errorf("cbc: %s: no tag, or an empty one", op)
	}
	return a.tags(ctx, op, http.MethodPost, id, struct {
		Tags []string `json:"tags"`
	}{tags})
}

func (a *Alerts) tags(ctx context.Context, op, method string, id ThreatID, body any) ([]string, error) {
	if err := checkID(op, "threat id", id); err != nil {
		return nil, err
	}
	call := a.c.call(op, method, "/api/alerts/v7/orgs/{org_key}/threats/{threat_id}/tags", string(id))
	call.Body, call.Repeatable = body, true
	// One method answers with the first member, the other with the second.
	var answer struct {
		Tags jsontext.Value `json:"tags"`
		List jsontext.Value `json:"list"`
	}
	if err := a.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	for _, raw := range []jsontext.Value{answer.Tags, answer.List} {
		if raw.Kind() == '[' {
			tags, _ := listOf(asText[string])(raw)
			return tags, nil
		}
	}
	return nil, answerError(op, http.StatusOK, nil, errors.New("neither tags nor list"))
}

// AlertChange is an entry of the history of an alert. Its form is documented nowhere: what is known of it is decoded, the rest is in Raw.
type AlertChange struct {
	// Time is when it happened, zero if that was not found.
	Time time.Time
	// Workflow, Determination and Note are what the entry says of them; zero for the others.
	Workflow      AlertWorkflow
	Determination AlertDetermination
	Note          AlertNote
	// Raw is the entry as it came.
	Raw []byte
}

// History lists what has become of an alert, as the vendor orders it. It needs org.alerts (READ).
//
//api:op GET /api/alerts/v7/orgs/{org_key}/alerts/{alert_id}/history
func (a *Alerts) History(ctx context.Context, id AlertID) ([]AlertChange, error) {
	const op = "alerts.history"
	if err := checkID(op, "alert id", id); err != nil {
		return nil, err
	}
	call := a.c.call(op, http.MethodGet, "/api/alerts/v7/orgs/{org_key}/alerts/{alert_id}/history", string(id))
	call.Repeatable = true
	var answer struct {
		History *[]jsontext.Value `json:"history"`
	}
	if err := a.c.do(ctx, call, &answer); err != nil {
		return nil, err
	}
	if answer.History == nil {
		return nil, answerError(op, http.StatusOK, nil, errors.New("no history"))
	}
	changes := make([]AlertChange, len(*answer.History))
	for i, raw := range *answer.History {
		changes[i] = decodeChange(raw, forgiving())
	}
	return changes, nil
}

// decodeChange takes from an entry what it can.
func decodeChange(raw jsontext.Value, options json.Options) AlertChange {
	change := AlertChange{Raw: bytes.Clone(raw)}
	fields, ok := object(raw)
	if !ok {
		return change
	}
	change.Workflow = decodePart[AlertWorkflow](fields["workflow"], options)
	change.Determination = decodePart[AlertDetermination](fields["determination"], options)
	change.Note = decodePart[AlertNote](fields["note"], options)
	for _, name := range []string{"change_timestamp", "timestamp", "create_timestamp", "create_time", "time"} {
		if t, ok := asTime(fields[name]); ok {
			change.Time = t
			return change
		}
	}
	for _, t := range []time.Time{change.Workflow.Changed, change.Determination.Changed, change.Note.Created} {
		if !t.IsZero() {
			change.Time = t
			break
		}
	}
	return change
}
