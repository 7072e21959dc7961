package cbctest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQueryLanguage(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	all := []string{"outlook", "invoice", "wscript", "rundll", "bash", "winword"}
	for query, want := range map[string][]string{
		// clauses and operators
		"*:*":        all,
		"*:anything": all,
		"process_guid:invoice OR process_guid:bash":                      {"invoice", "bash"},
		"process_guid:invoice || process_guid:bash":                      {"invoice", "bash"},
		"process_guid:invoice process_pid:6700":                          {"invoice"},
		"process_guid:invoice AND process_pid:1":                         {},
		"process_guid:invoice && process_pid:6700":                       {"invoice"},
		"process_guid:(invoice OR bash OR nobody)":                       {"invoice", "bash"},
		"process_guid:(invoice bash)":                                    {},
		"process_guid:bash OR process_guid:invoice process_pid:6700":     {"invoice", "bash"},
		"(process_guid:bash OR process_guid:invoice) process_pid:6700":   {"invoice"},
		"device_id:4571602 NOT process_pid:*":                            {"rundll"},
		"device_id:4571602 -process_guid:(outlook OR wscript)":           {"invoice", "rundll", "winword"},
		"device_id:4571602 !process_guid:(outlook OR wscript OR rundll)": {"invoice", "winword"},
		"-device_id:4571602":                                             {"bash"},
		"NOT (device_id:4571602 OR process_pid:10)":                      {},
		"+process_guid:bash":                                             {"bash"},
		"device_id:4571602 AND NOT process_guid:(NOT winword)":           {"winword"},
		" \t( ( process_guid:bash ) ) ":                                  {"bash"},
		"process_guid:(or OR and OR bash)":                               {"bash"},
		// paths
		"process_name:invoice_0417.exe":                              {"invoice"},
		"process_name:INVOICE_0417.EXE":                              {"invoice"},
		`process_name:c\:\\users\\pat\\downloads\\invoice_0417.exe`:  {"invoice"},
		`process_name:pat\\downloads`:                                {"invoice"},
		`process_name:"c:\\users\\pat\\downloads\\invoice_0417.exe"`: {"invoice"},
		`process_name:"invoice_0417.exe"`:                            {"invoice"},
		"process_name:invoice":                                       {},
		"process_name:invoice*":                                      {"invoice"},
		"process_name:*_041?.exe":                                    {"invoice"},
		`process_name:c\:\\users\\*`:                                 {"invoice", "wscript"},
		`process_name:"invoice*"`:                                    {},
		`process_name:invoice\*`:                                     {},
		"process_name:/usr/bin/bash":                                 {"bash"},
		"process_name:bin/bash":                                      {"bash"},
		`filemod_name:downloads\\invoice_0417.exe`:                   {"outlook"},
		// text
		"process_cmdline:whoami":                      {"bash"},
		`process_cmdline:"bash -c whoami"`:            {"bash"},
		`process_cmdline:"-c whoami"`:                 {"bash"},
		`process_cmdline:"whoami -c"`:                 {},
		`process_cmdline:\/quiet`:                     {"invoice"},
		`process_username:pat`:                        {"outlook", "invoice", "bash"},
		`process_username:CORP\\pat`:                  {"outlook", "invoice"},
		"device_name:lap-0417":                        {},
		`device_name:corp\\lap-0417 process_pid:6700`: {"invoice"},
		`device_name:lap\-0418.corp.example`:          {"bash"},
		// numbers, times, truth values, presence
		"process_pid:11": {"bash"},
		"process_pid:[6000 TO 7000] enriched:false":                                      {"invoice", "wscript"},
		"process_pid:{6700 TO 7000] enriched:false":                                      {"wscript"},
		"process_pid:[6700 TO 7000} enriched:false":                                      {"invoice"},
		"process_pid:[8000 TO *]":                                                        {"winword"},
		"process_pid:[* TO 10]":                                                          {"bash"},
		"process_pid:[* TO *] device_os:LINUX":                                           {"bash"},
		"device_timestamp:[2025-02-11T11:57:00Z TO 2025-02-11T11:58:00Z] enriched:false": {"invoice", "wscript"},
		`device_timestamp:["2025-02-11T11:57:30Z" TO *]`:                                 {"outlook", "invoice"},
		`device_timestamp:[2025\-02\-11T11\:57\:30Z TO *]`:                               {"outlook", "invoice"},
		`device_timestamp:"2025-02-11T11:58:00Z"`:                                        {"invoice"},
		`process_start_time:2025\-02\-11T11\:58\:00Z`:                                    {"invoice"},
		"enriched:true":          {"wscript"},
		"enriched:TRUE":          {},
		"watchlist_hit:*":        {"bash"},
		"no_such_field:*":        {},
		"no_such_field:x":        {},
		"no_such_field:[1 TO 2]": {},
		// values without a field
		evil:            {"outlook", "invoice", "rundll"},
		"whoami":        {"bash"},
		"and":           {},
		"winword.exe":   {"winword"},
		`"winword.exe"`: {"winword"},
		"192.0.2.77":    {},
	} {
		if diff := cmp.Diff(want, dedupe(found(c, query))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

// dedupe keeps the first of each.
func dedupe(in []string) []string {
	out := []string{}
	seen := map[string]bool{}
	for _, s := range in {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

func TestQueryRefusals(t *testing.T) {
	t.Parallel()
	c := newConsole(t, office0417())
	const validation = "/api/investigate/v2/orgs/7QRST4UV/processes/search_validation"
	for query, offset := range map[string]float64{
		"(a":                          0,
		"a)":                          1,
		"a:(b OR (c)":                 2,
		"()":                          1,
		"a:":                          2,
		"a: b":                        2,
		"a:(b":                        2,
		"a OR":                        4,
		"OR a":                        0,
		"a AND OR b":                  6,
		"NOT":                         3,
		"a -":                         3,
		"a - b":                       3,
		`a:"b`:                        2,
		`a:""`:                        4,
		`a:b\`:                        2,
		`process_name:c:\\users`:      14,
		"a:b^2":                       3,
		"a:b~":                        3,
		"a:[1 TO 2":                   2,
		"a:[1 2]":                     2,
		"a:[1 TO]":                    2,
		"a:[TO]":                      2,
		"[1 TO 2]":                    0,
		"process_pid:[a TO b]":        12,
		"device_timestamp:[now TO *]": 17,
		`process_guid:["" TO *]`:      13,
		"a:b]":                        3,
		`"a":b`:                       3,
		"a*:b":                        0,
		":b":                          0,
		"process_guid : bash":         13,
	} {
		body := jsonText(t, map[string]any{"query": query})
		if got := c.call("POST", searchJobs, body, 400); got["reason"] != "query_malformed_syntax" {
			t.Errorf("%s = %v", query, got)
		}
		want := map[string]any{
			"valid": false, "value_search_query": false, "invalid_message": "Invalid Query Parameter",
			"invalid_trigger_offset": offset,
		}
		if diff := cmp.Diff(want, c.call("POST", validation, body, 200)); diff != "" {
			t.Errorf("validation of %s (-want +got):\n%s", query, diff)
		}
	}
	for query, value := range map[string]bool{"process_hash:(a OR b)": false, "a.exe AND process_hash:b": true} {
		body := jsonText(t, map[string]any{"query": query, "criteria": map[string]any{}, "time_range": map[string]any{"window": "-2w"}})
		want := map[string]any{"valid": true, "value_search_query": value}
		if diff := cmp.Diff(want, c.call("POST", validation, body, 200)); diff != "" {
			t.Errorf("validation of %s (-want +got):\n%s", query, diff)
		}
	}
	c.raw("POST", validation, `{}`, 400)
	for _, body := range []string{`{"criteria":{"process_pid":[1]}}`, `{"query":"","criteria":{"process_pid":[1]}}`} {
		if got := c.call("POST", validation, body, 200); got["valid"] != true {
			t.Errorf("validation of %s = %v", body, got)
		}
	}
	nested := strings.Repeat("(", 101) + "a" + strings.Repeat(")", 101)
	c.raw("POST", searchJobs, jsonText(t, map[string]any{"query": nested[1 : len(nested)-1]}), 200)
	c.raw("POST", searchJobs, jsonText(t, map[string]any{"query": nested}), 400)
	clauses := strings.Repeat("a OR ", 1023) + "a"
	c.raw("POST", searchJobs, jsonText(t, map[string]any{"query": "process_hash:(" + clauses + ")"}), 200)
	c.raw("POST", searchJobs, jsonText(t, map[string]any{"query": "process_hash:(" + clauses + " OR a)"}), 400)
}
