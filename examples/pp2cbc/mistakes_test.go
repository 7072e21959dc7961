package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMistakesSendNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		args      []string
		old, with string
		want      string
		reads     bool // the mistake takes a question to find
	}{
		{"unknown flag", []string{"--isolate"}, "", "", "--help", false},
		{"stray argument", []string{"now"}, "", "", `unexpected argument "now"`, false},
		{"a key set and emptied", nil, "delta = 1", "delta = 1\nprincipal =", "set twice", false},
		{"maybe", nil, "isolate = True", "isolate = maybe", "neither true nor false", false},
		{"too short a window", []string{"--start-time", "2026-01-01T10:00:00Z", "--end-time", "2026-01-01T10:00:10Z"}, "", "", "at least 30 s", false},
		{"too old a window", []string{"--start-time", "2026-01-01T10:00:00Z", "--end-time", "2026-01-01T12:00:00Z"}, "", "", "the last 7 days only", false},
		{"a window in the future", []string{"--start-time", "2126-01-01T10:00:00Z", "--end-time", "2126-01-01T10:30:00Z"}, "", "", "not yet a minute ago", false},
		{"a tag without NSX", nil, "[NSX]", "nsx_tag = x\n[Nsx]", "nsx_tag", false},
		{"an unknown policy", nil, "isolate = True", "isolate = True\npolicy = contain", `no policy "contain"`, true},
		{"no loopback over http", nil, "[Proofpoint]\nurl = https://", "[Proofpoint]\nurl = http://tap.example/?", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := newCompany(t, "isolate = True")
			if c.name == "a tag without NSX" {
				co.edit(t, "[NSX]\nurl = "+co.server.URL, "[NSX]")
				co.edit(t, "isolate = True", "nsx_tag = x")
			} else if c.old != "" {
				co.edit(t, c.old, c.with)
			}
			r := co.run(t, c.args...)
			if r.code != exitUsage || !strings.Contains(r.err, c.want) || r.out != "" {
				t.Errorf("the program ended with %d, told %q and complained %q; want 2 and a line with %q", r.code, r.out, r.err, c.want)
			}
			if n := len(co.lab.Requests()); n > 0 && !c.reads || len(co.writes()) > 0 {
				t.Errorf("%d calls were sent", n)
			}
			if lines := strings.Count(r.err, "\n"); lines != 1 {
				t.Errorf("%d lines of complaint, want one: %s", lines, r.err)
			}
		})
	}
}

func TestTroubleNamesTheServiceAndWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		old, with string
		want      []string
	}{
		{"a wrong TAP secret", "\nsecret = ", "\nsecret = x", []string{"Proofpoint TAP refused the credentials", "Proofpoint.secret"}},
		{"a wrong CBC key", "custom_api_key = ", "custom_api_key = x", []string{"Carbon Black Cloud refused the API key", "custom_api_id"}},
		{"a wrong organization", "org_key = ", "org_key = X", []string{"Carbon Black Cloud", "organization", "CarbonBlack.org_key"}},
		{"a certificate from nobody known", "ca_file = ca.pem", "", []string{"Proofpoint TAP", "authority", "SSL_CERT_FILE"}},
		{"nobody at the address", "[Proofpoint]\nurl = https://127.0.0.1", "[Proofpoint]\nurl = https://127.0.0.1:1/#", []string{"Proofpoint TAP"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			co := newCompany(t, "isolate = True")
			if c.name == "nobody at the address" {
				gone := httptest.NewServer(http.NotFoundHandler())
				gone.Close()
				// Servers of other tests get free ports of 127.0.0.1, and may get this one.
				co.edit(t, "[Proofpoint]\nurl = "+co.server.URL, "[Proofpoint]\nurl = "+strings.Replace(gone.URL, "127.0.0.1", "127.0.0.2", 1))
				c.want = []string{"Proofpoint TAP", "cannot be reached", "Proofpoint.url"}
			} else {
				co.edit(t, c.old, c.with)
			}
			r := co.run(t)
			if r.code != exitFailed {
				t.Errorf("the program ended with %d, want 1", r.code)
			}
			for _, want := range c.want {
				if !strings.Contains(r.err, want) {
					t.Errorf("the complaint does not say %q: %s", want, r.err)
				}
			}
			if lines := strings.Count(r.err, "\n"); lines != 1 {
				t.Errorf("%d lines of complaint, want one: %s", lines, r.err)
			}
			if len(co.isolated()) != 1 { // the one that was isolated before
				t.Errorf("isolated %q", co.isolated())
			}
		})
	}
}

// Whoever removes the audit log while the ledger stays is not to go unnoticed.
func TestMissingAuditLogIsToldOf(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	if r := c.run(t); r.err != "" {
		t.Errorf("the first run complains %q, want nothing", r.err)
	}
	if err := os.Remove(filepath.Join(c.dir, "audit.jsonl")); err != nil {
		t.Fatal(err)
	}
	c.run(t).is(t, exitDone, nil, []string{"warning: there is a ledger, and no audit log", "a new one is begun"})
	if r := c.run(t); r.err != "" {
		t.Errorf("the third run complains %q, want nothing", r.err)
	}
}

func TestEvidenceDirThatIsMissingIsNamedByItsKey(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "live_response = True", "evidence_dir = nowhere")
	c.run(t).is(t, exitUsage, nil, []string{"actions.evidence_dir: "})
}

func TestNamesThatLeadToNothingAreToldOf(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True", `script = C:\Program Files\x\kill.exe {device_id}`, "[guard]", "protect_policies = Standrad, monitored, 88402")
	c.run(t, "--dry-run").is(t, exitHeld, nil, []string{
		`warning: guard.protect_policies: Carbon Black Cloud has no policy "Standrad": it protects nobody`,
		`warning: actions.script: there is no program "C:\\Program"`,
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c = newShortCompany(t, "isolate = True", `script = "`+self+`" {device_id}`, "[guard]", "protect_policies = monitored, 88402")
	if r := c.run(t, "--dry-run"); r.err != "" {
		t.Errorf("complained %q, want nothing", r.err)
	}
}
