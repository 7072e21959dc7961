package cbc_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestAlertNotesAndTags(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(alarmed(1))
	a := connect(t, srv.Client()).Alerts
	ctx := t.Context()
	for _, on := range []struct {
		name string
		add  func(string) (cbc.AlertNote, error)
		list func() ([]cbc.AlertNote, error)
		del  func(cbc.NoteID) error
	}{
		{
			"alert", func(s string) (cbc.AlertNote, error) { return a.AddNote(ctx, "A-00000", s) },
			func() ([]cbc.AlertNote, error) { return a.Notes(ctx, "A-00000") }, func(id cbc.NoteID) error { return a.DeleteNote(ctx, "A-00000", id) },
		},
		{
			"threat", func(s string) (cbc.AlertNote, error) { return a.AddThreatNote(ctx, "T", s) },
			func() ([]cbc.AlertNote, error) { return a.ThreatNotes(ctx, "T") }, func(id cbc.NoteID) error { return a.DeleteThreatNote(ctx, "T", id) },
		},
	} {
		if notes, err := on.list(); err != nil || len(notes) != 0 {
			t.Errorf("%s: notes = %+v, %v, want none", on.name, notes, err)
		}
		first, err := on.add("first")
		if err != nil || first.Text != "first" || first.ID == "" || first.Author != cbctest.KeyID || first.Created.IsZero() {
			t.Errorf("%s: add = %+v, %v", on.name, first, err)
		}
		second, err := on.add("second")
		if err != nil {
			t.Fatal(err)
		}
		if err := on.del(first.ID); err != nil {
			t.Errorf("%s: delete = %v", on.name, err)
		}
		if err := on.del(first.ID); !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("%s: delete = %v, want ErrNotFound", on.name, err)
		}
		notes, err := on.list()
		if diff := cmp.Diff([]cbc.AlertNote{second}, notes); err != nil || diff != "" {
			t.Errorf("%s: notes, error %v (-want +got):\n%s", on.name, err, diff)
		}
	}
	if tags, err := a.ThreatTags(ctx, "T"); err != nil || !slices.Equal(tags, []string{"mail"}) {
		t.Errorf("ThreatTags = %q, %v, want mail", tags, err)
	}
	if tags, err := a.AddThreatTags(ctx, "T", "tap", "mail"); err != nil || !slices.Equal(tags, []string{"mail", "tap"}) {
		t.Errorf("AddThreatTags = %q, %v, want mail and tap", tags, err)
	}
	if tags, err := a.ThreatTags(ctx, "T"); err != nil || !slices.Equal(tags, []string{"mail", "tap"}) {
		t.Errorf("ThreatTags = %q, %v, want mail and tap", tags, err)
	}
}

func TestNotesThatDoNotAddUp(t *testing.T) {
	t.Parallel()
	const route = "GET /api/alerts/v7/orgs/{org_key}/alerts/{alert_id}/notes"
	for answer, want := range map[string]error{
		`{"results":[{"id":"1","note":"x"}],"num_found":2,"num_available":2}`: cbc.ErrTruncated,
		`{"results":[{"note":"x"},{"id":"1"}],"num_found":2}`:                 cbc.ErrIncomplete,
	} {
		client, _ := scripted(t, map[string][]string{route: {answer}})
		if notes, err := client.Alerts.Notes(t.Context(), "A"); !errors.Is(err, want) || len(notes) != 1 {
			t.Errorf("Notes of %s = %+v, %v, want one and %v", answer, notes, err, want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(alarmed(1))
		srv.FailNext(1, http.StatusBadGateway)
		if note, err := connect(t, srv.Client()).Alerts.AddNote(t.Context(), "A-00000", "once"); err == nil || len(srv.Requests()) != 1 {
			t.Errorf("AddNote = %+v, %v after %d requests, want the failure and no second note", note, err, len(srv.Requests()))
		}
	})
}
