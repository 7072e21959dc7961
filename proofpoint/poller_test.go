package proofpoint_test

import (
	"errors"
	"fmt"
	"io"
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

func newPoller(t testing.TB, client *proofpoint.Client, cfg proofpoint.PollerConfig) *proofpoint.Poller {
	t.Helper()
	poller, err := proofpoint.NewPoller(client, cfg)
	if err != nil {
		t.Fatalf("NewPoller() = %v", err)
	}
	return poller
}

// name tells a record of the worlds below from all others.
func name(p proofpoint.Polled) string {
	text := ""
	switch {
	case p.Message != nil:
		text = p.Message.GUID + " to " + strings.Join(p.Message.Recipients, "+")
	case p.Click != nil:
		text = "click " + p.Click.GUID
	}
	if p.Changed {
		text += " changed"
	}
	return text
}

// polled is one poll, in order of names.
func polled(t testing.TB, p *proofpoint.Poller) ([]string, error) {
	t.Helper()
	records, err := collect(t, p.Poll(t.Context()))
	var names []string
	for _, r := range records {
		names = append(names, name(r))
	}
	slices.Sort(names)
	return names, err
}

// stream is a world in which something happens each ten minutes for some hours after start.
func stream(start time.Time, hours int, lag time.Duration) (proofpointtest.World, []string) {
	world := proofpointtest.World{Lag: lag, Switches: proofpointtest.Switches{InclusiveEnd: true}}
	var want []string
	for i := range hours * 6 {
		at := start.Add(time.Duration(i)*10*time.Minute + time.Second)
		guid := fmt.Sprintf("mail-%02d", i)
		world.Messages = append(world.Messages, proofpointtest.Message{
			GUID: guid, Time: at, Recipients: []string{"mia@lab.example", "tom@lab.example"}, Threats: []proofpointtest.Threat{{Artifact: offer, Time: start.Add(-time.Hour)}},
		})
		world.Clicks = append(world.Clicks, proofpointtest.Click{GUID: guid, URL: "http://a.example", Time: at, ThreatTime: start.Add(-time.Hour), Recipient: "mia@lab.example"})
		want = append(want, "click "+guid, guid+" to mia@lab.example", guid+" to tom@lab.example")
	}
	slices.Sort(want)
	return world, want
}

func TestPollsBringEverythingOnce(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{time.Minute, 7 * time.Minute, time.Hour, 5 * time.Hour} {
		for _, restart := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				world, want := stream(time.Now(), 5, 35*time.Minute)
				srv := proofpointtest.New(world)
				client := counted(t, srv, limited(t, map[proofpoint.Bucket]int{proofpoint.BucketSIEM: proofpoint.NoLimit}))
				cfg := proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Start: time.Now()}
				poller := newPoller(t, client, cfg)
				var got []string
				polls := 0
				for end := time.Now().Add(7 * time.Hour); time.Now().Before(end); time.Sleep(every) {
					names, err := polled(t, poller)
					if err != nil {
						t.Fatalf("Poll() = %v", err)
					}
					got = append(got, names...)
					polls++
					if restart {
						text, err := poller.Cursor().MarshalText()
						if err != nil {
							t.Fatal(err)
						}
						cfg = proofpoint.PollerConfig{Feed: proofpoint.FeedAll}
						if err := cfg.Cursor.UnmarshalText(text); err != nil {
							t.Fatal(err)
						}
						poller = newPoller(t, client, cfg)
					}
				}
				if every > 2*time.Hour {
					time.Sleep(every)
					names, err := polled(t, poller)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, names...)
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("polled every %v, restart %t (-want +got):\n%s", every, restart, diff)
				}
				if calls := len(srv.Requests()); every == time.Minute && calls != polls-2 { // the first two have nothing to ask for
					t.Errorf("%d polls made %d calls", polls, calls)
				}
			})
		}
	}
}

func TestTheCursorMovesOnlyOverWholeWindows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		world, want := stream(start, 3, 0)
		srv := proofpointtest.New(world)
		poller := newPoller(t, counted(t, srv, nil), proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Start: start})
		time.Sleep(5 * time.Hour)
		calls := 0
		srv.Inject(func(*http.Request) bool { calls++; return calls >= 2 }, 3, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusOK)
				_, _ = io.WriteString(w, `{"messagesDelivered":[`)
			})
		})
		first, err := polled(t, poller)
		if _, ok := errors.AsType[*proofpoint.IncompleteError](err); !ok {
			t.Errorf("Poll() = %v, want an *IncompleteError", err)
		}
		if next := poller.Cursor().Next(); !next.Equal(start.Add(time.Hour)) {
			t.Errorf("after one whole window the cursor is at %v, want %v", next, start.Add(time.Hour))
		}
		for range 2 {
			if names, err := polled(t, poller); len(names) > 0 || err == nil || !poller.Cursor().Next().Equal(start.Add(time.Hour)) {
				t.Errorf("Poll() = %v, %v at %v", names, err, poller.Cursor().Next())
			}
		}
		second, err := polled(t, poller)
		if err != nil {
			t.Errorf("Poll() = %v", err)
		}
		got := append(first, second...)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || len(first) != 18 {
			t.Errorf("%d records came before the failure; all of them (-want +got):\n%s", len(first), diff)
		}
		if next := poller.Cursor().Next(); !next.Equal(start.Add(4 * time.Hour)) {
			t.Errorf("the cursor is at %v, want an hour ago", next)
		}
	})
}

func TestALoopThatStopsGoesOnLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world, want := stream(time.Now(), 3, 0)
		poller := newPoller(t, counted(t, proofpointtest.New(world), nil), proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Start: time.Now()})
		time.Sleep(5 * time.Hour)
		var got []string
		for rounds := 0; ; rounds++ {
			count := 0
			for r, err := range poller.Poll(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, name(r))
				if count++; count == 7 {
					break
				}
			}
			if count < 7 || rounds > 20 {
				break
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stopped after seven each time (-want +got):\n%s", diff)
		}
	})
}

func TestWhatLiesTooFarBackIsTold(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			world, _ := stream(start.Add(200*time.Hour), 1, 0)
			var gaps []proofpoint.Window
			cfg := proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Start: start}
			if told {
				cfg.OnGap = func(w proofpoint.Window) { gaps = append(gaps, w) }
			}
			poller := newPoller(t, counted(t, proofpointtest.New(world), nil), cfg)
			time.Sleep(202*time.Hour + 300*time.Millisecond)
			names, err := polled(t, poller)
			want := proofpoint.Window{Start: start.UTC(), End: start.UTC().Add((202-168)*time.Hour + 15*time.Minute + time.Second)}
			gap, ok := errors.AsType[*proofpoint.GapError](err)
			switch {
			case told && err != nil:
				t.Errorf("Poll() = %v", err)
			case told:
				if diff := cmp.Diff([]proofpoint.Window{want}, gaps); diff != "" {
					t.Errorf("OnGap mismatch (-want +got):\n%s", diff)
				}
			case !ok || !errors.Is(err, proofpoint.ErrTooOld):
				t.Errorf("Poll() = %v, want a *GapError", err)
			default:
				if diff := cmp.Diff(want, gap.Window); diff != "" {
					t.Errorf("GapError mismatch (-want +got):\n%s", diff)
				}
			}
			if len(names) != 18 {
				t.Errorf("Poll() = %v, want all that is behind the gap", names)
			}
			time.Sleep(time.Hour)
			if names, err := polled(t, poller); len(names) > 0 || err != nil {
				t.Errorf("the poll after the gap gives %v, %v", names, err)
			}
		})
	}
}

func TestChangesAreToldFromNewRecords(t *testing.T) {
	t.Parallel()
	for _, changes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			world, _ := stream(start, 1, 0)
			world.Messages, world.Clicks = world.Messages[:1], nil
			world.Messages[0].Recipients = []string{"mia@lab.example"}
			world.Changes = []proofpointtest.Change{
				{At: start.Add(20 * time.Minute), Threat: offer, CampaignID: "campaign-1"},
				{At: start.Add(30 * time.Minute), Threat: offer, Status: "cleared"},
			}
			poller := newPoller(t, counted(t, proofpointtest.New(world), nil), proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesDelivered, Start: start, Changes: changes})
			var got []string
			for range 9 {
				time.Sleep(5 * time.Minute)
				names, err := polled(t, poller)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, names...)
			}
			want := []string{"mail-00 to mia@lab.example"}
			if changes {
				want = append(want, "mail-00 to mia@lab.example changed", "mail-00 to mia@lab.example changed")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("with changes %t (-want +got):\n%s", changes, diff)
			}
		})
	}
}

func TestAGapIsToldOnceThoughTheWindowBehindItFails(t *testing.T) {
	t.Parallel()
	gaps := 0
	client := newClient(t, saying(http.StatusForbidden, "no"))
	cfg := proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Start: now.Add(-200 * time.Hour), OnGap: func(proofpoint.Window) { gaps++ }}
	poller := newPoller(t, client, cfg)
	for range 2 {
		if names, err := polled(t, poller); len(names) > 0 || !errors.Is(err, proofpoint.ErrForbidden) {
			t.Errorf("Poll() = %v, %v", names, err)
		}
	}
	if gaps != 1 {
		t.Errorf("the gap was told %d times", gaps)
	}
}

func TestTheOrderOfThreatsIsNoChange(t *testing.T) {
	t.Parallel()
	calls := 0
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		threats := `{"threatID":"a","threatStatus":"active"},{"threatID":"b","threatStatus":"active"}`
		if calls++; calls > 1 {
			threats = `{"threatID":"b","threatStatus":"ACTIVE"},{"threatID":"a","threatStatus":"active"}`
		}
		return response(r, http.StatusOK, strings.NewReader(`{"messagesBlocked":[{"GUID":"m","threatsInfoMap":[`+threats+`]}]}`)), nil
	}))
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked, Changes: true})
	for _, want := range []int{1, 0} {
		if names, err := polled(t, poller); len(names) != want || err != nil {
			t.Errorf("Poll() = %v, %v, want %d records", names, err, want)
		}
	}
}

func TestTheOrderOfPartsMakesNoNewRecord(t *testing.T) {
	t.Parallel()
	calls := 0
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		parts := `{"filename":"a","md5":null},{"filename":"b"}`
		if calls++; calls > 1 {
			parts = `{"filename":"b"}, {"md5":null,"filename":"a"}`
		}
		return response(r, http.StatusOK, strings.NewReader(`{"messagesBlocked":[`+
			`{"subject":"no id and no GUID","messageParts":[`+parts+`]},{"messageTime":"never","messageParts":[`+parts+`]},{"messageParts":[{"filename":"a"}]}]}`)), nil
	}))
	bad := 0
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked, OnMalformed: func(proofpoint.Malformed) { bad++ }})
	for _, want := range []int{2, 0} {
		if names, err := polled(t, poller); len(names) != want || err != nil || bad != 1 {
			t.Errorf("Poll() = %q, %v, want %d records; %d that cannot be read", names, err, want, bad)
		}
	}
}

func TestUnreadableRecordsAreToldOnce(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		var bad []proofpoint.Malformed
		cfg := proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked}
		if told {
			cfg.OnMalformed = func(m proofpoint.Malformed) { bad = append(bad, m) }
		}
		client := newClient(t, saying(http.StatusOK, `{"messagesBlocked":[{"GUID":"a"},7]}`))
		poller := newPoller(t, client, cfg)
		names, err := polled(t, poller)
		e, ok := errors.AsType[*proofpoint.MalformedError](err)
		if len(names) != 1 || ok == told || ok && e.Total != 1 || told && (len(bad) != 1 || err != nil) {
			t.Errorf("Poll() = %v, %v, and %d records were told", names, err, len(bad))
		}
		if names, err := polled(t, poller); len(names) > 0 || err != nil || len(bad) > 1 {
			t.Errorf("the second poll gives %v, %v, and %d records were told", names, err, len(bad))
		}
	}
}

func TestPollersThatCannotBe(t *testing.T) {
	t.Parallel()
	var other proofpoint.Cursor
	if err := other.UnmarshalText([]byte("tap-cursor/1 issues 2026-03-05T08:30:00Z 0 ")); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, saying(http.StatusOK, ""))
	for text, try := range map[string]func() (*proofpoint.Poller, error){
		"the client is missing": func() (*proofpoint.Poller, error) {
			return proofpoint.NewPoller(nil, proofpoint.PollerConfig{Feed: proofpoint.FeedAll})
		},
		`there is no feed "mails"`: func() (*proofpoint.Poller, error) {
			return proofpoint.NewPoller(client, proofpoint.PollerConfig{Feed: "mails"})
		},
		"Recheck must not be negative": func() (*proofpoint.Poller, error) {
			return proofpoint.NewPoller(client, proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Recheck: -1})
		},
		"Recheck must be shorter than": func() (*proofpoint.Poller, error) {
			return proofpoint.NewPoller(client, proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Recheck: proofpoint.LookBack})
		},
		"the size must be": func() (*proofpoint.Poller, error) {
			return proofpoint.NewPoller(client, proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Slice: time.Second})
		},
		`the cursor is one of the feed "i`: func() (*proofpoint.Poller, error) {
			return proofpoint.NewPoller(client, proofpoint.PollerConfig{Feed: proofpoint.FeedAll, Cursor: other})
		},
	} {
		if p, err := try(); p != nil || err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("NewPoller() = %v, want an error with %q", err, text)
		}
	}
}
