package proofpoint_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/proofpoint"
)

func TestClickDecodesEveryShapeOfARecord(t *testing.T) {
	t.Parallel()
	tests := map[string]proofpoint.Click{
		"click_full.json": {
			ID: "4be1c3d2-9a77-4f05-8c61-0d2e4f6a8b13", GUID: "-vN3kQ8xYt_Lw5RzHc2BfJ7mPaS0dUeG",
			MessageID: "<20260305.081502.77@mx.parts.example>", URL: "http://portal.lookalike.example/r?u=mia@lab.example",
			Classification: "phish", Time: time.Date(2026, 2, 24, 10, 0, 0, 125e6, time.UTC), IP: "198.51.100.33",
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Recipient: "mia@lab.example",
			Sender: "5f4dcc3b5aa765d61d8327deb882cf99@parts.example", SenderIP: "203.0.113.44",
			ThreatID: link, ThreatStatus: "active", ThreatTime: time.Date(2026, 3, 5, 8, 10, 0, 0, time.UTC),
			ThreatURL:  "https://threatinsight.proofpoint.com/3d0f6b1e-0000-4000-8000-1a2b3c4d5e6f/threat/email/" + link,
			CampaignID: "a91d3c52-7b0e-4c1f-8d46-2e5f7a9b0c13",
		},
		"click_sparse.json": {
			GUID: "8Hk2mX5vQpL0tRzWc7YbNfJ4sDaG9eUi", URL: "http://portal.lookalike.example/r", Classification: "phish",
			Time: time.Date(2026, 3, 5, 8, 20, 0, 0, time.UTC), Recipient: "tom@lab.example", ThreatID: link,
		},
		"click_odd.json": {
			GUID: "second-spelling", MessageID: "<odd@parts.example>", URL: "portal.lookalike.example/r?u=mia@lab.example",
			Classification: "MALWARE", Time: time.Date(2026, 3, 5, 8, 20, 0, 0, time.UTC), UserAgent: "7", Recipient: "mia@lab.example",
			ThreatID: proofpoint.ThreatID(strings.ToUpper(link)), ThreatStatus: "falsepositive",
			ThreatURL: "https://threatinsight.proofpoint.com/odd", CampaignID: "campaign-in-capitals",
		},
	}
	for file, want := range tests {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			raw := sample(t, file)
			var got, again proofpoint.Click
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatalf("Unmarshal() = %v", err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(proofpoint.Click{}, "Raw")); diff != "" {
				t.Errorf("Unmarshal() mismatch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(raw)), string(got.Raw)); diff != "" {
				t.Errorf("Raw is not the record (-want +got):\n%s", diff)
			}
			written, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.UnmarshalJSON(written); err != nil {
				t.Fatalf("UnmarshalJSON(%s) = %v", written, err)
			}
			if diff := cmp.Diff(want, again, cmpopts.IgnoreFields(proofpoint.Click{}, "Raw")); diff != "" {
				t.Errorf("written and read again (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClickFieldsOfUnknownShape(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, record string
		want         proofpoint.Click
		malformed    string // part of the error; empty: the record is read
	}{
		{"a text is no click", `"GUID"`, proofpoint.Click{}, "a text where an object belongs"},
		{"null is no click", `null`, proofpoint.Click{}, "null where an object belongs"},
		{"an empty object is one", `{}`, proofpoint.Click{}, ""},
		{"an identity must be a text", `{"id":7}`, proofpoint.Click{}, "a number where a text belongs, at /id"},
		{"a time must be a time", `{"clickTime":"yesterday, mia@lab.example"}`, proofpoint.Click{}, "a text where a time belongs, at /clickTime"},
		{"the recipient must be a text", `{"recipient":{"a":1}}`, proofpoint.Click{}, "an object where a text belongs, at /recipient"},
		{"a status must be a text", `{"threatStatus":false}`, proofpoint.Click{}, "a boolean where a text belongs"},
		{"several recipients are joined", `{"recipient":["a@b.example",null,"c@d.example"]}`, proofpoint.Click{Recipient: "a@b.example,c@d.example"}, ""},
		{"the wire's spelling wins", `{"threatUrl":"other","threatURL":"wire","campaignID":"other","campaignId":"wire"}`, proofpoint.Click{ThreatURL: "wire", CampaignID: "wire"}, ""},
		{"null does not wipe out the other spelling", `{"campaignID":"other","campaignId":null}`, proofpoint.Click{CampaignID: "other"}, ""},
		{"what only informs may be anything", `{"clickIP":{"a":1},"userAgent":["x"],"senderIP":true}`, proofpoint.Click{SenderIP: "true"}, ""},
	}
	for _, tt := range tests {
		var got proofpoint.Click
		err := got.UnmarshalJSON([]byte(tt.record))
		if tt.malformed != "" {
			if err == nil || !strings.Contains(err.Error(), tt.malformed) || strings.Contains(err.Error(), "mia@lab.example") {
				t.Errorf("%s: UnmarshalJSON(%s) = %v, want an error with %q", tt.name, tt.record, err, tt.malformed)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: UnmarshalJSON(%s) = %v", tt.name, tt.record, err)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(proofpoint.Click{}, "Raw")); diff != "" {
			t.Errorf("%s: UnmarshalJSON(%s) mismatch (-want +got):\n%s", tt.name, tt.record, diff)
		}
	}
}

func TestClickIdentity(t *testing.T) {
	t.Parallel()
	base := proofpoint.Click{Category: proofpoint.ClicksPermitted, GUID: "g", URL: "http://a.example", Time: now, Recipient: "mia"}
	status := base
	status.ThreatStatus, status.Raw = "cleared", []byte("{}")
	if base.Identity() != status.Identity() {
		t.Errorf("a status changes the identity: %q, %q", base.Identity(), status.Identity())
	}
	variants := []func(*proofpoint.Click){
		func(*proofpoint.Click) {},
		func(c *proofpoint.Click) { c.Category = proofpoint.ClicksBlocked },
		func(c *proofpoint.Click) { c.URL = "http://b.example" },
		func(c *proofpoint.Click) { c.Time = now.Add(time.Millisecond) },
		func(c *proofpoint.Click) { c.Recipient = "tom" },
		func(c *proofpoint.Click) { c.GUID = "h" },
		func(c *proofpoint.Click) { c.ID = "x" },
		func(c *proofpoint.Click) { c.GUID, c.Raw = "", []byte("{}") },
		func(c *proofpoint.Click) { c.GUID, c.Raw = "", []byte(`{"subject":""}`) },
	}
	seen := map[string]bool{}
	for i, vary := range variants {
		c := base
		vary(&c)
		id := proofpoint.Record{Click: &c}.Identity()
		if id == "" || id != c.Identity() || seen[id] {
			t.Errorf("variant %d has the identity %q, which is empty or taken", i, id)
		}
		seen[id] = true
	}
}

func TestARecordOfNothing(t *testing.T) {
	t.Parallel()
	var r proofpoint.Record
	if r.Category() != "" || r.Identity() != "" || r.Raw() != nil || !r.Created().IsZero() {
		t.Errorf("an empty record says %q, %q, %q, %v", r.Category(), r.Identity(), r.Raw(), r.Created())
	}
}

func TestAClickIsCreatedByTheLaterOfClickAndVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []proofpoint.Click{{Time: now, ThreatTime: now.Add(-time.Hour)}, {Time: now.Add(-time.Hour), ThreatTime: now}, {Time: now}} {
		if got := c.Created(); !got.Equal(now) {
			t.Errorf("Created() = %v of %v and %v", got, c.Time, c.ThreatTime)
		}
	}
}
