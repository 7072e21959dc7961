package proofpointtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestLookBack(t *testing.T) {
	t.Parallel()
	half := proofpointtest.New(proofpointtest.World{Now: stopped, LookBack: 12 * time.Hour})
	whole := proofpointtest.New(proofpointtest.World{Now: stopped})
	for _, tc := range []struct {
		srv  *proofpointtest.Server
		ago  time.Duration
		want string
	}{
		{half, 12 * time.Hour, ""},
		{half, 13 * time.Hour, "up to 0.50d are accepted"},
		{whole, 7 * 24 * time.Hour, ""},
		{whole, 7*24*time.Hour + time.Second, "up to 7.00d are accepted"},
	} {
		a := get(t, tc.srv, "/v2/siem/all"+interval(noon.Add(-tc.ago), noon.Add(-tc.ago+time.Minute)))
		if (a.status == 200) != (tc.want == "") || !strings.Contains(a.body, tc.want) {
			t.Errorf("%s ago = %d %q, want %q", tc.ago, a.status, a.body, tc.want)
		}
	}
}

func TestFilterEntries(t *testing.T) {
	t.Parallel()
	at := noon.Add(-10 * time.Minute)
	for filter, want := range map[bool]int{false: 2, true: 1} {
		srv := proofpointtest.New(proofpointtest.World{
			Now: stopped, Switches: proofpointtest.Switches{FilterEntries: filter},
			Messages: []proofpointtest.Message{{Time: at, Recipients: []string{"a"}, Threats: []proofpointtest.Threat{{Artifact: hash}, {Artifact: "x", Type: "url"}}}},
		})
		mails := decode(t, get(t, srv, "/v2/siem/messages/delivered"+interval(at, at.Add(time.Minute))+"&threatType=url"))["messagesDelivered"]
		if len(mails) != 1 || len(mails[0]["threatsInfoMap"].([]any)) != want {
			t.Errorf("FilterEntries %v: %v, want one mail with %d threats", filter, mails, want)
		}
	}
}
