package dedupehunt_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func keptRuns(t *testing.T, l *dedupehunt.Ledger, since time.Time) []string {
	t.Helper()
	var runs []string
	for r, err := range l.Reports(t.Context(), since) {
		if err != nil {
			t.Fatalf("Reports: %v", err)
		}
		runs = append(runs, r.Run)
	}
	return runs
}

func TestReportsAreKeptUntilTheStoreForgets(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	l := ledger(t, store, "a")
	task := seen(7, 1, "p1")
	report := &hunt.Report{
		Run: "20260302T100000Z-a", Begun: time.Now().UTC(), Indicators: task.Indicators, Sightings: task.Sightings,
		Outcomes: []hunt.Outcome{{Task: task, Status: hunt.Done, Detail: "isolated"}},
	}
	if err := l.KeepReport(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	got, err := l.Report(t.Context(), report.Run)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, got); diff != "" {
		t.Errorf("the kept report mismatch (-want +got):\n%s", diff)
	}
	if err := l.KeepReport(t.Context(), &hunt.Report{Run: "20260302T110000Z-b"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{report.Run, "20260302T110000Z-b"}, keptRuns(t, l, time.Time{})); diff != "" {
		t.Errorf("runs mismatch (-want +got):\n%s", diff)
	}
	if got := keptRuns(t, l, time.Now().Add(time.Hour)); got != nil {
		t.Errorf("since an hour from now there are %v", got)
	}
	if got := records(t, l); len(got) > 0 {
		t.Errorf("a report is taken for the task %v", got)
	}
	if n, err := store.Forget(t.Context(), time.Now().Add(time.Hour)); n != 2 || err != nil {
		t.Errorf("Forget: %d, %v", n, err)
	}
	for _, run := range []string{report.Run, "", "a\x00b"} {
		if _, err := l.Report(t.Context(), run); !errors.Is(err, dedupehunt.ErrNoReport) {
			t.Errorf("Report(%q): %v, want ErrNoReport", run, err)
		}
	}
}

// The first time a task failed, the second time it was done, and the third time there was nothing to do.
func TestAPlanThatIsAppliedAgainKeepsEachReport(t *testing.T) {
	t.Parallel()
	l := ledger(t, new(dedupe.Memory), "a")
	task := seen(7, 1, "p1")
	end := func(minute int, o ...hunt.Outcome) *hunt.Report {
		at := time.Date(2026, 3, 2, 10, minute, 0, 0, time.UTC)
		return &hunt.Report{Run: "r1", Ended: at, Outcomes: o, Indicators: task.Indicators, Sightings: task.Sightings}
	}
	for _, r := range []*hunt.Report{
		end(1, hunt.Outcome{Task: task, Status: hunt.Failed, Err: errors.New("no answer")}), end(2, hunt.Outcome{Task: task, Status: hunt.Done}), end(3),
		{Run: "r10"},
	} {
		if err := l.KeepReport(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"r1", "r1", "r1", "r10"}, keptRuns(t, l, time.Time{})); diff != "" {
		t.Errorf("runs mismatch (-want +got):\n%s", diff)
	}
	got, err := l.Report(t.Context(), "r1")
	if err != nil || got.Run != "r1" || got.Count(hunt.Done) != 1 || got.Count(hunt.Failed) != 0 || got.Ended.Minute() != 3 {
		t.Errorf("Report(r1) = %+v, %v", got, err)
	}
}

func TestAReportThatIsNoneIsSaidToBeSo(t *testing.T) {
	t.Parallel()
	store := new(dedupe.Memory)
	l := ledger(t, store, "a")
	if err := l.KeepReport(t.Context(), &hunt.Report{Run: "1"}); err != nil {
		t.Fatal(err)
	}
	good, err := store.Lookup(t.Context(), "run/1")
	if err != nil {
		t.Fatal(err)
	}
	for key, data := range map[dedupe.Key][]byte{"run/2": good[0].Before, "run/3": []byte("no gzip"), "run/4": good[0].Before[:20]} {
		grants, err := store.Claim(t.Context(), "a", time.Now(), time.Minute, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Finish(t.Context(), time.Now(), dedupe.Result{Claim: grants[0].Claim, State: dedupe.Done, Before: data}); err != nil {
			t.Fatal(err)
		}
	}
	good1, bad := 0, 0
	for _, err := range l.Reports(t.Context(), time.Time{}) {
		if err == nil {
			good1++
		} else {
			bad++
		}
	}
	if good1 != 1 || bad != 3 {
		t.Errorf("%d reports could be read and %d not, want 1 and 3", good1, bad)
	}
}
