package proofpoint_test

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

const syslogClick = `<38>1 2026-03-05T08:10:00Z - ProofpointTAP - CLKPER [tapclk@21139 id="c-1" GUID="-g" url="http://a.example/?q=[1\]\"" clickTime="2026-03-05T08:00:00.000Z" recipient="mia@lab.example" campaignId="null" userAgent="C:\\x\y"]`

func TestParseSyslog(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 5, 8, 0, 0, 0, time.UTC)
	message := `<38>1 2026-03-05T08:10:00Z - ProofpointTAP - MSGBLK [tapmsg@21139 GUID="g" messageTime="2026-03-05T08:00:00.000Z" subject="null" ` +
		`recipient="mia@lab.example,tom@lab.example" messageSize="12" completelyRewritten="true" modulesRun="null" spamScore="4" ` +
		`messageParts="[{\"filename\":\"a \\\"b\\\".zip\",\"sha256\":\"` + offer + `\"}\]" threatsInfoMap="[{\"threat\":\"` + offer + `\"}]"] ` + "\r\n"
	for line, want := range map[string]proofpoint.Record{
		syslogClick: {Click: &proofpoint.Click{
			Category: proofpoint.ClicksPermitted, ID: "c-1", GUID: "-g", URL: `http://a.example/?q=[1]"`, Time: at, Recipient: "mia@lab.example", UserAgent: `C:\x\y`,
			Raw: []byte(syslogClick),
		}},
		message: {Message: &proofpoint.Message{
			Category: proofpoint.Blocked, GUID: "g", Time: at, Recipients: []string{"mia@lab.example", "tom@lab.example"}, Size: 12,
			CompletelyRewritten: proofpoint.RewrittenTrue, SpamScore: 4,
			Parts: []proofpoint.Part{{FileName: `a "b".zip`, SHA256: offer}}, Threats: []proofpoint.Threat{{Artifact: offer}},
			Raw: []byte(message),
		}},
		`<134>1 - - ProofpointTAP - MSGDLV [tapmsg@21139]`: {Message: &proofpoint.Message{
			Category: proofpoint.Delivered, Raw: []byte(`<134>1 - - ProofpointTAP - MSGDLV [tapmsg@21139]`),
		}},
	} {
		got, err := proofpoint.ParseSyslog([]byte(line))
		if err != nil {
			t.Errorf("ParseSyslog(%s) = %v", line, err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("ParseSyslog(%s) mismatch (-want +got):\n%s", line, diff)
		}
	}
}

func TestLinesThatAreNone(t *testing.T) {
	t.Parallel()
	for line, text := range map[string]string{
		"":             "does not begin",
		`{"GUID":"x"}`: "does not begin",
		strings.Replace(syslogClick, "<38>1", "<38>2", 1):                   "does not begin",
		strings.Replace(syslogClick, "<38>", "<>", 1):                       "does not begin",
		strings.Replace(syslogClick, "ProofpointTAP", "Other", 1):           "does not begin",
		strings.Replace(syslogClick, "CLKPER", "CLKNEW", 1):                 "about none of messages and clicks",
		strings.Replace(syslogClick, "CLKPER", "MSGDLV", 1):                 "does not have its data in tapmsg@21139",
		strings.Replace(syslogClick, `id="c-1"`, `id=c-1`, 1):               "where the name of a value belongs",
		strings.TrimSuffix(syslogClick, `"]`):                               "cut off in a value",
		strings.TrimSuffix(syslogClick, `]`):                                "where the name of a value belongs",
		syslogClick + " and more":                                           "more in it than its data",
		strings.Replace(syslogClick, `id="c-1"`, `id="c-1" id="c-2"`, 1):    "duplicate",
		strings.Replace(syslogClick, "08:00:00.000Z", "mia@lab.example", 1): "a text where a time belongs",
		`<38>1 - - ProofpointTAP - MSGDLV [tapmsg@21139 messageParts="[{"]`: "messageParts is no JSON",
		`<38>1 - - ProofpointTAP - MSGDLV [tapmsg@21139 messageParts="7"]`:  "a number where a list belongs",
	} {
		r, err := proofpoint.ParseSyslog([]byte(line))
		if err == nil || !strings.Contains(err.Error(), text) || !strings.HasPrefix(err.Error(), "proofpoint: syslog: ") || strings.Contains(err.Error(), "mia@") {
			t.Errorf("ParseSyslog(%s) = %v, want an error with %q", line, err, text)
		}
		if r != (proofpoint.Record{}) {
			t.Errorf("ParseSyslog(%s) left %+v", line, r)
		}
	}
}

func TestSyslogOfTheFakeSaysTheSameAsJSON(t *testing.T) {
	t.Parallel()
	world, _ := stream(now.Add(-90*time.Minute), 1, 0)
	world.Now = func() time.Time { return now }
	world.Messages[0].Parts = []proofpointtest.Part{{Filename: `a "b" [c].zip`, SHA256: offer, SandboxStatus: "THREAT"}}
	world.Messages[1].Subject, world.Messages[1].Blocked = `back\slash ] "quote"`, true
	world.Clicks[1].Blocked = true
	srv := proofpointtest.New(world)
	want, err := collect(t, connect(t, srv, world.Now).SIEM.Records(t.Context(), proofpoint.FeedAll, proofpoint.Query{Window: hour}))
	if err != nil || len(want) < 10 {
		t.Fatalf("Records() = %d records, %v", len(want), err)
	}

	interval := hour.Start.Format(time.RFC3339) + "/" + hour.End.Format(time.RFC3339)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proofpointtest.URL+"/v2/siem/all?format=syslog&interval="+interval, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(proofpointtest.Principal, proofpointtest.Secret)
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got []proofpoint.Record
	for line := range strings.SplitSeq(strings.TrimSpace(string(body)), "\r\n") {
		r, err := proofpoint.ParseSyslog([]byte(line))
		if err != nil {
			t.Fatalf("ParseSyslog(%s) = %v", line, err)
		}
		got = append(got, r)
	}
	for _, all := range [][]proofpoint.Record{want, got} {
		slices.SortFunc(all, func(a, b proofpoint.Record) int { return cmp.Compare(a.Identity(), b.Identity()) })
	}
	options := gocmp.Options{
		cmpopts.IgnoreFields(proofpoint.Message{}, "Raw"), cmpopts.IgnoreFields(proofpoint.Click{}, "Raw"), cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b proofpoint.Part) bool { return a.FileName < b.FileName }),
	}
	if diff := gocmp.Diff(want, got, options); diff != "" {
		t.Errorf("syslog mismatch (-JSON +syslog):\n%s", diff)
	}
}

// FuzzParseSyslog checks that a line is read without harm, and that a record keeps it.
func FuzzParseSyslog(f *testing.F) {
	f.Add([]byte(syslogClick))
	f.Add([]byte(`<38>1 - - ProofpointTAP - MSGDLV [tapmsg@21139 recipient="a,b" messageParts="[{\"sha256\":null}\]"]` + "\r\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := proofpoint.ParseSyslog(line)
		if err == nil && ((r.Message == nil) == (r.Click == nil) || string(r.Raw()) != string(line)) {
			t.Errorf("ParseSyslog(%q) = %+v", line, r)
		}
		if err != nil && r != (proofpoint.Record{}) {
			t.Errorf("ParseSyslog(%q) = %+v, %v", line, r, err)
		}
	})
}

func ExampleParseSyslog() {
	record, err := proofpoint.ParseSyslog([]byte(`<38>1 2026-03-05T08:10:00Z - ProofpointTAP - CLKPER ` +
		`[tapclk@21139 url="http://login.example/r" clickTime="2026-03-05T08:00:00.000Z" recipient="mia@lab.example" threatStatus="active"]`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.Category(), record.Click.Recipient, record.Click.URL)
	// Output:
	// clicksPermitted mia@lab.example http://login.example/r
}
