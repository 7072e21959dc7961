package proofpoint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/proofpoint"
)

func seedFrom(f *testing.F, pattern string) {
	f.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) == 0 {
		f.Fatalf("no samples %s: %v", pattern, err)
	}
	for _, name := range names {
		f.Add(sample(f, filepath.Base(name)))
	}
}

// FuzzMessage checks that whatever is read as a record can be written and read again without a difference.
func FuzzMessage(f *testing.F) {
	seedFrom(f, "record_*.json")
	f.Add([]byte(`{"recipient":"a","messageParts":[null,{}],"threatsInfoMap":[{"actors":[{}]}],"messageTime":"2026-03-05T08:15:04.1-0730"}`))
	f.Add([]byte("{\"subject\":\"\xff\",\"messageSize\":9007199254740993,\"impostorScore\":1e-7}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second proofpoint.Message
		if err := first.UnmarshalJSON(data); err != nil {
			if !cmp.Equal(first, proofpoint.Message{}) {
				t.Errorf("a refused record left %+v", first)
			}
			return
		}
		if !bytes.Equal(first.Raw, data) {
			t.Errorf("Raw = %q, want %q", first.Raw, data)
		}
		_ = first.Identity() + first.SubjectText()
		if first.Created().Before(first.Time) {
			t.Error("the record was created before its message")
		}
		written, err := json.Marshal(first)
		if err != nil {
			if y := first.Created().Year(); y < 0 || y > 9999 {
				return // an offset took the time out of what RFC 3339 can write
			}
			t.Fatalf("Marshal() = %v", err)
		}
		if err := second.UnmarshalJSON(written); err != nil {
			t.Fatalf("UnmarshalJSON(%s) = %v", written, err)
		}
		if diff := cmp.Diff(first, second, cmpopts.IgnoreFields(proofpoint.Message{}, "Raw"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("read and read again (-first +second):\n%s", diff)
		}
	})
}

// FuzzClick checks that whatever is read as a click can be written and read again without a difference.
func FuzzClick(f *testing.F) {
	seedFrom(f, "click_*.json")
	f.Add([]byte(`{"recipient":["a","b"],"clickTime":"2026-03-05T08:15:04.1-0730","campaignID":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second proofpoint.Click
		if err := first.UnmarshalJSON(data); err != nil {
			if !cmp.Equal(first, proofpoint.Click{}) {
				t.Errorf("a refused record left %+v", first)
			}
			return
		}
		if !bytes.Equal(first.Raw, data) {
			t.Errorf("Raw = %q, want %q", first.Raw, data)
		}
		_ = first.Identity()
		if created := first.Created(); created.Before(first.Time) || created.Before(first.ThreatTime) {
			t.Error("the record was created before its click or its verdict")
		}
		written, err := json.Marshal(first)
		if err != nil {
			return // an offset took a time out of what RFC 3339 can write
		}
		if err := second.UnmarshalJSON(written); err != nil {
			t.Fatalf("UnmarshalJSON(%s) = %v", written, err)
		}
		if diff := cmp.Diff(first, second, cmpopts.IgnoreFields(proofpoint.Click{}, "Raw")); diff != "" {
			t.Errorf("read and read again (-first +second):\n%s", diff)
		}
	})
}

// FuzzAnswer checks the stream reader against the standard library: an answer without an error is JSON, and every record in its
// list was handed out or reported.
func FuzzAnswer(f *testing.F) {
	seedFrom(f, "*.json")
	for _, seed := range []string{
		`{"messagesDelivered":[]}`, `{"messagesDelivered":[{}],"error":""}`, `{"messagesDelivered":[{"GUID":"a"},7,{"GUID":"b"}],"x":[[]]}`,
		`{"error":"no"}`, `[]`, ``, `{"messagesDelivered":[{}`, "{\"messagesDelivered\":[{\"subject\":\"\xff\"}]}", `{"messagesDelivered":[]} 1`,
	} {
		f.Add([]byte(seed))
	}
	var body []byte
	client := newClient(f, roundTripper(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, bytes.NewReader(body)), nil
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		body = data
		malformed := 0
		q := proofpoint.MessageQuery{Window: hour, OnMalformed: func(proofpoint.Malformed) { malformed++ }}
		messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), q))
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "proofpoint: siem.messages_delivered: ") {
				t.Errorf("error = %q, which does not name its operation", text)
			}
			return
		}
		var whole struct {
			List []json.RawMessage `json:"messagesDelivered"`
		}
		if err := json.Unmarshal(data, &whole); err != nil {
			t.Fatalf("%q was taken for a whole answer: %v", data, err)
		}
		if got := len(messages) + malformed; got != len(whole.List) {
			t.Errorf("%d messages and %d malformed records of %d", len(messages), malformed, len(whole.List))
		}
	})
}

// FuzzCampaign checks that a campaign is read without harm and keeps its bytes, and that no member is lost without a word.
func FuzzCampaign(f *testing.F) {
	seedFrom(f, "campaign*.json")
	f.Add([]byte(`{"campaignMembers":[{},7,{"threatTime":"soon"}]}`))
	var body []byte
	client := newClient(f, roundTripper(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, bytes.NewReader(body)), nil
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		body = data
		got, err := client.Campaigns.Get(t.Context(), "c")
		bad, partial := errors.AsType[*proofpoint.MalformedError](err)
		if err != nil && !partial {
			if !cmp.Equal(got, proofpoint.Campaign{}) {
				t.Errorf("a refused answer left %+v", got)
			}
			return
		}
		var whole map[string]json.RawMessage
		var list []json.RawMessage
		if err := json.Unmarshal(data, &whole); err != nil {
			t.Fatalf("%q was taken for a campaign: %v", data, err)
		}
		if members := whole["campaignMembers"]; members != nil {
			if err := json.Unmarshal(members, &list); err != nil {
				t.Fatalf("%q was taken for a list: %v", members, err)
			}
		}
		count := len(got.Members)
		if partial {
			count += bad.Total
		}
		if !bytes.Equal(got.Raw, bytes.TrimSpace(data)) || count != len(list) {
			t.Errorf("%d members of %d, Raw = %q of %q", count, len(list), got.Raw, data)
		}
	})
}

// FuzzForensics checks that reports are read without harm, and that each piece of evidence keeps what it says.
func FuzzForensics(f *testing.F) {
	seedFrom(f, "forensics.json")
	f.Add([]byte(`{"reports":[{"forensics":[7,{"type":"url","what":[]},{"type":"network","what":{"port":1e400}}]}]}`))
	var body []byte
	client := newClient(f, roundTripper(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, bytes.NewReader(body)), nil
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		body = data
		got, err := client.Forensics.ByThreat(t.Context(), "x", proofpoint.ForensicsOptions{})
		if _, partial := errors.AsType[*proofpoint.MalformedError](err); err != nil && !partial {
			if !cmp.Equal(got, proofpoint.ForensicReports{}) {
				t.Errorf("a refused answer left %+v", got)
			}
			return
		}
		if !bytes.Equal(got.Raw, bytes.TrimSpace(data)) {
			t.Errorf("Raw = %q of %q", got.Raw, data)
		}
		for _, report := range got.Reports {
			for _, e := range report.Evidence {
				if e.What != nil && !bytes.HasPrefix(e.RawWhat, []byte("{")) || !bytes.Contains(data, e.RawWhat) {
					t.Errorf("%q became %#v", e.RawWhat, e.What)
				}
			}
		}
	})
}

// FuzzPeople checks that pages of people are read without harm, and that nobody on a page is lost without a word.
func FuzzPeople(f *testing.F) {
	seedFrom(f, "people_*.json")
	f.Add([]byte(`{"users":[7,{"identity":{"guid":7}}],"interval":"/"}`))
	var body []byte
	client := newClient(f, roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("page") != "1" {
			return response(r, http.StatusOK, strings.NewReader(`{"users":[]}`)), nil
		}
		return response(r, http.StatusOK, bytes.NewReader(body)), nil
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		body = data
		people, err := collect(t, client.People.VeryAttacked(t.Context(), proofpoint.PeopleQuery{Window: 14}))
		bad, partial := errors.AsType[*proofpoint.MalformedError](err)
		if err != nil && !partial {
			return
		}
		known := map[string]bool{} // a page may have somebody twice
		for _, p := range people {
			known[string(p.Raw)] = true
		}
		if partial {
			for _, m := range bad.Records {
				known[string(m.Raw)] = true
			}
		}
		var page map[string]json.RawMessage
		var users []json.RawMessage
		if err := errors.Join(json.Unmarshal(data, &page), json.Unmarshal(page["users"], &users)); err != nil {
			t.Fatalf("%q was taken for a page: %v", data, err)
		}
		for _, u := range users {
			if !known[string(u)] && !bytes.Contains(u, []byte("guid")) && !bytes.Contains(u, []byte(`\u`)) && len(users) < 20 {
				t.Errorf("%s of %s was lost", u, data)
			}
		}
	})
}

// FuzzDecodedURLs checks that each URL has one entry with a URL or an error, and that nothing comes from an answer to another.
func FuzzDecodedURLs(f *testing.F) {
	f.Add([]byte(`{"urls":[{"encodedUrl":"a","decodedUrl":"http://a.example","success":true},{"encodedUrl":"b","success":false,"error":"Invalid"}]}`))
	f.Add([]byte(`{"urls":[{"encodedUrl":"b","decodedUrl":"","success":1},7]}`))
	var body []byte
	client := newClient(f, roundTripper(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, bytes.NewReader(body)), nil
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		body = data
		got, _ := client.URLs.Decode(t.Context(), "a", "b")
		if len(got) != 2 || got[0].Encoded != "a" || got[1].Encoded != "b" {
			t.Fatalf("Decode() = %+v", got)
		}
		for _, d := range got {
			if (d.URL == "") == (d.Err == nil) {
				t.Errorf("Decode() = %+v of %s", d, data)
			}
		}
	})
}

// FuzzCleanURL checks that a link without anything to clean stays as it is, and that cleaning twice is cleaning once where no
// entity was doubled.
func FuzzCleanURL(f *testing.F) {
	f.Add("https://a.example/?u=3Dhttp=\r\n-3A__b&amp;d=\n=3Dx")
	f.Add("<https://a.example/>")
	f.Fuzz(func(t *testing.T, s string) {
		got := proofpoint.CleanURL(s)
		if !strings.ContainsAny(s, " \t\r\n\v\f\u0085\u00a0<&") && strings.TrimSpace(s) == s && got != s {
			t.Errorf("CleanURL(%q) = %q", s, got)
		}
		if len(got) > len(s) {
			t.Errorf("CleanURL(%q) = %q, which is longer", s, got)
		}
	})
}

// FuzzQuota checks that a quota that is read can be written and read again without a difference.
func FuzzQuota(f *testing.F) {
	f.Add([]byte("tap-quota/1\nsiem 1772703000 2 1772699400 0 60\nurl_decode 0 0 1772699400\n"))
	f.Add([]byte("tap-quota/1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, second := new(proofpoint.Quota), new(proofpoint.Quota)
		if err := first.UnmarshalText(text); err != nil {
			return
		}
		written, err := first.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := second.UnmarshalText(written); err != nil {
			t.Fatalf("UnmarshalText(%s) = %v", written, err)
		}
		if diff := cmp.Diff(first.Usage(now), second.Usage(now), cmpopts.EquateApproxTime(3*time.Second)); diff != "" {
			t.Errorf("%q was read again as something else (-first +second):\n%s", text, diff)
		}
	})
}

// FuzzCursor checks that a cursor that is read is written the same.
func FuzzCursor(f *testing.F) {
	f.Add([]byte("tap-cursor/1 all 2026-03-05T08:30:00Z 1 AAAAAAAAAAAAAAAAAAAAAAAAAAA"))
	f.Add([]byte("tap-cursor/1 - - 0 "))
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second proofpoint.Cursor
		if err := first.UnmarshalText(text); err != nil {
			return
		}
		written, err := first.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := second.UnmarshalText(written); err != nil {
			t.Fatalf("UnmarshalText(%s) = %v", written, err)
		}
		if again, err := second.MarshalText(); err != nil || !bytes.Equal(again, written) || !second.Next().Equal(first.Next()) {
			t.Errorf("%s became %s, %v", written, again, err)
		}
	})
}

// FuzzTime checks that every time that is read is in UTC, and that what the standard library reads is read the same.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{
		"", "2026-03-05T08:15:04.000Z", "2026-03-05T08:15:04Z", "2026-03-05T08:15:04", "2026-03-05T08:15:04+0100",
		"2026-03-05T08:15:04.123456789-07:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-03-05", "null",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		record, err := json.Marshal(map[string]string{"messageTime": s})
		if err != nil {
			t.Fatal(err)
		}
		var m proofpoint.Message
		err = m.UnmarshalJSON(record)
		if m.Time.Location() != time.UTC {
			t.Errorf("the time %v is not in UTC", m.Time)
		}
		if want, wrong := time.Parse(time.RFC3339, s); wrong == nil && (err != nil || !m.Time.Equal(want)) {
			t.Errorf("%q was read as %v, %v, want %v", s, m.Time, err, want)
		}
		if err != nil && len(s) > 8 && strings.Contains(err.Error(), s) {
			t.Errorf("the error quotes the value: %v", err)
		}
	})
}

// FuzzSummary checks that whatever is read as a summary is read without harm and keeps its bytes.
func FuzzSummary(f *testing.F) {
	seedFrom(f, "summary*.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		var s proofpoint.ThreatSummary
		if err := s.UnmarshalJSON(data); err == nil && !bytes.Equal(s.Raw, data) {
			t.Errorf("Raw = %q, want %q", s.Raw, data)
		}
	})
}
