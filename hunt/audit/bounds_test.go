package audit_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// line is what a log writes for an entry, and what it reads of it.
func line(t *testing.T, e audit.Entry) ([]byte, audit.Record) {
	t.Helper()
	path, _, _ := written(t, 0)
	if err := open(t, path).Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	text := contents(t, path)
	for r, err := range audit.Records(bytes.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		return text, r
	}
	t.Fatal("nothing was written")
	return nil, audit.Record{}
}

func repeat[T any](v T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func TestListsAndTextsAreCut(t *testing.T) {
	t.Parallel()
	e := entry(1)
	e.Detail = "a" + strings.Repeat("ä", 2000)
	e.Findings = repeat(audit.Finding{ProcessGUID: "7QRST4UV-1", Path: `c:\x.exe`}, 3000)
	e.Hashes = make([]hunt.SHA256, 21)
	e.Threats = repeat(audit.Threat{ID: "t"}, 20)
	e.Requests, e.RequestCount = repeat(hunt.Request{Op: "devices.get", Status: 200}, 5), 90
	e.Before = json.RawMessage(`{"policy":` + strings.Repeat("1", 20000) + `}`)
	_, got := line(t, e)
	if want := "a" + strings.Repeat("ä", 1023) + "… (1954 bytes more)"; got.Detail != want {
		t.Errorf("Detail = %q, want %q", got.Detail, want)
	}
	if len(got.Findings) != 20 || got.FindingCount != 3000 || len(got.Hashes) != 20 || got.HashCount != 21 {
		t.Errorf("%d of %d findings and %d of %d hashes, want 20 of 3000 and 20 of 21", len(got.Findings), got.FindingCount, len(got.Hashes), got.HashCount)
	}
	if len(got.Threats) != 20 || got.ThreatCount != 20 || len(got.Requests) != 5 || got.RequestCount != 90 {
		t.Errorf("%d of %d threats and %d of %d requests, want 20 of 20 and 5 of 90", len(got.Threats), got.ThreatCount, len(got.Requests), got.RequestCount)
	}
	if want := `{"left_out_bytes":20011,"sha256":"`; !strings.HasPrefix(string(got.Before), want) {
		t.Errorf("Before = %s, want %s…", got.Before, want)
	}
	if len(e.Findings) != 3000 || len(e.Detail) != 4001 {
		t.Error("the caller's entry was changed")
	}
}

func TestTheLargestEntryFits(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("\x00", 5000), strings.Repeat("\xff", 5000), strings.Repeat("\U000e0001", 5000), strings.Repeat("<", 100000)} {
		e := audit.Entry{
			Run: text, Event: audit.Event(text), Key: text, EventID: text, Action: text, Scope: hunt.Scope(text), Target: text,
			Device: audit.Device{ID: 1 << 62, Name: text}, Status: hunt.Status(text), Detail: text, Error: text, Evidence: text, By: text,
			Hashes: make([]hunt.SHA256, 1000), Threats: repeat(audit.Threat{ID: text, Status: text, Classification: text}, 1000),
			Findings: repeat(audit.Finding{ProcessGUID: text, Path: text, Evidence: text, Field: text, Time: noon}, 1000),
			Requests: repeat(hunt.Request{Op: text, ID: text, Status: 500}, 1000), Before: json.RawMessage(text),
		}
		got, r := line(t, e)
		if len(got) > audit.MaxLine || r.FindingCount != 1000 || len(r.Findings) == 0 || r.Detail == "" {
			t.Errorf("the line has %d bytes, %d of %d findings", len(got), len(r.Findings), r.FindingCount)
		}
	}
}

// What a device says of its time keeps no decision from being written.
func TestATimeThatNoJSONCanSay(t *testing.T) {
	t.Parallel()
	e := entry(1)
	e.Findings = []audit.Finding{
		{Path: "a", Time: time.Date(10000, time.January, 1, 0, 0, 0, 0, time.UTC)},
		{Path: "b", Time: time.Date(-1, time.January, 1, 0, 0, 0, 0, time.UTC)},
		{Path: "c", Time: time.Date(9999, time.December, 31, 23, 0, 0, 0, time.FixedZone("", -2*60*60))},
		{Path: "d", Time: noon.In(time.FixedZone("", 25*60*60))},
	}
	_, r := line(t, e)
	want := []audit.Finding{{Path: "a"}, {Path: "b"}, {Path: "c"}, {Path: "d", Time: noon}}
	if diff := cmp.Diff(want, r.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestTheStateBefore(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		``:                             ``,
		"{ \"tags\" : [\n\"a  b\" ] }": `{"tags":["a  b"]}`,
		"not JSON":                     `"not JSON"`,
		"\xff":                         `"` + "\ufffd" + `"`,
		"{\"a\":\"\xff\"}":             `{"a":"\ufffd"}`,
	} {
		e := entry(1)
		e.Before = json.RawMessage(given)
		if _, got := line(t, e); string(got.Before) != want {
			t.Errorf("Before of %q = %s, want %s", given, got.Before, want)
		}
	}
}

// What comes from the wire ends no line, and does nothing to the terminal that shows it.
func TestTextsAreEscaped(t *testing.T) {
	t.Parallel()
	const nasty = "a\nb\r\x1b[2J\x7f\u009b31m\u202egpj.exe\u2028\"\\\ufeff\U000e0041\xff" + `,"hash":"` + "</script>"
	e := entry(1)
	e.Detail, e.Device.Name = nasty, nasty
	e.Findings = []audit.Finding{{Path: nasty}}
	e.Before = json.RawMessage("{\"name\":\"\u009b31m\u202e\"}")
	text, got := line(t, e)
	if bytes.Count(text, []byte("\n")) != 1 || !utf8.Valid(text) || bytes.ContainsAny(text, "\x1b\x7f\r\u009b\u202e\u2028\ufeff\U000e0041") {
		t.Errorf("the line is %q", text)
	}
	want := strings.ToValidUTF8(nasty, "\ufffd")
	if diff := cmp.Diff([]string{want, want, want}, []string{got.Detail, got.Device.Name, got.Findings[0].Path}); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	if want := `{"name":"\u009b31m\u202e"}`; string(got.Before) != want {
		t.Errorf("Before = %s, want %s", got.Before, want)
	}
}
