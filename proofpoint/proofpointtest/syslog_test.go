package proofpointtest_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// line is a line of RFC 5424 taken apart.
type line struct {
	header, element string
	params          map[string]string
}

// parseLine reads a line of one element of structured data and no message, by the grammar of RFC 5424.
func parseLine(text string) (l line, err error) {
	header, rest, ok := strings.Cut(text, "[")
	if !ok {
		return l, errors.New("no structured data")
	}
	l.header, l.params = header, map[string]string{}
	l.element, rest, ok = strings.Cut(rest, " ")
	for ok && rest != "]" {
		var name string
		if name, rest, ok = strings.Cut(rest, `="`); !ok {
			return l, errors.New("a parameter without a value")
		}
		var value strings.Builder
		i := 0
		for ; i < len(rest) && rest[i] != '"'; i++ {
			if rest[i] == ']' {
				return l, errors.New("a bracket without a backslash")
			}
			if rest[i] == '\\' {
				if i++; i == len(rest) || !strings.ContainsRune(`"\]`, rune(rest[i])) {
					return l, errors.New("a backslash in front of something else")
				}
			}
			value.WriteByte(rest[i])
		}
		if i == len(rest) {
			return l, errors.New("a value without an end")
		}
		l.params[name] = value.String()
		rest = strings.TrimPrefix(rest[i+1:], " ")
	}
	if rest != "]" {
		return l, errors.New("no end")
	}
	return l, nil
}

func TestSyslogLines(t *testing.T) {
	t.Parallel()
	at := noon.Add(-10 * time.Minute)
	subject := `back\slash "quoted" [bracket] \"both\]` + "\r\nnext\nline"
	threats := []proofpointtest.Threat{{Artifact: hash}}
	srv := proofpointtest.New(proofpointtest.World{
		Now: stopped, Switches: proofpointtest.Switches{Stable: true},
		Messages: []proofpointtest.Message{
			{
				ID: "c2f4", Time: at, Recipients: []string{"ada@corp.example"}, Subject: subject, Threats: threats, CC: []string{"a", "b"},
				Parts: []proofpointtest.Part{{Filename: `a"b].zip`}}, Extra: map[string]json.RawMessage{"odd name": json.RawMessage("1"), "suborgs": json.RawMessage(`{"sender":"x"}`)},
			},
			{Time: at, Blocked: true, Threats: threats},
			{Created: at, Raw: proofpointtest.Raw("{oops")},
		},
		Clicks: []proofpointtest.Click{{Time: at, URL: "http://x.example/]"}, {Time: at, URL: "y", Blocked: true}},
	})
	query := "?interval=" + url.QueryEscape(at.Format(time.RFC3339)+"/PT1M")
	lines := map[string]line{}
	for path, want := range map[string][]string{"all": {"CLKPER", "CLKBLK", "MSGDLV", "MSGBLK"}, "issues": {"CLKPER", "MSGDLV"}, "clicks/blocked": {"CLKBLK"}, "messages/blocked": {"MSGBLK"}} {
		a := get(t, srv, "/v2/siem/"+path+query)
		body, ok := strings.CutSuffix(a.body, "\r\n")
		if a.status != 200 || !ok {
			t.Fatalf("%s = %d %q, want lines", path, a.status, a.body)
		}
		var got []string
		for text := range strings.SplitSeq(body, "\r\n") {
			l, err := parseLine(text)
			if err != nil {
				t.Fatalf("%s: %q: %v", path, text, err)
			}
			id := strings.TrimSuffix(strings.TrimPrefix(l.header, "<38>1 2026-03-02T11:50:00Z - ProofpointTAP - "), " ")
			got = append(got, id)
			lines[id] = l
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", path, diff)
		}
	}
	for id, want := range map[string]string{"MSGDLV": "tapmsg@21139", "MSGBLK": "tapmsg@21139", "CLKPER": "tapclk@21139", "CLKBLK": "tapclk@21139"} {
		if lines[id].element != want {
			t.Errorf("element of %s is %q, want %q", id, lines[id].element, want)
		}
	}
	for name, want := range map[string]string{
		"id": "c2f4", "subject": `back\slash "quoted" [bracket] \"both\] next line`, "ccAddresses": "a,b", "QID": "null", "replyToAddress": "", "completelyRewritten": "false",
		"impostorScore": "0.0", "suborgs": `{"sender":"x"}`, "odd name": "",
		"messageParts": `[{"disposition":"attached","filename":"a\"b].zip","contentType":null,"oContentType":null,"md5":null,"sha256":null,"sandboxStatus":null}]`,
	} {
		if got := lines["MSGDLV"].params[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if _, ok := lines["MSGDLV"].params["odd name"]; ok {
		t.Error("a name with a space is sent")
	}
	if got := lines["CLKPER"].params["url"]; got != "http://x.example/]" {
		t.Errorf("url = %q", got)
	}
}
