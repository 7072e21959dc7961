package cbc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestExprValues(t *testing.T) {
	t.Parallel()
	f := cbc.Field("f")
	noon := time.Date(2025, 2, 11, 13, 0, 0, 999_999, time.FixedZone("", 3600))
	for _, tt := range []struct {
		name    string
		expr    cbc.Expr
		want    string
		clauses int
	}{
		{"an MD5 hash", f.MD5([16]byte{15: 0xAB}), "f:" + strings.Repeat("0", 30) + "ab", 1},
		{"two MD5 hashes", f.MD5([16]byte{}, [16]byte{1}), "f:(" + strings.Repeat("0", 32) + " OR 01" + strings.Repeat("0", 30) + ")", 2},
		{"true", f.Is(true), "f:true", 1},
		{"false", f.Is(false), "f:false", 1},
		{"a phrase", f.Phrase("a b"), `f:"a b"`, 1},
		{"a phrase escapes quotes and backslashes alone", f.Phrase(`c:\a "b" (*)?`), `f:"c:\\a \"b\" (*)?"`, 1},
		{"a pattern", f.Match(cbc.Literal(`c:\users\`), cbc.AnyText(), cbc.Literal(" (1)"), cbc.AnyChar(), cbc.Literal(".exe")), `f:c\:\\users\\*\ \(1\)?.exe`, 1},
		{"wildcards in the text of a pattern are literal", f.Match(cbc.Literal("a*"), cbc.AnyText()), `f:a\**`, 1},
		{"a pattern may begin with a wildcard", f.Match(cbc.AnyText(), cbc.Literal(".js")), "f:*.js", 1},
		{"a pattern without wildcards is a value", f.Match(cbc.Literal("O"), cbc.Literal("R")), `f:"OR"`, 1},
		{"empty text in a pattern is nothing", f.Match(cbc.Literal(""), cbc.Literal("a"), cbc.AnyText()), "f:a*", 1},
		{"a range of numbers", f.Range(cbc.Number(1024), cbc.Number(65535)), "f:[1024 TO 65535]", 1},
		{"a range of one number", f.Range(cbc.Number(-1), cbc.Number(-1)), "f:[-1 TO -1]", 1},
		{"a range without its ends", f.Range(cbc.Number(1).Excluded(), cbc.Number(2).Excluded()), "f:{1 TO 2}", 1},
		{"a range to a time", f.Range(cbc.Bound{}, cbc.Instant(noon).Excluded()), "f:[* TO 2025-02-11T12:00:00.000Z}", 1},
		{"a range from a number", f.Range(cbc.Number(7), cbc.Bound{}), "f:[7 TO *]", 1},
		{"clauses add up", cbc.And(f.AnyOf("1", "2"), cbc.Not(cbc.Or(f.Exists(), cbc.Raw("x OR y")))), "f:(1 OR 2) AND NOT (f:* OR (x OR y))", 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.expr.Err(); err != nil {
				t.Fatalf("Err() = %v", err)
			}
			if got := tt.expr.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
			if got := tt.expr.Clauses(); got != tt.clauses {
				t.Errorf("Clauses() = %d, want %d", got, tt.clauses)
			}
			if got := tt.expr.Len(); got != len(tt.want) {
				t.Errorf("Len() = %d, want %d", got, len(tt.want))
			}
		})
	}
}

func TestExprValuesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	f, now := cbc.Field("f"), time.Date(2025, 2, 11, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		expr cbc.Expr
	}{
		{"no MD5 hash", f.MD5()},
		{"an empty phrase", f.Phrase("")},
		{"a line break in a phrase", f.Phrase("a\nb")},
		{"a phrase that is not UTF-8", f.Phrase("\xff")},
		{"no pattern", f.Match()},
		{"a pattern of wildcards", f.Match(cbc.AnyText(), cbc.AnyChar(), cbc.Literal(""))},
		{"a line break in a pattern", f.Match(cbc.Literal("a\r"), cbc.AnyText())},
		{"half a character in a pattern", f.Match(cbc.Literal("\xc3"), cbc.AnyText(), cbc.Literal("\xa4"))},
		{"a range of everything", f.Range(cbc.Bound{}, cbc.Bound{})},
		{"an open end that is excluded", f.Range(cbc.Bound{}.Excluded(), cbc.Number(1))},
		{"a number and a time", f.Range(cbc.Number(1), cbc.Instant(now))},
		{"a range backwards", f.Range(cbc.Number(2), cbc.Number(1))},
		{"times backwards", f.Range(cbc.Instant(now), cbc.Instant(now.Add(-time.Second)))},
		{"a range of nothing", f.Range(cbc.Number(1), cbc.Number(1).Excluded())},
		{"times less than a millisecond apart", f.Range(cbc.Instant(now).Excluded(), cbc.Instant(now.Add(time.Microsecond)))},
		{"the year 10000", f.Range(cbc.Instant(now.AddDate(8000, 0, 0)), cbc.Bound{})},
		{"a field that is none", cbc.Field("F").Range(cbc.Number(1), cbc.Bound{})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.expr.Err(); err == nil || !strings.HasPrefix(err.Error(), "cbc: query: ") {
				t.Errorf("Err() = %v for %q, want one that names the package and the query", err, tt.expr)
			}
			if tt.expr.Len() != 0 {
				t.Errorf("Len() = %d, want nothing", tt.expr.Len())
			}
		})
	}
}

// TestExprFinds has the fake read what the builder writes.
func TestExprFinds(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{
		Devices: []cbctest.Device{{ID: 7, Name: "LAB-7"}},
		Processes: []cbctest.Process{
			{GUID: "A", DeviceID: 7, PIDs: []int64{6700}, Name: `c:\users\pat\invoice (1).exe`, Hashes: []string{strings.Repeat("0a", 16)}, CmdLine: "invoice.exe /s quietly"},
			{GUID: "B", DeviceID: 7, PIDs: []int64{412}, Name: `c:\users\pat\a*b.exe`, CmdLine: "quietly invoice.exe"},
		},
		Switches: cbctest.Switches{Search: cbctest.SearchSwitches{StartDelay: time.Millisecond, Duration: 2 * time.Millisecond}},
	})
	client := connect(t, srv.Client())
	var md5 [16]byte
	for i := range md5 {
		md5[i] = 0x0a
	}
	for _, tt := range []struct {
		name string
		expr cbc.Expr
		want string
	}{
		{"a pattern", cbc.Field("process_name").Match(cbc.Literal(`c:\users\`), cbc.AnyText(), cbc.Literal("(1).e"), cbc.AnyChar(), cbc.Literal("e")), "A"},
		{"a pattern with a literal wildcard", cbc.Field("process_name").Match(cbc.AnyText(), cbc.Literal("a*b"), cbc.AnyText()), "B"},
		{"MD5", cbc.Field("process_hash").MD5(md5), "A"},
		{"a phrase", cbc.Field("process_cmdline").Phrase("invoice.exe /s"), "A"},
		{"numbers", cbc.Field("process_pid").Range(cbc.Number(412).Excluded(), cbc.Bound{}), "A"},
		{"numbers, the end included", cbc.Field("process_pid").Range(cbc.Bound{}, cbc.Number(412)), "B"},
		{"a bool", cbc.And(cbc.Field("legacy").Is(false), cbc.Field("process_pid").AnyOf("412")), "B"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			guids, err := collect(client.Processes.Search(t.Context(), cbc.ProcessQuery{Query: tt.expr, CollapseGUID: true}))
			if err != nil || strings.Join(guids, " ") != tt.want {
				t.Errorf("Search(%s) = %v, %v, want %s", tt.expr, guids, err, tt.want)
			}
		})
	}
}
