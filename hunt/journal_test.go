package hunt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/hunt"
)

// fullReport has something in every field.
func fullReport() *hunt.Report {
	ind := indicator(1, hunt.Mail{ID: "m1", Subject: "Invoice", Recipients: []string{"ann@example.com"}, Time: now(), Delivered: true, FileName: "a.doc"})
	seen := sighting(1, 7, hunt.Executed)
	task := hunt.Task{
		Action: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Target: "7", Indicators: []hunt.Indicator{ind},
		Sightings: []hunt.Sighting{seen},
	}
	record := hunt.Record{
		Task: task, Run: "r0", Status: hunt.Held, Detail: "protected", First: now(), Last: now(), Attempts: 2, Next: now(), Refused: true,
		GivenUp: true, Acknowledged: true, Undone: now(),
	}
	record.Task.Before = []byte(`{"on":false}`)
	end := func(target string, err error) hunt.Outcome {
		t := task
		t.Target = target
		return hunt.Outcome{
			Task: t, Status: hunt.Failed, Detail: "did not work", Err: err, Refused: true, Acknowledged: true, Before: []byte(`{"on":true}`),
			Requests: []hunt.Request{{Status: 500}}, Earlier: now(), Undone: now(),
		}
	}
	return &hunt.Report{
		Run: "r1", Window: hunt.Window{Start: now(), End: now().Add(time.Hour)}, Begun: now(), Ended: now(), DryRun: true, Undo: true,
		Indicators: []hunt.Indicator{ind}, Sightings: []hunt.Sighting{seen},
		Outcomes: []hunt.Outcome{
			end("7", errors.New("no answer")), end("8", fmt.Errorf("x: %w", hunt.ErrGivenUp)), end("9", hunt.ErrNotDue), end("10", hunt.ErrNotBegun),
		},
		HuntedUntil: map[hunt.SHA256]time.Time{hash(1): now()}, Rehunted: []hunt.SHA256{hash(1)}, Resting: 3,
		Holes: []hunt.Window{{Start: now(), End: now()}}, BadRecords: 2, Problems: []hunt.Problem{{Stage: "search", Hashes: []hunt.SHA256{hash(1)}, Err: errors.New("no")}},
		Open: []hunt.Record{record}, Turned: []hunt.Turned{{SHA256: hash(1), Threat: ind.Threat, Records: []hunt.Record{record}}},
		LeftAlone: []hunt.LeftAlone{{Subject: "s", Reason: "clean"}}, LeftAloneTotal: map[string]int{"clean": 1}, Interrupted: true,
	}
}

func TestAReportIsReadBackFromItsJSON(t *testing.T) {
	t.Parallel()
	want := fullReport()
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := new(hunt.Report)
	if err := json.Unmarshal(data, got); err != nil {
		t.Fatal(err)
	}
	sameText := cmp.Comparer(func(a, b error) bool {
		for _, cause := range []error{hunt.ErrGivenUp, hunt.ErrNotDue, hunt.ErrNotBegun} {
			if errors.Is(a, cause) != errors.Is(b, cause) {
				return false
			}
		}
		return a.Error() == b.Error()
	})
	if diff := cmp.Diff(want, got, sameText); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
}

// kept is a journal in memory.
type kept []*hunt.Report

func (k *kept) KeepReport(_ context.Context, r *hunt.Report) error {
	*k = append(*k, r)
	return nil
}

func TestEveryRunIsKeptAndNoDryRun(t *testing.T) {
	t.Parallel()
	ledger, journal := new(memory), new(kept)
	cfg := response(ledger, nil, &lamps{name: "isolate"})
	cfg.Journal = journal
	h := newHunter(t, cfg)
	if _, err := h.Preview(t.Context(), h.Plan(t.Context(), hunt.Window{})); err != nil || len(*journal) > 0 {
		t.Fatalf("Preview: %v, and %d reports were kept", err, len(*journal))
	}
	first := run(t, cfg)
	back, err := h.Undo(t.Context(), hunt.Undo{Run: first.Run})
	if err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	last, _ := h.Run(stopped, hunt.Window{})
	if diff := cmp.Diff([]*hunt.Report{first, back, last}, []*hunt.Report(*journal), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("kept reports mismatch (-want +got):\n%s", diff)
	}
}

func TestAReportThatCannotBeKeptIsAProblem(t *testing.T) {
	t.Parallel()
	cfg := response(new(memory), nil, &lamps{name: "isolate"})
	full := errors.New("full")
	cfg.Journal = hunt.JournalFunc(func(context.Context, *hunt.Report) error { return full })
	if _, err := newHunter(t, cfg).Run(t.Context(), hunt.Window{}); !errors.Is(err, full) {
		t.Errorf("Run: %v, want that the report could not be kept", err)
	}
}

// taskOn is a task on a machine because of a file.
func taskOn(n byte, device int64, s hunt.Status) hunt.Outcome {
	seen := sighting(n, device, hunt.Executed)
	return hunt.Outcome{Status: s, Task: hunt.Task{
		Action: "isolate", Scope: hunt.ScopeDevice, Target: seen.Device.Name, Indicators: []hunt.Indicator{indicator(n)}, Sightings: []hunt.Sighting{seen},
	}}
}

func TestNewsLeavesOutWhatEarlierRunsTold(t *testing.T) {
	t.Parallel()
	before := taskOn(1, 1, hunt.Already)
	before.Earlier = now()
	waits := taskOn(2, 2, hunt.Failed)
	waits.Err = hunt.ErrNotDue
	released := taskOn(1, 4, hunt.Already) // somebody took it back since: it is told every time
	released.Earlier, released.Undone = now(), now()
	r := &hunt.Report{
		Indicators: []hunt.Indicator{indicator(1), indicator(2), indicator(3), indicator(4), indicator(5)},
		Rehunted:   []hunt.SHA256{hash(1), hash(2), hash(3), hash(5)},
		Sightings:  []hunt.Sighting{sighting(1, 1, hunt.Executed), sighting(2, 2, hunt.Executed), sighting(3, 3, hunt.Touched), sighting(1, 4, hunt.Executed)},
		Outcomes:   []hunt.Outcome{before, waits, taskOn(3, 3, hunt.Held), released},
		HuntedUntil: map[hunt.SHA256]time.Time{
			hash(1): now(), hash(2): now(), hash(4): now(),
		},
	}
	n := r.News()
	want := &hunt.Report{
		Indicators:  []hunt.Indicator{indicator(1), indicator(3), indicator(4)}, // 2 waits, 5 is nowhere
		Rehunted:    []hunt.SHA256{hash(1), hash(3)},
		Sightings:   []hunt.Sighting{sighting(3, 3, hunt.Touched), sighting(1, 4, hunt.Executed)},
		Outcomes:    []hunt.Outcome{taskOn(3, 3, hunt.Held), released},
		HuntedUntil: map[hunt.SHA256]time.Time{hash(1): now(), hash(4): now()},
	}
	if diff := cmp.Diff(want, n, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("News mismatch (-want +got):\n%s", diff)
	}
	if len(r.Indicators) != 5 || len(r.Outcomes) != 4 || len(r.HuntedUntil) != 3 {
		t.Error("News has changed the report itself")
	}
}

// What an old and a new task share is told again, and so is what a run has brought itself.
func TestNewsKeepsWhatIsNewBesidesWhatIsOld(t *testing.T) {
	t.Parallel()
	before := func(n byte, device int64) hunt.Outcome {
		o := taskOn(n, device, hunt.Already)
		o.Earlier = now()
		return o
	}
	again := taskOn(1, 1, hunt.Done)
	again.Task.Action = "policy"
	r := &hunt.Report{
		Indicators: []hunt.Indicator{indicator(1), indicator(2)}, Rehunted: []hunt.SHA256{hash(1)},
		Sightings: []hunt.Sighting{sighting(1, 1, hunt.Executed), sighting(2, 2, hunt.Executed)},
		Outcomes:  []hunt.Outcome{before(1, 1), again, before(2, 2)},
	}
	if diff := cmp.Diff(r.Sightings, r.News().Sightings); diff != "" {
		t.Errorf("sightings mismatch (-want +got):\n%s", diff)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	at := func(n int) time.Time { return now().Add(time.Duration(n) * time.Hour) }
	m1, m2 := hunt.Mail{ID: "m1"}, hunt.Mail{ID: "m2"}
	problem := func(stage string, hashes ...hunt.SHA256) hunt.Problem {
		return hunt.Problem{Stage: stage, Hashes: hashes, Err: errUnreachable}
	}
	first := &hunt.Report{
		Run: "a", Begun: at(0), Ended: at(1), Window: hunt.Window{Start: at(-2), End: at(-1)}, Indicators: []hunt.Indicator{indicator(1, m1), indicator(2)},
		Sightings: []hunt.Sighting{sighting(1, 1, hunt.Named)}, Outcomes: []hunt.Outcome{taskOn(1, 1, hunt.Done), taskOn(1, 2, hunt.Failed)},
		Problems: []hunt.Problem{problem("intake"), problem("search", hash(1), hash(2))}, BadRecords: 1, LeftAloneTotal: map[string]int{"clean": 2},
		HuntedUntil: map[hunt.SHA256]time.Time{hash(1): at(2), hash(2): at(90)},
	}
	second := &hunt.Report{
		Run: "b", Begun: at(2), Ended: at(3), Window: hunt.Window{Start: at(-1), End: at(1)}, Indicators: []hunt.Indicator{indicator(1, m1, m2), indicator(3)},
		Rehunted: []hunt.SHA256{hash(1), hash(3)}, Sightings: []hunt.Sighting{sighting(1, 1, hunt.Executed), sighting(3, 3, hunt.Touched)},
		Outcomes: []hunt.Outcome{taskOn(1, 1, hunt.Already), taskOn(1, 2, hunt.Done)}, BadRecords: 2, LeftAloneTotal: map[string]int{"clean": 1},
		Resting: 4,
	}
	want := &hunt.Report{
		Run: "a..b", Begun: at(0), Ended: at(3), Window: hunt.Window{Start: at(-2), End: at(1)},
		Indicators: []hunt.Indicator{indicator(1, m1, m2), indicator(2), indicator(3)}, Rehunted: []hunt.SHA256{hash(3)},
		Sightings:  []hunt.Sighting{sighting(1, 1, hunt.Executed), sighting(3, 3, hunt.Touched)},
		Outcomes:   []hunt.Outcome{taskOn(1, 1, hunt.Done), taskOn(1, 2, hunt.Done)},
		Problems:   []hunt.Problem{problem("search", hash(2))}, // nobody has searched for it since
		BadRecords: 3, Resting: 4, LeftAloneTotal: map[string]int{"clean": 3}, HuntedUntil: map[hunt.SHA256]time.Time{hash(2): at(90)},
	}
	for _, order := range [][]*hunt.Report{{first, second}, {second, first}} {
		if diff := cmp.Diff(want, hunt.Merge(order...), cmpopts.EquateErrors()); diff != "" {
			t.Errorf("Merge mismatch (-want +got):\n%s", diff)
		}
	}
	if len(first.Indicators[0].Mails) != 1 || len(first.HuntedUntil) != 2 {
		t.Error("Merge has changed the first report")
	}
	if hunt.Merge() != nil || hunt.Merge(first) != first {
		t.Error("Merge of none is not nil, or that of one another")
	}
}

var errUnreachable = errors.New("unreachable")

func TestAProblemOfTheLastRunStays(t *testing.T) {
	t.Parallel()
	bad := &hunt.Report{Begun: now(), Problems: []hunt.Problem{{Stage: "intake", Err: errUnreachable}}}
	undo := &hunt.Report{Begun: now().Add(time.Hour), Undo: true}
	good := &hunt.Report{Begun: now().Add(-time.Hour)}
	if got := hunt.Merge(good, bad, bad, undo).Problems; len(got) != 1 {
		t.Errorf("problems are %v, want the one that nobody has made up for, once", got)
	}
}
