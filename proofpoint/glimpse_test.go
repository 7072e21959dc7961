package proofpoint_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
)

func TestGlimpse(t *testing.T) {
	t.Parallel()
	url := func(more string) string {
		return `{"GUID":"g","threatsInfoMap":[{"threatType":"url","threat":"bad.example"}]` + more + `}`
	}
	link := proofpoint.Glimpse{Types: []proofpoint.ThreatType{"url"}}
	for _, c := range []struct {
		name, message string
		want          *proofpoint.Glimpse // nil: it must be decoded
	}{
		{"a link", url(``), &link},
		{"a link, with spaces", `{ "threatsInfoMap" : [ { "threatType" : "url" } ] , "recipient" : [ "a@b" ] }`, &link},
		{"a link, spelled otherwise", `{"threatsInfoMap":[{"threatType":"URL"}]}`, &proofpoint.Glimpse{Types: []proofpoint.ThreatType{"URL"}}},
		{
			"several", `{"threatsInfoMap":[{"threatType":"url"},{"threatType":"attachment"},{"threatType":"url"}],"messageParts":[{"sandboxStatus":"THREAT"},{"sandboxStatus":null}]}`,
			&proofpoint.Glimpse{Types: []proofpoint.ThreatType{"url", "attachment"}, Sandbox: []proofpoint.SandboxStatus{"THREAT"}},
		},
		{"the words in a text", url(`,"subject":"\"threatType\":\"attachment\" \\"`), &link},
		{"quotes and a colon in a text", url(`,"subject":"\": x\\\\\":"`), &link},
		{
			"a text that ends with a backslash", `{"subject":"x\\\\","threatsInfoMap":[{"threatType":"attachment"},{"threatType":"url"}]}`,
			&proofpoint.Glimpse{Types: []proofpoint.ThreatType{"attachment", "url"}},
		},
		{"the words as a value", url(`,"xmailer":"threatType","cluster":"attachment"`), &link},
		{"nulls", url(`,"recipient":null,"messageParts":null,"messageTime":null,"sandboxStatus":null`), &link},
		{"empty lists", url(`,"recipient":[],"messageParts":[ ]`), &link},
		{"no threat", `{"GUID":"g","threatsInfoMap":[]}`, nil},
		{"nothing of it", `{}`, nil},
		{"no object", `["threatType","url"]`, nil},
		{"a name with an escape", url(`,"thr\u0065atType":"attachment"`), nil},
		{"a type with an escape", `{"threatsInfoMap":[{"threatType":"url"},{"threatType":"attachm\u0065nt"}]}`, nil},
		{"a type that is no text", `{"threatsInfoMap":[{"threatType":"url"},{"threatType":["attachment"]}]}`, nil},
		{"a recipient that is no text", url(`,"recipient":5`), nil},
		{"recipients that are no texts", url(`,"recipient":[5]`), nil},
		{"an id that is no text", url(`,"id":{}`), nil},
		{"threats that are no list", `{"threatsInfoMap":{"threatType":"url"}}`, nil},
		{"threats that are no objects", `{"threatsInfoMap":["x",{"threatType":"url"}]}`, nil},
		{"parts that are no list", url(`,"messageParts":"x"`), nil},
		{"a hash that is no text", url(`,"messageParts":[{"sha256":7}]`), nil},
		{"no time", url(`,"messageTime":"yesterday"`), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := proofpoint.GlimpseOf([]byte(c.message))
			if ok != (c.want != nil) {
				t.Fatalf("GlimpseOf(%s) = %+v, %t", c.message, got, ok)
			}
			if c.want != nil {
				if diff := cmp.Diff(*c.want, got); diff != "" {
					t.Errorf("GlimpseOf(%s) mismatch (-want +got):\n%s", c.message, diff)
				}
			}
		})
	}
}

// FuzzGlimpse checks that a glimpse hides nothing of what decoding shows.
func FuzzGlimpse(f *testing.F) {
	seedFrom(f, "record_*.json")
	f.Add([]byte(`{"threatsInfoMap":[{"threatType":"url"},{"threatType":"\\"},{"threatType":"a\"b"}],"\"":"threatType\\\\"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, ok := proofpoint.GlimpseOf(data)
		var m proofpoint.Message
		if err := m.UnmarshalJSON(data); err != nil || !ok {
			return
		}
		for _, threat := range m.Threats {
			if threat.Type != "" && !slices.Contains(g.Types, threat.Type) {
				t.Errorf("the glimpse %+v hides the threat %+v of %s", g, threat, data)
			}
		}
		for _, p := range m.Parts {
			if p.SandboxStatus != "" && !slices.Contains(g.Sandbox, p.SandboxStatus) {
				t.Errorf("the glimpse %+v hides the part %+v of %s", g, p, data)
			}
		}
	})
}

// What is not relevant is not even decoded: nothing is told of it.
func TestWhatIsNotRelevantIsPassedOver(t *testing.T) {
	t.Parallel()
	var told []string
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, strings.NewReader(`{"messagesDelivered":[{"GUID":"a"},{"GUID":5},{"GUID":"b"}],"clicksPermitted":[{"GUID":"c"}]}`)), nil
	}))
	query := proofpoint.Query{Window: hour, Relevant: func(c proofpoint.Category, raw []byte) bool {
		told = append(told, fmt.Sprint(c, " ", string(raw)))
		return strings.Contains(string(raw), `"b"`)
	}}
	var got []string
	for r, err := range client.SIEM.Records(t.Context(), proofpoint.FeedIssues, query) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Message.GUID)
	}
	if diff := cmp.Diff([]string{"b"}, got); diff != "" {
		t.Errorf("records mismatch (-want +got):\n%s", diff)
	}
	want := []string{`messagesDelivered {"GUID":"a"}`, `messagesDelivered {"GUID":5}`, `messagesDelivered {"GUID":"b"}`, `clicksPermitted {"GUID":"c"}`}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("asked mismatch (-want +got):\n%s", diff)
	}
}

// BenchmarkGlimpse is beside what it saves.
func BenchmarkGlimpse(b *testing.B) {
	message := sample(b, "record_full.json")
	b.Run("glimpse", func(b *testing.B) {
		b.SetBytes(int64(len(message)))
		for b.Loop() {
			if _, ok := proofpoint.GlimpseOf(message); !ok {
				b.Fatal("the sample cannot be seen through")
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(message)))
		for b.Loop() {
			var m proofpoint.Message
			if err := m.UnmarshalJSON(message); err != nil {
				b.Fatal(err)
			}
		}
	})
}
