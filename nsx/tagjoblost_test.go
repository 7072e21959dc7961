package nsx_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/nsx"
)

// An operation that the manager has is one that was accepted, whatever became of its answer.
func TestOperationsThatMayHaveBeenAccepted(t *testing.T) {
	t.Parallel()
	operation := nsx.TagOperation{Tag: quarantine, AddTo: []nsx.ExternalID{"vm-a"}}
	there := ok(`{"tag":{"scope":"quarantine","tag":"malicious-file"},"apply_to":[{"resource_ids":["vm-a"]}]}`)
	for name, lost := range map[string]canned{
		"a gateway gave up":       {status: http.StatusGatewayTimeout, body: "<html>"},
		"a page of a gateway":     ok("<html>"),
		"a revision that is old":  {status: http.StatusNotFound, body: `{"error_code":500090}`},
		"a revision, as a number": {status: http.StatusBadRequest, body: `{"error_code":"500087"}`},
	} {
		client, s := scripted(t, lost, there)
		job, err := client.Policy.Tags.Start(t.Context(), operation)
		if err != nil || len(job.IDs()) != 1 || len(s.urls) != 2 || !strings.Contains(s.urls[1], string(job.IDs()[0])) {
			t.Errorf("%s: Start = %v, %v after %v; want the operation", name, job.IDs(), err, s.urls)
		}
	}

	client, _ := scripted(t, canned{status: http.StatusGatewayTimeout}, canned{status: http.StatusNotFound})
	job, err := client.Policy.Tags.Start(t.Context(), operation)
	if want := "nsx: tags.start: 0 of 1 operations were accepted, 1 virtual machines are left: tags.start: 504 Gateway Timeout"; err == nil || err.Error() != want || len(job.IDs()) != 0 {
		t.Errorf("not there: Start = %v, %v; want %s", job.IDs(), err, want)
	}

	client, s := scripted(t, canned{status: http.StatusGatewayTimeout})
	_, err = client.Policy.Tags.Start(t.Context(), operation)
	id, _, _ := strings.Cut(s.urls[0][strings.LastIndexByte(s.urls[0], '/')+1:], "?")
	if want := fmt.Sprintf("1 virtual machines are left: the operation %s may be under way: tags.start: 504 Gateway Timeout", id); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("not known: %v, want %s", err, want)
	}
}

// The documentation has a thousand for an assignment. It does not say whether both directions count.
func TestAnOperationIsAboutAThousandMachinesInAll(t *testing.T) {
	t.Parallel()
	o := nsx.TagOperation{Tag: quarantine}
	for i := range 700 {
		o.AddTo = append(o.AddTo, nsx.ExternalID(fmt.Sprint("a-", i)))
		o.RemoveFrom = append(o.RemoveFrom, nsx.ExternalID(fmt.Sprint("r-", i)))
	}
	client, s := scripted(t, ok(`{"tag":{}}`))
	if _, err := client.Policy.Tags.Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, body := range s.body {
		var sent map[string]any
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Count(body, `"a-`), strings.Count(body, `"r-`))
	}
	if diff := cmp.Diff([]int{700, 300, 0, 400}, got); diff != "" {
		t.Errorf("machines to add and to remove (-want +got):\n%s", diff)
	}
}

// Whoever cannot be asked has not failed.
func TestAJobThatCannotBeAskedAboutIsUnfinished(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		client, _ := scripted(t, ok(`{"status":"Success","apply_to":[{"resource_tag_status":[{"resource_id":"vm-a"}]}]}`), ok(`{"tag":{"tag":"x"}}`), canned{status: status})
		results, err := client.Policy.Tags.Job("op-1", "op-2", "op-3").Wait(t.Context())
		unfinished, isOne := errors.AsType[*nsx.UnfinishedError](err)
		if !isOne || !cmp.Equal(unfinished.Operations, []nsx.TagOperationID{"op-2", "op-3"}) || unfinished.All != 3 || len(results) != 1 || !results[0].Done {
			t.Errorf("%d: Wait = %+v, %v; want an UnfinishedError", status, results, err)
		}
		if answer, ok := errors.AsType[*nsx.APIError](err); !ok || answer.StatusCode != status {
			t.Errorf("%d: the error %v does not hold the answer", status, err)
		}
	}
}
