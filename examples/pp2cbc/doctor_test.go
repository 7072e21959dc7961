package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

const everyAction = `watchlist = Condemned
webhook = https://127.0.0.1:1/hook
script = sh
isolate = True
policy = Contain
denylist = True
live_response = True
nsx_tag = quarantine|mail`

// examined is what the doctor says, by subject.
func (c *company) examined(t *testing.T) (map[string]finding, int) {
	t.Helper()
	r := c.command(t, "doctor", "--json")
	var answer struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.out), &answer); err != nil {
		t.Fatalf("doctor ended with %d and told no JSON (%v): %s%s", r.code, err, r.out, r.err)
	}
	all := make(map[string]finding)
	for _, f := range answer.Findings {
		all[f.Subject] = f
	}
	return all, r.code
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	c := newGuardedCompany(t, strings.Split(everyAction, "\n")...)
	writes := len(c.writes())
	all, code := c.examined(t)
	for subject, want := range map[string]findingStatus{
		"Proofpoint TAP: mails": statusOK, "Proofpoint TAP: verdicts": statusOK,
		"Carbon Black Cloud: org.search.events (CREATE, READ)": statusOK, "Carbon Black Cloud: device (READ)": statusOK,
		"Carbon Black Cloud: org.reputations (READ)": statusOK, "Carbon Black Cloud: ubs.org.sha256 (READ)": statusOK,
		"Carbon Black Cloud: org.feeds (READ)": statusOK, "Carbon Black Cloud: org.watchlists (READ)": statusOK,
		"Carbon Black Cloud: org.audits (READ)": statusOK, "Carbon Black Cloud: org.policies (READ)": statusOK,
		"Carbon Black Cloud: org.liveresponse.session (READ)": statusOK,
		"Carbon Black Cloud: device.quarantine (EXECUTE)":     statusUntried, "Carbon Black Cloud: device.policy (UPDATE)": statusUntried,
		"NSX: virtual machines": statusOK, "the webhook": statusUnreachable, "the script": statusOK,
		"sqlite3.filename": statusOK, "logging.filename": statusOK, "audit.filename": statusOK,
	} {
		if got := all[subject]; got.Status != want {
			t.Errorf("%s is %q, want %q: %s", subject, got.Status, want, got.Detail)
		}
	}
	if code != exitFailed {
		t.Errorf("it ended with %d, want %d: the webhook cannot be reached", code, exitFailed)
	}
	if n := len(c.writes()); n != writes {
		t.Errorf("it changed something: %q", c.writes()[writes:])
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("it left files: %v, %v; want the configuration and the certificate", entries, err)
	}
	c.edit(t, "webhook = https://127.0.0.1:1/hook", "")
	if all, code := c.examined(t); code != exitDone {
		t.Errorf("it ended with %d: %v", code, all)
	}
	c.command(t, "doctor").is(t, exitDone, []string{"Nothing here would make a run fail", "not tried", "device.quarantine (EXECUTE)"}, nil)
}

func TestDoctorAfterARun(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	c.run(t).is(t, exitDone, nil, nil)
	all, code := c.examined(t)
	if f := all["sqlite3.filename"]; code != exitDone || !strings.Contains(f.Detail, "sound") {
		t.Errorf("the ledger: %+v, exit code %d", f, code)
	}
	if f := all["Proofpoint TAP: calls of today"]; !strings.Contains(f.Detail, "1799 of 1800 are left") {
		t.Errorf("the calls: %+v", f)
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	refuse := func(status int) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		}
	}
	for _, tt := range []struct {
		name    string
		change  func(*testing.T, *company)
		subject string
		status  findingStatus
		detail  string
	}{
		{"a wrong secret of TAP", func(t *testing.T, c *company) { c.edit(t, "secret = ", "secret = x") }, "Proofpoint TAP: mails", statusRefused, "check Proofpoint.principal"},
		{"a wrong organization", func(t *testing.T, c *company) { c.edit(t, "org_key = ", "org_key = x") }, "Carbon Black Cloud: org.search.events (CREATE, READ)", statusRefused, "org_key"},
		{"an unknown authority", func(t *testing.T, c *company) { c.edit(t, "ca_file = ca.pem", "") }, "Proofpoint TAP: mails", statusCertificate, "ca_file"},
		{"no service", func(_ *testing.T, c *company) { c.server.Close() }, "Carbon Black Cloud: org.search.events (CREATE, READ)", statusUnreachable, "cannot be reached"},
		{"a missing permission", func(_ *testing.T, c *company) {
			c.lab.CBC.Inject(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/policies/summary") }, -1, refuse(http.StatusForbidden))
		}, "Carbon Black Cloud: org.policies (READ)", statusMissing, "Access Levels"},
		{"no such policy", func(t *testing.T, c *company) { c.edit(t, "policy = Contain", "policy = Containment") }, "Carbon Black Cloud: org.policies (READ)", statusFailed, "no policy"},
		{"no such script", func(t *testing.T, c *company) { c.edit(t, "script = sh", "script = no-such-program-here") }, "the script", statusFailed, "not found"},
		{"a broken ledger", func(t *testing.T, c *company) { c.write(t, "app.sql", strings.Repeat("no database ", 100)) }, "sqlite3.filename", statusFailed, "not an SQLite database"},
		{"a retired key", func(t *testing.T, c *company) { c.edit(t, "custom_api_id = ", "api_id = A\ncustom_api_id = ") }, "configuration", statusWarning, "api_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newShortCompany(t, "policy = Contain", "script = sh")
			tt.change(t, c)
			all, code := c.examined(t)
			if f := all[tt.subject]; f.Status != tt.status || !strings.Contains(f.Detail, tt.detail) {
				t.Errorf("%s is %+v, want %q with %q; all are %v", tt.subject, f, tt.status, tt.detail, all)
			}
			if want := map[bool]int{true: exitFailed, false: exitDone}[tt.status.bad()]; code != want {
				t.Errorf("it ended with %d, want %d", code, want)
			}
		})
	}
}

func TestDoctorSeesAWrongClock(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	late := func() time.Time { return time.Now().Add(-10 * time.Minute) }
	r := runAt(t.Context(), late, "doctor", "--config", c.config)
	if !strings.Contains(r.out, "Proofpoint TAP: clock") || !strings.Contains(r.out, "behind that of the service") {
		t.Errorf("a clock that is ten minutes late is not told: %d %s%s", r.code, r.out, r.err)
	}
}
