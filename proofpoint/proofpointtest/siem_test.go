package proofpointtest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestEnvelopesByRoute(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: stopped})
	for route, want := range map[string][]string{
		"all":                {"clicksBlocked", "clicksPermitted", "messagesBlocked", "messagesDelivered"},
		"issues":             {"clicksPermitted", "messagesDelivered"},
		"clicks/blocked":     {"clicksBlocked"},
		"clicks/permitted":   {"clicksPermitted"},
		"messages/delivered": {"messagesDelivered"},
		"messages/blocked":   {"messagesBlocked"},
	} {
		got := decode(t, get(t, srv, "/v2/siem/"+route+hourBefore()))
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
			t.Errorf("%s has the arrays %v, want %v", route, names, want)
		}
		for name, records := range got {
			if records == nil {
				t.Errorf("%s: %s is null, want an empty array", route, name)
			}
		}
	}
}

func TestWindowGoesByCreation(t *testing.T) {
	t.Parallel()
	now := noon
	late := proofpointtest.Message{
		GUID: "late", Time: noon.Add(-4 * 24 * time.Hour), Recipients: []string{"ada@corp.example"},
		Threats: []proofpointtest.Threat{{Artifact: hash, Time: noon.Add(30 * time.Minute)}},
	}
	known := proofpointtest.Message{
		GUID: "known", Time: noon.Add(-20 * time.Minute), Recipients: []string{"ada@corp.example"},
		Threats: []proofpointtest.Threat{{Artifact: hash, Time: noon.Add(-90 * 24 * time.Hour)}},
	}
	clean := proofpointtest.Message{GUID: "clean", Time: noon.Add(-20 * time.Minute), Recipients: []string{"ada@corp.example"}}
	srv := proofpointtest.New(proofpointtest.World{
		Now: func() time.Time { return now }, Lag: 10 * time.Minute, Messages: []proofpointtest.Message{late, known, clean},
	})
	ask := func(from, to time.Time) []string {
		t.Helper()
		return column(decode(t, get(t, srv, "/v2/siem/messages/delivered"+interval(from, to)))["messagesDelivered"], "GUID")
	}
	if got := ask(noon.Add(-time.Hour), noon.Add(-time.Second)); !slices.Equal(got, []string{"known"}) {
		t.Errorf("the last hour holds %v, want the message with the known threat", got)
	}
	if got := ask(late.Time.Add(-time.Minute), late.Time.Add(time.Minute)); len(got) != 0 {
		t.Errorf("the window of the delivery holds %v, want nothing", got)
	}
	condemned := noon.Add(30 * time.Minute)
	now = condemned.Add(9 * time.Minute)
	if got := ask(noon, noon.Add(31*time.Minute)); len(got) != 0 {
		t.Errorf("before the lag has passed the window holds %v, want nothing", got)
	}
	now = condemned.Add(10 * time.Minute)
	for _, tc := range []struct {
		from, to time.Time
		want     []string
	}{
		{condemned, condemned.Add(time.Minute), []string{"late"}},
		{condemned.Add(-time.Minute), condemned, []string{}},
		{condemned.Add(time.Second), condemned.Add(time.Minute), []string{}},
	} {
		if got := ask(tc.from, tc.to); !slices.Equal(got, tc.want) {
			t.Errorf("[%s, %s) holds %v, want %v", tc.from, tc.to, got, tc.want)
		}
	}
	inclusive := proofpointtest.New(proofpointtest.World{
		Now: func() time.Time { return now }, Messages: []proofpointtest.Message{late}, Switches: proofpointtest.Switches{InclusiveEnd: true},
	})
	if got := decode(t, get(t, inclusive, "/v2/siem/messages/delivered"+interval(condemned.Add(-time.Minute), condemned))); len(got["messagesDelivered"]) != 1 {
		t.Errorf("with inclusive ends the window that ends at the verdict holds %d messages, want 1", len(got["messagesDelivered"]))
	}
}

func TestOneEventPerRecipient(t *testing.T) {
	t.Parallel()
	w := proofpointtest.World{Now: stopped, Messages: []proofpointtest.Message{{
		ID: "c2f4a7b6-1d3e-4c58-a9f0-7e6b5d4c3a21", Time: noon.Add(-10 * time.Minute), Recipients: []string{"ada@corp.example", "ben@corp.example"},
		Threats: []proofpointtest.Threat{{Artifact: hash}},
	}}}
	got := decode(t, get(t, proofpointtest.New(w), "/v2/siem/messages/delivered"+hourBefore()))["messagesDelivered"]
	if len(got) != 2 {
		t.Fatalf("%d events, want one for each of two recipients", len(got))
	}
	differing := []string{}
	for name := range got[0] {
		if !cmp.Equal(got[0][name], got[1][name]) {
			differing = append(differing, name)
		}
	}
	slices.Sort(differing)
	if want := []string{"id", "recipient"}; !slices.Equal(differing, want) {
		t.Errorf("the two events differ in %v, want %v", differing, want)
	}
	if ids := column(got, "id"); !slices.Contains(ids, w.Messages[0].ID) {
		t.Errorf("ids %v, want the one given among them", ids)
	}
	w.Switches.JoinRecipients = true
	got = decode(t, get(t, proofpointtest.New(w), "/v2/siem/messages/delivered"+hourBefore()))["messagesDelivered"]
	if want := []any{"ada@corp.example", "ben@corp.example"}; len(got) != 1 || !cmp.Equal(got[0]["recipient"], any(want)) {
		t.Errorf("joined events %v, want one with both recipients", got)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	at := noon.Add(-10 * time.Minute)
	message := func(guid, kind, status string) proofpointtest.Message {
		return proofpointtest.Message{GUID: guid, Time: at, Recipients: []string{"ada@corp.example"}, Threats: []proofpointtest.Threat{{Artifact: "a", Type: kind, Status: status}}}
	}
	both := message("both", "url", "falsePositive")
	both.Threats = append(both.Threats, proofpointtest.Threat{Artifact: hash})
	srv := proofpointtest.New(proofpointtest.World{
		Now: stopped,
		Messages: []proofpointtest.Message{
			message("active", "", ""), message("cleared", "URL", "cleared"), message("fp", "attachment", "falsepositive"), message("text", "message", "active"), both,
		},
		Clicks: []proofpointtest.Click{{GUID: "click", Time: at, URL: "http://x.example"}, {GUID: "clickfp", Time: at, ThreatStatus: "falsePositive"}},
	})
	for _, tc := range []struct {
		query            string
		messages, clicks []string
	}{
		{"", []string{"active", "both", "cleared", "text"}, []string{"click"}},
		{"&threatStatus=falsePositive", []string{"both", "fp"}, []string{"clickfp"}},
		{"&threatStatus=active&threatStatus=cleared&threatStatus=falsePositive", []string{"active", "both", "cleared", "fp", "text"}, []string{"click", "clickfp"}},
		{"&threatType=attachment", []string{"active", "both"}, []string{}},
		{"&threatType=attachment&threatType=url", []string{"active", "both", "cleared"}, []string{"click"}},
		{"&threatType=messageText", []string{"text"}, []string{}},
		{"&threatType=attachment&threatStatus=falsePositive", []string{"fp"}, []string{}},
	} {
		got := decode(t, get(t, srv, "/v2/siem/all"+hourBefore()+tc.query))
		if diff := cmp.Diff([][]string{tc.messages, tc.clicks}, [][]string{column(got["messagesDelivered"], "GUID"), column(got["clicksPermitted"], "GUID")}); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", tc.query, diff)
		}
		for _, m := range got["messagesDelivered"] {
			if n := len(m["threatsInfoMap"].([]any)); m["GUID"] == "both" && n != 2 {
				t.Errorf("%s: a message that passes comes with %d threats, want all 2", tc.query, n)
			}
		}
	}
}

func TestOrderChangesTheSameWayEveryTime(t *testing.T) {
	t.Parallel()
	w := proofpointtest.World{Now: stopped, Seed: 7}
	for i := range 8 {
		w.Messages = append(w.Messages, proofpointtest.Message{
			GUID: string(rune('a' + i)), Time: noon.Add(-10 * time.Minute), Recipients: []string{"ada@corp.example"},
			Parts:   []proofpointtest.Part{{Filename: "1"}, {Filename: "2"}, {Filename: "3"}, {Filename: "4"}, {Filename: "5"}},
			Threats: []proofpointtest.Threat{{Artifact: hash}},
		})
	}
	run := func(w proofpointtest.World) (bodies [3]string) {
		srv := proofpointtest.New(w)
		for i := range bodies {
			bodies[i] = get(t, srv, "/v2/siem/messages/delivered"+hourBefore()).body
		}
		return bodies
	}
	first, second := run(w), run(w)
	if first != second {
		t.Error("two servers of one world and seed answer differently")
	}
	if first[0] == first[1] || first[1] == first[2] {
		t.Error("two calls were answered in the same order")
	}
	parts := func(body string) any {
		for _, m := range decode(t, answer{status: 200, body: body})["messagesDelivered"] {
			if m["GUID"] == "a" {
				return m["messageParts"]
			}
		}
		return nil
	}
	if cmp.Equal(parts(first[0]), parts(first[1])) && cmp.Equal(parts(first[1]), parts(first[2])) {
		t.Error("the parts of a message kept their order over three calls")
	}
	w.Seed = 8
	if run(w) == first {
		t.Error("another seed gives the same orders")
	}
	w.Switches.Stable = true
	if stable := run(w); stable[0] != stable[1] || !strings.HasPrefix(stable[0], `{"queryEndTime":`) {
		t.Error("the stable order changes")
	}
}

func TestTypedRecord(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Switches: proofpointtest.Switches{Stable: true}, Messages: []proofpointtest.Message{{
		ID: "c2f4a7b6-1d3e-4c58-a9f0-7e6b5d4c3a21", GUID: "Jm3_xT9vLs0QeRb6YhUw-2KpZc7NaD5g", QID: "40mc7whk9d-1",
		MessageID: "<20260302095812.4C1D@mx7.freight.example>", Time: noon.Add(-10 * time.Minute), Size: 81244, Subject: "Fracht & <Rechnung>",
		Sender: "billing@freight.example", Recipients: []string{"omar@corp.example"}, SpamScore: 6,
		Parts:   []proofpointtest.Part{{Filename: "Rechnung.zip", SHA256: hash, SandboxStatus: "THREAT", Extra: map[string]json.RawMessage{"depth": json.RawMessage("2"), "md5": nil}}},
		Threats: []proofpointtest.Threat{{Artifact: hash, Time: noon.Add(-5 * time.Minute)}},
		Extra:   map[string]json.RawMessage{"completelyRewritten": json.RawMessage(`"na"`), "xmailer": nil, "suborgs": json.RawMessage(`{}`)},
	}}})
	want := `{"queryEndTime":"2026-03-02T11:59:00Z","messagesDelivered":[{"id":"c2f4a7b6-1d3e-4c58-a9f0-7e6b5d4c3a21",` +
		`"GUID":"Jm3_xT9vLs0QeRb6YhUw-2KpZc7NaD5g","QID":"40mc7whk9d-1","cluster":"corpexample_hosted",` +
		`"messageID":"<20260302095812.4C1D@mx7.freight.example>","messageTime":"2026-03-02T11:50:00.000Z","messageSize":81244,` +
		`"subject":"Fracht & <Rechnung>","sender":"billing@freight.example","senderIP":"203.0.113.9","recipient":["omar@corp.example"],` +
		`"fromAddress":["billing@freight.example"],"headerFrom":null,"replyToAddress":[],"headerReplyTo":null,` +
		`"toAddresses":["omar@corp.example"],"ccAddresses":[],` +
		`"modulesRun":["access","av","zerohour","spf","dkimv","sandbox","spam","dmarc","pdr","urldefense"],"policyRoutes":["default_inbound"],` +
		`"quarantineFolder":null,"quarantineRule":null,"spamScore":6,"phishScore":0,"malwareScore":0,"impostorScore":0.0,"completelyRewritten":"na",` +
		`"messageParts":[{"disposition":"attached","filename":"Rechnung.zip","contentType":null,"oContentType":null,` +
		`"sha256":"` + hash + `","sandboxStatus":"THREAT","depth":2}],"threatsInfoMap":[{"threatID":"` + hash + `","threat":"` + hash + `",` +
		`"threatType":"attachment","classification":"malware","threatStatus":"active","threatTime":"2026-03-02T11:55:00.000Z",` +
		`"threatUrl":"https://threatinsight.proofpoint.com/0d7c1f52-3a64-4b0e-8d5a-6f9b2c1e7a40/threat/email/` + hash + `",` +
		`"campaignID":null,"actors":[],"detectionType":"NONE"}],"suborgs":{}}]}` + "\n"
	if diff := cmp.Diff(want, get(t, srv, "/v2/siem/messages/delivered"+hourBefore()).body); diff != "" {
		t.Errorf("record mismatch (-want +got):\n%s", diff)
	}
}

func TestRawIsSentAsItStands(t *testing.T) {
	t.Parallel()
	at := noon.Add(-10 * time.Minute)
	broken := `{"GUID": "x", "messageTime": "2026-03-02T11:50:00Z", "subject": "` + "\xff" + `", oops`
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Switches: proofpointtest.Switches{Stable: true}, Messages: []proofpointtest.Message{
		{Raw: proofpointtest.Raw(broken), Created: at},
		{Raw: proofpointtest.Raw(`42`)},
		{Raw: proofpointtest.Raw(`{"messageTime":"2026-03-02T11:50:00.000Z","threatsInfoMap":null}`)},
		{Raw: proofpointtest.Raw(`{"messageTime":"2026-03-02T08:00:00.000Z","threatsInfoMap":null}`)},
		{Raw: proofpointtest.Raw(`{"messageTime":7}`), Created: noon.Add(-5 * time.Hour)},
	}})
	want := `{"queryEndTime":"2026-03-02T11:59:00Z","messagesDelivered":[` + broken + `,42,{"messageTime":"2026-03-02T11:50:00.000Z","threatsInfoMap":null}]}` + "\n"
	if diff := cmp.Diff(want, get(t, srv, "/v2/siem/messages/delivered"+hourBefore()).body); diff != "" {
		t.Errorf("raw records mismatch (-want +got):\n%s", diff)
	}
}

func TestLargeAnswerIsStreamed(t *testing.T) {
	t.Parallel()
	const n = 10_000
	from, to := noon.Add(-61*time.Minute), noon.Add(-time.Minute)
	read := make(chan struct{})
	made := 0
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, More: func(yield func(proofpointtest.Message) bool) {
		for m := range proofpointtest.Bulk(n, from, to) {
			if made == n/2 {
				<-read // the first half must have reached the client by then
			}
			made++
			if !yield(m) {
				return
			}
		}
	}})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, proofpointtest.URL+"/v2/siem/messages/delivered"+interval(from, to), nil)
	req.SetBasicAuth(proofpointtest.Principal, proofpointtest.Secret)
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.CopyN(io.Discard, res.Body, 5<<20); err != nil {
		t.Fatal(err)
	}
	close(read)
	rest, err := io.Copy(io.Discard, res.Body)
	if err != nil || made != n || rest < 10<<20 {
		t.Errorf("made %d messages, read %d bytes more, %v; want %d messages", made, rest, err, n)
	}
}

func BenchmarkLargeAnswer(b *testing.B) {
	from, to := noon.Add(-61*time.Minute), noon.Add(-time.Minute)
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, Quota: -1, More: proofpointtest.Bulk(50_000, from, to)})
	for b.Loop() {
		req, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, proofpointtest.URL+"/v2/siem/messages/delivered"+interval(from, to), nil)
		req.SetBasicAuth(proofpointtest.Principal, proofpointtest.Secret)
		res, err := srv.Client().Do(req)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(n)
		res.Body.Close()
	}
}

func TestBulkIsValid(t *testing.T) {
	t.Parallel()
	from, to := noon.Add(-61*time.Minute), noon.Add(-time.Minute)
	srv := proofpointtest.New(proofpointtest.World{Now: stopped, More: proofpointtest.Bulk(1000, from, to)})
	a := get(t, srv, "/v2/siem/messages/delivered"+interval(from, to))
	got := decode(t, a)["messagesDelivered"]
	if len(got) != 1000 || len(a.body) < 1<<20 || len(slices.Compact(column(got, "id"))) != 1000 {
		t.Errorf("%d messages in %d bytes, want 1000 with an id each in over a megabyte", len(got), len(a.body))
	}
	a = get(t, srv, "/v2/siem/messages/delivered"+interval(from, to)+"&threatType=attachment")
	if got := len(decode(t, a)["messagesDelivered"]); got != 100 {
		t.Errorf("%d messages with a condemned attachment, want 100", got)
	}
}

func TestFixtures(t *testing.T) {
	t.Parallel()
	all := proofpointtest.Fixtures()
	names := map[string]bool{}
	for _, f := range all {
		if !json.Valid(f.Raw) {
			t.Errorf("%s/%s is not JSON", f.Category, f.Name)
		}
		names[f.Name] = true
	}
	for _, name := range []string{"skeleton", "recipient_1_of_2", "phish_attachment", "three_parts_one_bad", "no_parts", "threat_matches_no_part", "late_verdict", "md5_null", "toad", "no_threat_url"} {
		if !names[name] {
			t.Errorf("no fixture %s", name)
		}
	}
	srv := proofpointtest.New(proofpointtest.FixtureWorld())
	got := decode(t, get(t, srv, "/v2/siem/all"+interval(proofpointtest.FixtureWindow())+"&threatStatus=active&threatStatus=cleared&threatStatus=falsePositive"))
	served := 0
	for _, records := range got {
		served += len(records)
	}
	if served != len(all) {
		t.Errorf("%d of %d fixtures were served", served, len(all))
	}
	for _, f := range proofpointtest.Undecodable() {
		var record map[string]any
		if json.Valid(f.Raw) && json.Unmarshal(f.Raw, &record) != nil && f.Category == "" {
			continue
		}
		t.Errorf("undecodable value %q is a record, or no JSON", f.Raw)
	}
}
