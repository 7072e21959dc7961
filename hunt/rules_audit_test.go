package hunt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// Every decision of a run is in the audit log once, on a chain that holds, with the evidence and with the ids of the requests by which
// the services know what was done.
func TestEveryDecisionIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	synctest.Test(t, func(t *testing.T) {
		w := plainWorld()
		w.cbc.Switches.RequestIDs = true
		o := newOffice(t, w)
		book, err := audit.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		c := crew{auditor: book}
		first := o.run(t, c)
		noted := book.Head()
		second := o.run(t, c) // decides nothing new
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
		summary, err := audit.VerifyFile(t.Context(), path, noted)
		if err != nil || summary.Head != noted || int(summary.Entries) != len(first.Outcomes) {
			t.Errorf("VerifyFile = %+v, %v; want the %d outcomes of the first of two runs and no more", summary, err, len(first.Outcomes))
		}
		var want, got []string
		for _, out := range first.Outcomes {
			want = append(want, fmt.Sprintln(first.Run, out.Task.Key(), out.Status))
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for e, err := range audit.Records(f) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintln(e.Run, e.Key, e.Status))
			looksLikeEvidence(t, e)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("decisions of the runs %s and %s (-want +got):\n%s", first.Run, second.Run, diff)
		}
	})
}

// looksLikeEvidence checks what an entry tells besides the decision.
func looksLikeEvidence(t *testing.T, e audit.Record) {
	t.Helper()
	if e.Scope != hunt.ScopeHash && (e.Device.ID == 0 || e.FindingCount == 0 || e.Evidence == "none") {
		t.Errorf("%s: no device and no finding: %+v", e.Key, e.Entry)
	}
	if !slices.Contains(e.Hashes, invoice.hash()) || e.ThreatCount == 0 || e.Threats[0].Status != "active" || e.EventID == "" {
		t.Errorf("%s: hashes %v, threats %+v, event id %q", e.Key, e.Hashes, e.Threats, e.EventID)
	}
	if e.Action == "webhook" {
		return // it is no client's
	}
	named := slices.ContainsFunc(e.Requests, func(r hunt.Request) bool { return r.ID != "" && r.Op != "" && r.Status/100 == 2 })
	if !named {
		t.Errorf("%s: no request has an id: %+v", e.Key, e.Requests)
	}
}
