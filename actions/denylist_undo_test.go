package actions_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/actions"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/hunt"
)

const (
	ourBan   = "Attachment condemned by Proofpoint TAP (malware, threat t1), set by pphunt"
	madeUp   = "0123456789abcdef0123456789abcdef"
	otherBan = "fedcba9876543210fedcba9876543210"
)

func TestDenylistUndo(t *testing.T) {
	t.Parallel()
	file := hash(1).String()
	const created, unrecorded = `{"overrides":[],"created":"` + madeUp + `"}`, `{"overrides":[]}`
	for _, c := range []struct {
		name   string
		before string
		there  []cbctest.Override
		status hunt.Status
		detail string
		left   []string
	}{
		{"deletes our ban", created, []cbctest.Override{{ID: madeUp, SHA256: file}}, hunt.Undone, "is deleted", nil},
		{"deletes our ban whatever the case of its id", `{"overrides":[],"created":"` + strings.ToUpper(madeUp) + `"}`, []cbctest.Override{{ID: madeUp, SHA256: file}}, hunt.Undone, "is deleted", nil},
		{"tells of another ban", created, []cbctest.Override{{ID: madeUp, SHA256: file}, {ID: otherBan, SHA256: file, CreatedBy: "kim@corp.example"}}, hunt.Undone, "stays banned by override " + otherBan + " by kim@corp.example", []string{otherBan}},
		{"finds nothing left", created, nil, hunt.Already, "gone", nil},
		{"leaves an allow in its place", created, []cbctest.Override{{ID: otherBan, SHA256: file, List: "WHITE_LIST"}}, hunt.Held, "WHITE_LIST", []string{otherBan}},
		{"leaves another ban in its place", created, []cbctest.Override{{ID: otherBan, SHA256: file, Description: ourBan}}, hunt.Held, "in the place of our ban", []string{otherBan}},
		{"leaves what was changed into an allow", created, []cbctest.Override{{ID: madeUp, SHA256: file, List: "WHITE_LIST"}}, hunt.Held, "list WHITE_LIST now", []string{madeUp}},
		{"knows our ban by its words", unrecorded, []cbctest.Override{{ID: madeUp, SHA256: file, Description: ourBan}, {ID: otherBan, SHA256: file}}, hunt.Undone, "", []string{otherBan}},
		{"leaves a ban of other words", unrecorded, []cbctest.Override{{ID: otherBan, SHA256: file, Description: "phishing"}}, hunt.Held, "not known to be ours", []string{otherBan}},
		{"leaves an allow of our words", unrecorded, []cbctest.Override{{ID: otherBan, SHA256: file, List: "WHITE_LIST", Description: ourBan}}, hunt.Held, "", []string{otherBan}},
		{
			"leaves two of our words", unrecorded,
			[]cbctest.Override{{ID: madeUp, SHA256: file, Description: ourBan}, {ID: otherBan, SHA256: file, Description: ourBan}},
			hunt.Held, "which of 2",
			[]string{madeUp, otherBan},
		},
		{"leaves what was there before", `{"overrides":[{"id":"` + madeUp + `","list":"BLACK_LIST"}]}`, []cbctest.Override{{ID: madeUp, SHA256: file, Description: ourBan}}, hunt.Held, "", []string{madeUp}},
		{"leaves what nobody recorded", "", []cbctest.Override{{ID: madeUp, SHA256: file, Description: ourBan}}, hunt.Held, "not recorded", []string{madeUp}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := cbctest.New(cbctest.World{Overrides: c.there})
				task := hashTask("denylist", 1)
				task.Undo, task.Before = true, []byte(c.before)
				o := takeBack(t, actions.NewDenylist(connect(t, srv.Client()).Reputation), task, func() bool { return len(srv.Overrides()) != len(c.there) })
				expect(t, o, c.status, c.detail)
				var left []string
				for _, o := range srv.Overrides() {
					left = append(left, o.ID)
				}
				if diff := cmp.Diff(c.left, left); diff != "" {
					t.Errorf("overrides mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestDenylistThereAndBack(t *testing.T) {
	t.Parallel()
	const search = "POST /appservices/v6/orgs/{org_key}/reputations/overrides/_search"
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{})
		a := actions.NewDenylist(connect(t, srv.Client()).Reputation)
		task := planTask(t, a, hashTask("denylist", 1))
		if string(task.Before) != `{"overrides":[]}` {
			t.Errorf("the state before is %s", task.Before)
		}
		asked := calls(srv, search)
		banned := only(t, a.Do(t.Context(), []hunt.Task{task}))
		expect(t, banned, hunt.Done)
		if n := calls(srv, search) - asked; n != 0 {
			t.Errorf("Do read the overrides again: %d calls", n)
		}
		// The process may die before it hears of the id: then what was noted before must do.
		crashed := undoOf(banned)
		crashed.Before = task.Before
		expect(t, takeBack(t, a, crashed, never), hunt.Undone)
		if left := srv.Overrides(); len(left) != 0 {
			t.Errorf("overrides = %+v, want none", left)
		}
	})
}

func TestDenylistUndoFails(t *testing.T) {
	t.Parallel()
	for status, refused := range map[int]bool{http.StatusForbidden: true, http.StatusBadRequest: true, http.StatusUnauthorized: false, http.StatusConflict: false} {
		synctest.Test(t, func(t *testing.T) {
			srv := cbctest.New(cbctest.World{Overrides: []cbctest.Override{{ID: madeUp, SHA256: hash(1).String()}}})
			srv.Inject(func(r *http.Request) bool { return r.Method == http.MethodDelete }, -1, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			})
			task := hashTask("denylist", 1)
			task.Undo, task.Before = true, []byte(`{"overrides":[],"created":"`+madeUp+`"}`)
			o := only(t, actions.NewDenylist(connect(t, srv.Client()).Reputation).(hunt.Undoer).Undo(t.Context(), []hunt.Task{task}))
			expect(t, o, hunt.Failed, "undo")
			if o.Refused != refused {
				t.Errorf("status %d: Refused = %t, want %t", status, o.Refused, refused)
			}
		})
	}
}

func TestDenylistLeavesTheEmptyFileAlone(t *testing.T) {
	t.Parallel()
	empty := sha256.Sum256(nil)
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(cbctest.World{})
		task := hashTask("denylist", 1)
		task.Target = strings.ToUpper(hex.EncodeToString(empty[:]))
		a := actions.NewDenylist(connect(t, srv.Client()).Reputation)
		expect(t, only(t, a.(hunt.Looker).Look(t.Context(), []hunt.Task{task})), hunt.Held, "empty file")
		expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Held, "empty file")
		task.Before = []byte(`{"overrides":[]}`)
		expect(t, only(t, a.Do(t.Context(), []hunt.Task{task})), hunt.Held, "empty file")
		if left := srv.Overrides(); len(left) != 0 {
			t.Errorf("overrides = %+v, want none", left)
		}
	})
}
