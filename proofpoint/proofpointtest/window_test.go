package proofpointtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestTimeParameters(t *testing.T) {
	t.Parallel()
	// 12:00:40, so that the rounded end lies in the future.
	now := noon.Add(40 * time.Second)
	srv := proofpointtest.New(proofpointtest.World{Now: func() time.Time { return now }, Quota: -1})
	const (
		tooOld     = "The requested start time is too far into the past. Requests for information up to 7.00d are accepted\n"
		tooShort   = "The requested interval is too short. Requests must be for at least 30.00s of data\n"
		current    = "The requested interval is still current.\n"
		anyRefusal = "*"
	)
	for _, tc := range []struct {
		name, query string
		refused     string // empty: 200
		end         string
	}{
		{"start and end", "interval=2026-03-02T10:00:00Z/2026-03-02T11:00:00Z", "", "2026-03-02T11:00:00Z"},
		{"escaped slash", "interval=2026-03-02T10:00:00Z%2F2026-03-02T11:00:00Z", "", "2026-03-02T11:00:00Z"},
		{"offsets", "interval=2026-03-02T11:00:00%2B01:00/2026-03-02T04:00:00-0700", "", "2026-03-02T11:00:00Z"},
		{"no zone is UTC", "interval=2026-03-02T10:00:00/2026-03-02T11:00:00", "", "2026-03-02T11:00:00Z"},
		{"fractions", "interval=2026-03-02T10:00:00.5Z/2026-03-02T11:00:00.25Z", "", "2026-03-02T11:00:00Z"},
		{"duration first", "interval=PT30M/2026-03-02T11:00:00Z", "", "2026-03-02T11:00:00Z"},
		{"duration last", "interval=2026-03-02T10:00:00Z/PT1H", "", "2026-03-02T11:00:00Z"},
		{"composed duration", "interval=2026-03-02T10:00:00Z/PT29M30.5S", "", "2026-03-02T10:29:30Z"},
		{"seven days back", "interval=2026-02-23T12:00:40Z/PT1H", "", "2026-02-23T13:00:40Z"},
		{"thirty seconds", "interval=2026-03-02T10:00:00Z/PT30S", "", "2026-03-02T10:00:30Z"},
		{"ends a second ago", "interval=PT1M/2026-03-02T12:00:39Z", "", "2026-03-02T12:00:39Z"},
		{"since seconds", "sinceSeconds=3600", "", "2026-03-02T12:01:00Z"},
		{"since time", "sinceTime=2026-03-02T11:30:00Z", "", "2026-03-02T12:01:00Z"},

		{"none", "", anyRefusal, ""},
		{"two", "sinceSeconds=60&sinceTime=2026-03-02T11:30:00Z", anyRefusal, ""},
		{"twice", "sinceSeconds=60&sinceSeconds=60", "parameter \"sinceSeconds\" is given 2 times\n", ""},
		{"too short", "interval=2026-03-02T10:00:00Z/PT29.9S", tooShort, ""},
		{"since too short", "sinceSeconds=29", tooShort, ""},
		{"too long", "interval=2026-03-02T10:00:00Z/PT1H0M1S", anyRefusal, ""},
		{"since seconds too long", "sinceSeconds=3601", anyRefusal, ""},
		{"since time too long", "sinceTime=2026-03-02T11:00:59Z", anyRefusal, ""},
		{"too old", "interval=2026-02-23T12:00:39Z/PT1H", tooOld, ""},
		{"since too old", "sinceTime=2026-02-20T12:00:00Z", "The sinceTime parameter gives a time too far into the past\n", ""},
		{"still current", "interval=PT1M/2026-03-02T12:00:40Z", current, ""},
		{"in the future", "interval=PT1M/2026-03-02T13:00:00Z", current, ""},
		{"end before start", "interval=2026-03-02T11:00:00Z/2026-03-02T10:00:00Z", "\n", ""},
		{"since the future", "sinceTime=2026-03-02T12:30:00Z", "\n", ""},
		{"plus sign not escaped", "interval=2026-03-02T11:00:00+01:00/PT30M", anyRefusal, ""},
		{"two durations", "interval=PT30M/PT30M", anyRefusal, ""},
		{"three parts", "interval=2026-03-02T10:00:00Z/PT30M/PT30M", anyRefusal, ""},
		{"no slash", "interval=PT30M", anyRefusal, ""},
		{"months", "interval=2026-03-02T10:00:00Z/P1M", anyRefusal, ""},
		{"empty duration", "interval=2026-03-02T10:00:00Z/PT", anyRefusal, ""},
		{"no date", "interval=yesterday/today", anyRefusal, ""},
		{"no number", "sinceSeconds=1h", anyRefusal, ""},
		{"negative number", "sinceSeconds=-60", anyRefusal, ""},
		{"overflowing number", "sinceSeconds=9999999999", anyRefusal, ""},
		{"unknown parameter", "sinceSeconds=60&limit=5", "parameter \"limit\" is not known\n", ""},
		{"unknown type", "sinceSeconds=60&threatType=Attachment", anyRefusal, ""},
		{"joined types", "sinceSeconds=60&threatType=url,attachment", anyRefusal, ""},
		{"unknown status", "sinceSeconds=60&threatStatus=falsepositive", anyRefusal, ""},
		{"unknown format", "sinceSeconds=60&format=xml", "parameter \"format\" is given 2 times\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := get(t, srv, "/v2/siem/messages/delivered?format=JSON&"+tc.query)
			if tc.refused == "" {
				want := `{"queryEndTime":"` + tc.end + `","messagesDelivered":[]}` + "\n"
				other := `{"messagesDelivered":[],"queryEndTime":"` + tc.end + `"}` + "\n"
				if a.status != http.StatusOK || a.body != want && a.body != other {
					t.Errorf("answer %d %q, want 200 %q", a.status, a.body, want)
				}
				return
			}
			plain := strings.HasPrefix(a.header.Get("Content-Type"), "text/plain")
			if a.status != http.StatusBadRequest || !plain || tc.refused != anyRefusal && a.body != tc.refused {
				t.Errorf("answer %d %v %q, want 400 in plain text: %q", a.status, a.header, a.body, tc.refused)
			}
		})
	}
}

func TestFormatIsAClosedSet(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: stopped})
	for format, want := range map[string]int{"JSON": 200, "json": 200, "Json": 400, "xml": 400, "": 400} {
		if a := get(t, srv, "/v2/siem/all?sinceSeconds=60&format="+format); a.status != want {
			t.Errorf("format=%s gives %d, want %d", format, a.status, want)
		}
	}
}

func FuzzInterval(f *testing.F) {
	for _, s := range []string{
		"2026-03-02T10:00:00Z/2026-03-02T11:00:00Z", "PT30M/2026-03-02T11:00:00Z", "2026-03-02T10:00:00Z/P1W2DT3H4M5.6S", "/", "P/P", "PT9999999999S/x",
	} {
		f.Add(s)
	}
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Quota: -1})
	f.Fuzz(func(t *testing.T, s string) {
		a := get(t, srv, "/v2/siem/all?format=JSON&interval="+url.QueryEscape(s))
		if a.status != http.StatusOK && a.status != http.StatusBadRequest {
			t.Errorf("interval %q gives %d", s, a.status)
		}
	})
}
