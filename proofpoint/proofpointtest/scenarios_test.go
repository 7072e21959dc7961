package proofpointtest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestScenarios(t *testing.T) {
	t.Parallel()
	// told is what a client sees: the mails of the window of the delivery and of that of the change, the status, the campaign.
	type told struct {
		Delivery, Change int
		Status, Campaign string
	}
	want := map[string][2]told{
		"late verdict":                    {{0, 0, "", ""}, {0, 1, "active", ""}},
		"campaign filled in later":        {{1, 0, "active", ""}, {1, 0, "active", run44}},
		"cleared in place":                {{1, 0, "active", ""}, {1, 0, "cleared", ""}},
		"cleared and issued again":        {{1, 0, "active", ""}, {1, 1, "cleared", ""}},
		"false positive in place":         {{1, 0, "active", ""}, {0, 0, "falsePositive", ""}},
		"false positive and issued again": {{1, 0, "active", ""}, {0, 0, "falsePositive", ""}},
		"published late":                  {{0, 0, "active", ""}, {1, 0, "active", ""}},
	}
	delivered := noon.Add(-100 * time.Hour)
	got := map[string][2]told{}
	for _, sc := range proofpointtest.Scenarios(delivered) {
		var now time.Time
		w := sc.World
		w.Now = func() time.Time { return now }
		if err := w.Check(); err != nil {
			t.Errorf("%s: Check() = %v", sc.Name, err)
		}
		srv := proofpointtest.New(w)
		look := func() (seen told) {
			window := func(from time.Time) int {
				if !now.After(from.Add(time.Minute)) {
					return 0
				}
				mails := decode(t, get(t, srv, "/v2/siem/messages/delivered"+interval(from, from.Add(time.Minute))))["messagesDelivered"]
				for _, m := range mails {
					threat := m["threatsInfoMap"].([]any)[0].(map[string]any)
					if c, ok := threat["campaignID"].(string); ok {
						seen.Campaign = c
					}
				}
				return len(mails)
			}
			seen.Delivery, seen.Change = window(sc.Delivered), window(sc.Happens)
			var summary struct{ Status string }
			if a := get(t, srv, "/v2/threat/summary/"+sc.Threat); a.status == 200 {
				if err := json.Unmarshal([]byte(a.body), &summary); err != nil {
					t.Fatal(err)
				}
			}
			seen.Status = summary.Status
			return seen
		}
		var both [2]told
		now = sc.Happens.Add(-time.Second)
		both[0] = look()
		now = sc.Happens.Add(2 * time.Minute)
		both[1] = look()
		got[sc.Name] = both
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what clients see mismatch (-want +got):\n%s", diff)
	}
}

func TestFalsePositiveIsServedToWhoeverAsks(t *testing.T) {
	t.Parallel()
	for _, sc := range proofpointtest.Scenarios(noon.Add(-30 * time.Hour)) {
		w := sc.World
		w.Now = stopped
		n, asked := 0, map[string]int{"false positive in place": 0, "false positive and issued again": 1}
		if _, ok := asked[sc.Name]; !ok {
			continue
		}
		srv := proofpointtest.New(w)
		for range decode(t, get(t, srv, "/v2/siem/messages/delivered"+interval(sc.Happens, sc.Happens.Add(time.Minute))+"&threatStatus=falsePositive"))["messagesDelivered"] {
			n++
		}
		if n != asked[sc.Name] {
			t.Errorf("%s: %d mails in the window of the change, want %d", sc.Name, n, asked[sc.Name])
		}
	}
}

// The mail is in the window of the verdict, three days after it was delivered.
func ExampleScenarios() {
	delivered := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	late := proofpointtest.Scenarios(delivered)[0]
	late.World.Now = func() time.Time { return late.Happens.Add(time.Hour) }
	srv := proofpointtest.New(late.World)
	for _, m := range srv.State().Messages {
		fmt.Println(late.Name, m.Created[0].Sub(delivered))
	}

	// Output:
	// late verdict 76h0m0s
}
