package cbc_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestAlertWorkflow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := cbctest.New(alarmed(3))
		a := connect(t, srv.Client()).Alerts
		some := cbc.AlertQuery{IDs: []cbc.AlertID{"A-00000", "A-00002"}}
		states := func() string {
			t.Helper()
			alerts, err := gather(a.Search(t.Context(), cbc.AlertQuery{Sort: []cbc.Sort{{Field: "id"}}}))
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, alert := range alerts {
				all = append(all, fmt.Sprint(alert.Workflow.Status, "/", alert.Workflow.ClosureReason, "/", alert.Determination.Value))
			}
			return strings.Join(all, " ")
		}
		open := "OPEN/NO_REASON/NONE"
		job, err := a.Close(t.Context(), some, cbc.Closure{Reason: cbc.ClosedResolved, Determination: cbc.TruePositive, Note: "file deleted"})
		if err != nil {
			t.Fatal(err)
		}
		if got := states(); got != open+" "+open+" "+open {
			t.Errorf("before the job is done the alerts are %s", got)
		}
		if info, err := job.Wait(t.Context()); err != nil || info.Status != cbc.ServiceJobCompleted {
			t.Fatalf("Wait = %+v, %v", info, err)
		}
		closed := "CLOSED/RESOLVED/TRUE_POSITIVE"
		if got := states(); got != closed+" "+open+" "+closed {
			t.Errorf("after it they are %s", got)
		}
		for _, call := range []struct {
			start func() (*cbc.ServiceJob, error)
			want  cbc.WorkflowStatus
		}{
			{func() (*cbc.ServiceJob, error) { return a.Reopen(t.Context(), some, "") }, cbc.AlertOpen},
			{func() (*cbc.ServiceJob, error) { return a.Begin(t.Context(), some, "looking") }, cbc.AlertInProgress},
			{func() (*cbc.ServiceJob, error) {
				return a.Close(t.Context(), cbc.AlertQuery{Query: cbc.Field("threat_id").AnyOf("T")}, cbc.Closure{})
			}, cbc.AlertClosed},
		} {
			job, err := call.start()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := job.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if alert, err := a.Get(t.Context(), "A-00002"); err != nil || alert.Workflow.Status != call.want {
				t.Errorf("Get = %+v, %v, want it to be %s", alert.Workflow, err, call.want)
			}
		}
		history, err := a.History(t.Context(), "A-00002")
		if err != nil {
			t.Fatal(err)
		}
		var statuses []cbc.WorkflowStatus
		for _, change := range history {
			if s := change.Workflow.Status; s != "" && !slices.Contains(statuses, s) {
				statuses = append(statuses, s)
			}
			if change.Time.IsZero() || len(change.Raw) == 0 {
				t.Errorf("an entry without a time or raw text: %+v", change)
			}
		}
		if len(statuses) < 3 {
			t.Errorf("History tells %v, want all states", statuses)
		}
	})
}

func TestAlertWorkflowIsRepeatedOnlyIfItWasTurnedAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for status, want := range map[int]int{http.StatusBadGateway: 1, http.StatusServiceUnavailable: 1, http.StatusTooManyRequests: 2} {
			srv := cbctest.New(alarmed(1))
			srv.FailNext(1, status)
			_, err := connect(t, srv.Client()).Alerts.Close(t.Context(), cbc.AlertQuery{IDs: []cbc.AlertID{"A-00000"}}, cbc.Closure{})
			if n := count(operations(srv), opWorkflow); n != want || (err == nil) != (want == 2) {
				t.Errorf("Close after a %d was sent %d times, %v, want %d", status, n, err, want)
			}
		}
	})
	client, _ := scripted(t, map[string][]string{opWorkflow: {`{}`}})
	if job, err := client.Alerts.Close(t.Context(), cbc.AlertQuery{IDs: []cbc.AlertID{"a"}}, cbc.Closure{}); err == nil {
		t.Errorf("Close without a request_id = %v", job)
	}
}
