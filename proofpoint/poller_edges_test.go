package proofpoint_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// firstOf takes the first record of a poll and stops there.
func firstOf(t testing.TB, p *proofpoint.Poller) string {
	t.Helper()
	for r, err := range p.Poll(t.Context()) {
		if err != nil {
			t.Fatalf("Poll() = %v", err)
		}
		return name(r)
	}
	return ""
}

func TestALoopThatStopsIsToldLaterWhatItDidNotHear(t *testing.T) {
	t.Parallel()
	client := newClient(t, saying(http.StatusOK, `{"messagesBlocked":[7,{"GUID":"a"},{"GUID":"b"}]}`))
	start := now.Add(-200 * time.Hour)
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked, Start: start})
	if got := firstOf(t, poller); got != "a to " {
		t.Errorf("the first record is %q", got)
	}
	names, err := polled(t, poller)
	if diff := cmp.Diff([]string{"b to "}, names); diff != "" {
		t.Errorf("the second poll mismatch (-want +got):\n%s", diff)
	}
	if bad, ok := errors.AsType[*proofpoint.MalformedError](err); !ok || bad.Total != 1 {
		t.Errorf("the second poll ends with %v, want the record that could not be read", err)
	}
	want := proofpoint.Window{Start: start, End: now.Add(-7*24*time.Hour + 15*time.Minute)}
	if gap, ok := errors.AsType[*proofpoint.GapError](err); !ok || gap.Window != want {
		t.Errorf("the second poll ends with %v, want the gap %v", err, want)
	}
	if names, err := polled(t, poller); len(names) > 0 || err != nil {
		t.Errorf("the third poll gives %v, %v", names, err)
	}
}

func TestAClockThatWasAheadLosesNothing(t *testing.T) {
	t.Parallel()
	world, want := stream(now.Add(-3*time.Hour), 1, 0)
	world.Now = func() time.Time { return now }
	at := now
	client := clocked(t, world, &at)
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Start: now.Add(-3 * time.Hour)})
	at = now.Add(30 * 24 * time.Hour)
	if names, err := polled(t, poller); len(names) > 0 || !errors.Is(err, proofpoint.ErrStillCurrent) {
		t.Errorf("Poll() = %v, %v with a clock that is ahead", names, err)
	}
	at = now
	names, err := polled(t, poller)
	if diff := cmp.Diff(want, names); diff != "" || err != nil {
		t.Errorf("Poll() = %v with the clock set right (-want +got):\n%s", err, diff)
	}
}

func TestACursorInTheFutureIsNoSilence(t *testing.T) {
	t.Parallel()
	at := now
	client := clocked(t, proofpointtest.World{Now: func() time.Time { return now }}, &at)
	for text, want := range map[string]error{
		"tap-cursor/1 all 2026-03-05T10:00:00Z 0 ": nil,
		"tap-cursor/1 all 2026-03-05T10:31:00Z 0 ": proofpoint.ErrStillCurrent,
	} {
		poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Cursor: cursorOf(t, text)})
		if names, err := polled(t, poller); len(names) > 0 || !errors.Is(err, want) {
			t.Errorf("Poll() = %v, %v at %v from %s, want %v", names, err, now, text, want)
		}
	}
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Start: now.Add(2 * time.Hour)})
	for range 2 {
		if names, err := polled(t, poller); len(names) > 0 || err != nil {
			t.Errorf("Poll() = %v, %v before the start", names, err)
		}
	}
	at = now.Add(2 * time.Hour)
	if names, err := polled(t, poller); len(names) > 0 || err != nil || !poller.Cursor().Next().Equal(at) {
		t.Errorf("Poll() = %v, %v at the start, and the cursor is at %v", names, err, poller.Cursor().Next())
	}
}

// clocked is a client of a world whose own clock is at.
func clocked(t testing.TB, world proofpointtest.World, at *time.Time) *proofpoint.Client {
	t.Helper()
	return clockedBy(t, proofpointtest.New(world).Client(), at)
}

func clockedBy(t testing.TB, hc *http.Client, at *time.Time) *proofpoint.Client {
	t.Helper()
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient: hc, Pace: unhurried{}, Attempts: 1, Now: func() time.Time { return *at },
	})
	if err != nil {
		t.Fatalf("New() = %v", err)
	}
	return client
}

func TestPollsThatFailRememberNoMoreThanOthers(t *testing.T) {
	t.Parallel()
	at, calls := now, 0
	rt := roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Query().Get("interval"), at.Add(-time.Minute).Format(time.RFC3339)) {
			return response(r, http.StatusForbidden, strings.NewReader("not the last window")), nil
		}
		calls++
		return response(r, http.StatusOK, strings.NewReader(fmt.Sprintf(`{"messagesBlocked":[{"GUID":"m-%d"}]}`, calls))), nil
	})
	client := clockedBy(t, &http.Client{Transport: rt}, &at)
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked})
	const days = 14
	for range days * 4 {
		at = at.Add(6 * time.Hour)
		if _, err := polled(t, poller); !errors.Is(err, proofpoint.ErrForbidden) {
			t.Fatalf("Poll() = %v", err)
		}
	}
	text, err := poller.Cursor().MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var records int
	if _, err := fmt.Sscanf(strings.Fields(string(text))[3], "%d", &records); err != nil || records > calls/2+24 || calls < days*20 {
		t.Errorf("after %d records in %d days the cursor remembers %d, %v, want those of seven", calls, days, records, err)
	}
}

func TestARecordThatCameInTwoVersionsChangesOnce(t *testing.T) {
	t.Parallel()
	version := func(status, at string) string {
		return `{"id":"a","GUID":"m","threatsInfoMap":[{"threatID":"x","threatStatus":"` + status + `","threatTime":"` + at + `"}]}`
	}
	condemned, cleared := version("active", "2026-03-05T08:40:00Z"), version("cleared", "2026-03-05T08:50:00Z")
	again := version("active", "2026-03-05T09:00:00Z")
	var answer []string
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, strings.NewReader(`{"messagesBlocked":[`+strings.Join(answer, ",")+`]}`)), nil
	}))
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked, Changes: true})
	for i, step := range []struct{ answer, want []string }{
		{[]string{condemned}, []string{"m to "}},
		{[]string{condemned, cleared}, []string{"m to  changed"}},
		{[]string{cleared, condemned}, nil},
		{[]string{condemned, cleared}, nil},
		{[]string{condemned, again, cleared}, []string{"m to  changed"}},
		{[]string{cleared, condemned, again}, nil},
	} {
		answer = step.answer
		names, err := polled(t, poller)
		if diff := cmp.Diff(step.want, names); diff != "" || err != nil {
			t.Errorf("poll %d: %v (-want +got):\n%s", i, err, diff)
		}
		cfg := proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked, Changes: true, Cursor: poller.Cursor()}
		poller = newPoller(t, client, cfg)
	}
}

func TestALoopThatSleepsAMinuteMakesOneCallEach(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{61 * time.Second, 90*time.Second + 300*time.Millisecond, 118 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			world, want := stream(time.Now(), 3, 35*time.Minute)
			srv := proofpointtest.New(world)
			poller := newPoller(t, counted(t, srv, nil), proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Start: time.Now()})
			var got []string
			polls := 0
			for end := time.Now().Add(5 * time.Hour); time.Now().Before(end); time.Sleep(every) {
				names, err := polled(t, poller)
				if err != nil {
					t.Fatalf("Poll() = %v", err)
				}
				got = append(got, names...)
				polls++
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("polled every %v (-want +got):\n%s", every, diff)
			}
			if calls := len(srv.Requests()); calls > polls {
				t.Errorf("%d polls, one every %v, made %d calls", polls, every, calls)
			}
		})
	}
}
