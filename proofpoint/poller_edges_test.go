package proofpoint_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
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
