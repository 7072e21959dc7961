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

const (
	offer   = "f90e79e658248810706f88f708e2b48913252a7cb14d6e39ee1cda9b9985d17d"
	logo    = "ab211233b6576dbb0f8b5826447eeac61e2a833a99ac5d788fbc1a174c3c6ce5"
	body    = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
	invoice = "cc9c4d3f3a6511be28703c89cc51df83d4f88274094b23a9bad30b14e64dac71"
	link    = "28e5ebabd9d8f6e237df63da2b503785093f0229241bc7021198f63c43b93269"
)

func TestMessageDecodesEveryShapeOfARecord(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		want       proofpoint.Message
	}{
		{
			"a record with every field", "record_full.json", proofpoint.Message{
				ID: "0c7e9a52-41d8-4b6f-9a3e-5f1d2c8b7e60", GUID: "-vN3kQ8xYt_Lw5RzHc2BfJ7mPaS0dUeG", QID: "41ab9xk2rt-1",
				Cluster: "labexample_hosted", MessageID: "<20260305.081502.77@mx.parts.example>",
				Time: time.Date(2026, 3, 5, 8, 15, 4, 250e6, time.UTC), Size: 204811,
				Subject: "=?utf-8?Q?Angebot_=E2=80=93_Pumpen?=", Sender: "sales@parts.example", SenderIP: "203.0.113.44",
				Recipients: []string{"mia@lab.example"}, FromAddresses: []string{"sales@parts.example"},
				HeaderFrom:       "Parts Sales <sales@parts.example>",
				ReplyToAddresses: []string{"reply@parts.example"}, HeaderReplyTo: "reply@parts.example",
				ToAddresses: []string{"mia@lab.example", "tom@lab.example"}, CCAddresses: []string{"lee@lab.example"},
				XMailer: "ExampleMailer 4.1", ModulesRun: []string{"access", "av", "sandbox", "spam", "pdr", "urldefense"},
				PolicyRoutes: []string{"default_inbound"}, QuarantineFolder: "Attachment Defense", QuarantineRule: "pre-rewrite-copy",
				SpamScore: 4, PhishScore: 2, CompletelyRewritten: proofpoint.RewrittenTrue,
				Parts: []proofpoint.Part{
					{Disposition: "inline", FileName: "text.html", ContentType: "text/html", DeclaredType: "text/html", MD5: "841a2d689ad86bd1611447453c22c6fc", SHA256: body},
					{Disposition: "attached", FileName: "offer.iso", ContentType: "application/x-iso9660-image", DeclaredType: "application/octet-stream", SHA256: offer, SandboxStatus: "THREAT"},
					{Disposition: "attached", FileName: "logo.png", ContentType: "image/png", DeclaredType: "image/png", MD5: "1bb87d41d15fe27b500a4bfcde01bb0e", SHA256: logo, SandboxStatus: "CLEAN"},
				},
				Threats: []proofpoint.Threat{{
					ID: offer, Artifact: offer, Type: "attachment", Classification: "malware", Status: "active",
					Time:       time.Date(2026, 3, 5, 8, 31, 0, 0, time.UTC),
					URL:        "https://threatinsight.proofpoint.com/3d0f6b1e-0000-4000-8000-1a2b3c4d5e6f/threat/email/" + offer,
					CampaignID: "a91d3c52-7b0e-4c1f-8d46-2e5f7a9b0c13",
					Actors:     []proofpoint.Actor{{ID: "5e2c7d80-1f3b-4a69-9c8d-7b6a5f4e3d2c", Name: "TA-EXAMPLE", Type: "ACTOR"}}, DetectionType: "NONE",
				}},
			},
		},
		{
			"a skeleton of nulls", "record_skeleton.json", proofpoint.Message{
				ID: "7d5b1f3a-92c4-4e08-b6a7-c0d1e2f3a4b5", GUID: "8Hk2mX5vQpL0tRzWc7YbNfJ4sDaG9eUi", Cluster: "labexample_hosted",
				Time: time.Date(2026, 3, 5, 7, 2, 11, 0, time.UTC), SenderIP: "203.0.113.70",
				Recipients: []string{"5f4dcc3b5aa765d61d8327deb882cf99@lab.example"},
				Threats: []proofpoint.Threat{{
					ID: invoice, Artifact: invoice, Type: "attachment", Classification: "phish", Status: "active",
					Time: time.Date(2026, 3, 5, 7, 40, 0, 0, time.UTC),
				}},
			},
		},
		{
			"every second spelling and second type", "record_odd.json", proofpoint.Message{
				GUID: "second-spelling", Cluster: "documented_name", MessageID: "<odd@parts.example>",
				Time: time.Date(2026, 3, 5, 8, 2, 11, 0, time.UTC), Size: 1024, Subject: "Rückfrage",
				Recipients: []string{"single@lab.example"}, FromAddresses: []string{"single@parts.example"},
				ToAddresses: []string{"to@lab.example"}, HeaderTo: "to@lab.example",
				CCAddresses: []string{"cc@lab.example"}, HeaderCC: "cc@lab.example",
				SpamScore: 17, PhishScore: 3, ImpostorScore: 12.5, CompletelyRewritten: proofpoint.RewrittenNotApplicable,
				Parts: []proofpoint.Part{{Disposition: "ATTACHED", SHA256: strings.ToUpper(invoice), SandboxStatus: "inprogress"}},
				Threats: []proofpoint.Threat{
					{
						ID: proofpoint.ThreatID(strings.ToUpper(invoice)), Artifact: invoice, Type: "ATTACHMENT", Classification: "PHISH",
						Status: "falsepositive", URL: "https://threatinsight.proofpoint.com/odd", CampaignID: "campaign-in-lower-case",
					},
					{ID: link, Artifact: "portal.lookalike.example/r/", Type: "message", Classification: "TOAD", Actors: []proofpoint.Actor{{ID: "7", Name: "numbered"}}},
				},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			raw := sample(t, tt.file)
			var got proofpoint.Message
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatalf("Unmarshal(%s) = %v", tt.file, err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(proofpoint.Message{}, "Raw")); diff != "" {
				t.Errorf("%s mismatch (-want +got):\n%s", tt.file, diff)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(raw)), string(got.Raw)); diff != "" {
				t.Errorf("Raw is not the record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessageFieldsOfUnknownShape(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, record string
		want         proofpoint.Message
		malformed    string // part of the error; empty: the record is read
	}{
		{"a text is no record", `"GUID"`, proofpoint.Message{}, "a text where an object belongs"},
		{"null is no record", `null`, proofpoint.Message{}, "null where an object belongs"},
		{"a list is no record", `[]`, proofpoint.Message{}, "a list where an object belongs"},
		{"an empty object is one", `{}`, proofpoint.Message{}, ""},
		{"an identity must be a text", `{"GUID":7}`, proofpoint.Message{}, "a number where a text belongs, at /GUID"},
		{"a time must be a time", `{"messageTime":"yesterday, mia@lab.example"}`, proofpoint.Message{}, "a text where a time belongs, at /messageTime"},
		{"a time must not be a number", `{"messageTime":1772699704}`, proofpoint.Message{}, "a number where a text belongs"},
		{"parts must be a list", `{"messageParts":"none"}`, proofpoint.Message{}, "a text where a list belongs, at /messageParts"},
		{"threats must be a list in spite of their name", `{"threatsInfoMap":{"a":{}}}`, proofpoint.Message{}, "an object where a list belongs"},
		{"a hash must be a text", `{"messageParts":[{},{"sha256":12}]}`, proofpoint.Message{}, "a number where a text belongs, at /messageParts/1/sha256"},
		{"a verdict must be a text", `{"threatsInfoMap":[{"threatStatus":true}]}`, proofpoint.Message{}, "a boolean where a text belongs"},
		{"a threat must be an object", `{"threatsInfoMap":["x"]}`, proofpoint.Message{}, "a text where an object belongs"},
		{"recipients must be texts", `{"recipient":[{"a":1}]}`, proofpoint.Message{}, "an object where a text belongs"},
		{"names match by exact case", `{"Guid":"x","THREATSINFOMAP":5}`, proofpoint.Message{}, ""},
		{"an escaped name is the name", `{"\u0047UID":"x"}`, proofpoint.Message{GUID: "x"}, ""},
		{"a name that is not UTF-8 is unknown", "{\"\xffUID\":[1,2]}", proofpoint.Message{}, ""},
		{"the wire's spelling wins when it comes first", `{"GUID":"wire","guid":"other"}`, proofpoint.Message{GUID: "wire"}, ""},
		{"the wire's spelling wins when it comes last", `{"guid":"other","GUID":"wire"}`, proofpoint.Message{GUID: "wire"}, ""},
		{"an empty spelling does not win", `{"guid":"other","GUID":null}`, proofpoint.Message{GUID: "other"}, ""},
		{
			"what only informs may be anything", `{"subject":{"a":1},"sender":["a"],"fromAddress":{"a":1},"spamScore":"high","messageSize":-1e300,"completelyRewritten":[true],"modulesRun":true}`,
			proofpoint.Message{ModulesRun: []string{"true"}},
			"",
		},
		{"a boolean answer in lower case", `{"completelyRewritten":false}`, proofpoint.Message{CompletelyRewritten: proofpoint.RewrittenFalse}, ""},
		{"the same in quotes", `{"completelyRewritten":"true"}`, proofpoint.Message{CompletelyRewritten: proofpoint.RewrittenTrue}, ""},
		{"a fraction where an integer belongs", `{"malwareScore":99.9}`, proofpoint.Message{MalwareScore: 99}, ""},
		{"bytes that are not UTF-8", "{\"subject\":\"caf\xe9\"}", proofpoint.Message{Subject: "caf\uFFFD"}, ""},
		{"half a surrogate pair", `{"subject":"\ud83d!"}`, proofpoint.Message{Subject: "\uFFFD!"}, ""},
		{"a time without zone is UTC", `{"messageTime":"2026-03-05T08:15:04"}`, proofpoint.Message{Time: time.Date(2026, 3, 5, 8, 15, 4, 0, time.UTC)}, ""},
		{"a time with an offset becomes UTC", `{"messageTime":"2026-03-05T08:15:04.5+01:00"}`, proofpoint.Message{Time: time.Date(2026, 3, 5, 7, 15, 4, 5e8, time.UTC)}, ""},
		{"an empty time is none", `{"messageTime":""}`, proofpoint.Message{}, ""},
		{"a duplicate name", `{"GUID":"a","GUID":"b"}`, proofpoint.Message{}, "duplicate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got proofpoint.Message
			err := got.UnmarshalJSON([]byte(tt.record))
			if tt.malformed != "" {
				if err == nil || !strings.Contains(err.Error(), tt.malformed) {
					t.Errorf("UnmarshalJSON(%s) = %v, want an error with %q", tt.record, err, tt.malformed)
				}
				if err != nil && strings.Contains(err.Error(), "mia@lab.example") {
					t.Errorf("the error quotes the record: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("UnmarshalJSON(%s) = %v", tt.record, err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(proofpoint.Message{}, "Raw")); diff != "" {
				t.Errorf("UnmarshalJSON(%s) mismatch (-want +got):\n%s", tt.record, diff)
			}
		})
	}
}

func TestMessageKeepsRawApartFromItsSource(t *testing.T) {
	t.Parallel()
	source := []byte(`{"GUID":"x"}`)
	var m proofpoint.Message
	if err := m.UnmarshalJSON(source); err != nil {
		t.Fatal(err)
	}
	copy(source, "............")
	if got := string(m.Raw); got != `{"GUID":"x"}` {
		t.Errorf("Raw = %s after its source changed", got)
	}
}

func TestMessageWrittenAsJSONIsARecordAgain(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"record_full.json", "record_skeleton.json", "record_odd.json"} {
		var want, got proofpoint.Message
		if err := want.UnmarshalJSON(sample(t, file)); err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.UnmarshalJSON(written); err != nil {
			t.Fatalf("UnmarshalJSON(%s) = %v", written, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(proofpoint.Message{}, "Raw")); diff != "" {
			t.Errorf("%s mismatch (-read +written):\n%s", file, diff)
		}
	}
}
