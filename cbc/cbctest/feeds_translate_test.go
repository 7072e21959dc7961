package cbctest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestTranslateQuery(t *testing.T) {
	t.Parallel()
	const path = "/threathunter/feedmgr/v2/query/translate"
	c := newConsole(t, cbctest.World{})
	for query, want := range map[string]string{
		`md5:0123456789abcdef0123456789abcdef`:             `process_hash:0123456789abcdef0123456789abcdef`,
		`process_name:a.exe -username:SYSTEM`:              `process_name:a.exe -process_username:SYSTEM`,
		`(cmdline:"md5:not\"me" OR ipaddr:192.0.2.1)`:      `(process_cmdline:"md5:not\"me" OR netconn_ipv4:192.0.2.1)`,
		`filemod:a\:b domain:example.com AND (path:x.exe)`: `filemod_name:a\:b netconn_domain:example.com AND (process_name:x.exe)`,
		`shade:red`: `shade:red`,
	} {
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.call("POST", path, string(body), 200)["query"]; got != want {
			t.Errorf("translation of %s = %v, want %s", query, got, want)
		}
	}
	for _, query := range []string{``, `(md5:a`, `md5:`} {
		if got := c.call("POST", path, fmt.Sprintf(`{"query":%q}`, query), 400)["reason"]; got != "query_malformed_syntax" {
			t.Errorf("translation of %q = %v", query, got)
		}
	}
	c.raw("POST", path, `{"text":"a"}`, 400)
}
