package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// secretRun is a run of the program with every secret marked, and with something that goes wrong.
type secretRun struct {
	name, how, level string
	fault            func(http.ResponseWriter, *http.Request) bool
	prepare          func(*testing.T, *stage)
	fails            bool // the hunt is to end with another code than 0
	slow             bool // it is tried again and again: only where there is time
}

func (r secretRun) String() string { return r.name }

// repeated is everything that a request has in it, as a gateway that explains itself might repeat it.
func repeated(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = nil
	}
	user, password, _ := r.BasicAuth()
	return fmt.Sprint("refused ", r.Method, " ", r.URL, " of ", r.Header, " as ", user, ":", password, " with ", string(body), r.Header.Get("X-Auth-Token"))
}

// echoes answers what a service of ours is asked with its own request.
func echoes(status int, services ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !isFor(r, services...) {
			return false
		}
		text := repeated(r)
		body, err := json.Marshal(map[string]any{"error_code": text, "message": text, "error_message": text, "reason": text, "success": false, "httpStatus": text})
		if err != nil {
			return false
		}
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Retry-After", "1")
		header.Set("X-Request-Id", strings.ReplaceAll(text, "\n", " "))
		header.Set("Www-Authenticate", "Basic realm="+r.Header.Get("Authorization")+r.Header.Get("X-Auth-Token"))
		header.Set("Location", "http://127.0.0.1:1"+r.URL.String()+"?"+r.Header.Get("Authorization")+r.Header.Get("X-Auth-Token"))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return true
	}
}

// isFor tells whether a request goes to one of the services.
func isFor(r *http.Request, services ...string) bool {
	path := r.URL.EscapedPath()
	for _, s := range services {
		switch s {
		case "tap":
			if strings.HasPrefix(path, "/v2/") {
				return true
			}
		case "webhook":
			if path == secretHook || path == chatHook {
				return true
			}
		case "nsx":
			if strings.HasPrefix(path, "/api/v1/") || strings.HasPrefix(path, "/policy/") || strings.HasPrefix(path, "/api/session") {
				return true
			}
		default: // a part of a path of Carbon Black Cloud
			if strings.Contains(path, s) && path != secretHook && path != chatHook {
				return true
			}
		}
	}
	return false
}

// saysSo answers with a status line that repeats the credentials.
func saysSo(services ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !isFor(r, services...) {
			return false
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return false
		}
		fmt.Fprintf(conn, "HTTP/1.1 403 No %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", strings.ReplaceAll(repeated(r), "\n", " "))
		_ = conn.Close()
		return true
	}
}

// cuts ends the connection in the middle of an answer.
func cuts(services ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !isFor(r, services...) {
			return false
		}
		w.Header().Set("Content-Length", "100000")
		fmt.Fprint(w, "{")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// elsewhere has a service at another address.
func elsewhere(address string, sections ...string) func(*testing.T, *stage) {
	return func(_ *testing.T, s *stage) {
		for _, section := range sections {
			s.env = append(s.env, "PP2CBC_"+section+"_URL="+address)
		}
	}
}

func hookAt(scheme, host string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		s.env = append(s.env, "PP2CBC_ACTIONS_WEBHOOK="+strings.Replace(secretValues(t, scheme+"://"+host)["actions.webhook"], " ", "", 1))
	}
}

// withCertificate has a service behind a certificate that nobody vouches for.
func withCertificate(t *testing.T, s *stage) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	elsewhere(server.URL, "CARBONBLACK", "PROOFPOINT", "NSX")(t, s)
	hookAt("https", strings.TrimPrefix(server.URL, "https://"))(t, s)
}

// badScript has a script that fails and complains with everything it knows.
func badScript(t *testing.T, s *stage) {
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(text, []byte("/script {event_id}"), []byte("/script {event_id} complain"))
	if bytes.Equal(text, changed) {
		t.Fatal("the configuration has no script")
	}
	if err := os.WriteFile(s.config, changed, 0o600); err != nil {
		t.Fatal(err)
	}
}

func secretRuns() []secretRun {
	all := []string{"tap", "nsx", "webhook", "appservices", "investigate", "threathunter", "policyservice"}
	runs := []secretRun{
		{name: "all goes well, secrets in the file", how: byFile, level: "DEBUG"},
		{name: "all goes well, secrets in the environment", how: byEnvironment, level: "DEBUG"},
		{name: "all goes well, secrets in files", how: byFiles, level: "info"},
		{name: "no certificate", prepare: withCertificate, fails: true},
		{name: "nobody there", prepare: elsewhere("http://127.0.0.1:1", "CARBONBLACK", "PROOFPOINT", "NSX"), fails: true, slow: true},
		{name: "no webhook there", prepare: hookAt("http", "127.0.0.1:1"), fails: true},
		{name: "a webhook whose host cannot be found", prepare: hookAt("https", "no-such-host.invalid"), fails: true},
		{name: "a webhook with a bad port", prepare: hookAt("https", "receiver.example:port"), fails: true},
		{name: "a webhook with a bad scheme", prepare: hookAt("ftp", "receiver.example"), fails: true},
		{name: "a webhook with a bad host", prepare: hookAt("https", "re ceiver%zz"), fails: true},
		{name: "a script that complains", prepare: badScript, fails: true, how: byEnvironment, level: "DEBUG"},
		{name: "the search is cut off", fault: cuts("investigate"), fails: true, slow: true},
		{name: "the webhook is cut off", fault: cuts("webhook")}, // it has answered by then
		{name: "NSX is cut off", fault: cuts("nsx"), fails: true, slow: true},
		{name: "status lines of TAP", fault: saysSo("tap"), fails: true},
		{name: "status lines of the rest", fault: saysSo("nsx", "webhook", "appservices", "threathunter"), fails: true},
	}
	for _, status := range []int{301, 400, 401, 403, 404, 409, 429, 500, 503} {
		runs = append(runs,
			secretRun{name: fmt.Sprintf("%d from TAP", status), fault: echoes(status, "tap"), fails: true, slow: status == 503},
			secretRun{name: fmt.Sprintf("%d from what changes something", status), fault: echoes(status, "nsx", "webhook", "device_actions", "liveresponse", "overrides", "threathunter"), fails: true, slow: status == 429 || status >= 500},
		)
		if status == 301 || status == 401 {
			runs = append(runs, secretRun{name: fmt.Sprintf("%d from all", status), fault: echoes(status, all...), fails: true})
		}
	}
	for i := range runs {
		if runs[i].how == "" {
			runs[i].how = []string{byFile, byEnvironment, byFiles}[i%3]
		}
		if runs[i].level == "" {
			runs[i].level = []string{"DEBUG", "INFO", "WARNING", "ERROR", "DEBUG"}[i%5]
		}
	}
	return runs
}

// Rule 8: no secret leaves.
func TestNoSecretLeaves(t *testing.T) {
	t.Parallel()
	runs := secretRuns()
	if os.Getenv(everyKill) == "" {
		runs = slices.DeleteFunc(runs, func(r secretRun) bool { return r.slow })
	}
	concurrently(t, runs, func(t *testing.T, run secretRun) {
		s := secretStage(t, run.how, run.level)
		if run.prepare != nil {
			run.prepare(t, s)
		}
		s.fault = func(w http.ResponseWriter, r *http.Request) bool {
			s.sees(t, r)
			return run.fault != nil && run.fault(w, r)
		}
		said := make(map[string]string)
		plan := filepath.Join(s.dir, "plan.json")
		for _, args := range [][]string{
			{"--dry-run"},
			{"--plan", plan},
			{"--json"},
			{},
			{"--apply", plan},
			{"status", "--all"},
			{"status", "--all", "--json"},
			{"status", "--verify-audit"},
			{"report"},
			{"migrate"},
			{"migrate", "--json"},
			{"--dry-run", "--verbose"},
			{"report", "--since", "1d", "--json"},
			{"report", "--since", "1d", "--report", filepath.Join(s.dir, "r.html"), "--report", filepath.Join(s.dir, "r.csv"), "--report", filepath.Join(s.dir, "r.md")},
			{"undo", "--device", "1001", "--dry-run"},
			{"undo", "--device", "1001", "--json"},
			{"action", "--device_id", "1002", "--pid", "3344", "--file_path", `c:\x.exe`},
		} {
			if run.fails && os.Getenv(everyKill) == "" && !slices.Contains([]string{"--plan", "--json", "status", "action"}, strings.Join(args[:min(1, len(args))], "")) {
				continue
			}
			p := s.launch(t, trap{}, append(args, "--config", s.config)...)
			code := p.end(t)
			said[fmt.Sprint(args, " on standard output")], said[fmt.Sprint(args, " on standard error")] = p.out.String(), p.err.String()
			if hunted := len(args) == 1 && args[0] == "--json"; hunted && (code != exitDone) != run.fails {
				t.Errorf("the hunt ended with %d: %s", code, p.err.String())
			}
			if strings.Contains(p.err.String(), "panic") {
				t.Errorf("%v panics: %s", args, p.err.String())
			}
		}
		s.settle(t)
		s.searches(t, said)
	})
}

// A secret that is misplaced or doubled is told of by its key, and not by its value.
func TestBadConfigurationKeepsSecrets(t *testing.T) {
	t.Parallel()
	values := secretValues(t, "https://receiver.example")
	for name, text := range map[string]string{
		"two values":                   "[Proofpoint]\nsecret = " + values["Proofpoint.secret"] + "\nsecret = other\n",
		"a misspelled key":             "[CarbonBlack]\ncustom_api_kee = " + values["CarbonBlack.custom_api_key"] + "\n",
		"a misspelled section":         "[Proofpint]\nsecret = " + values["Proofpoint.secret"] + "\n",
		"a value without a key":        "[CarbonBlack]\ncustom_api_key =\n" + values["CarbonBlack.custom_api_key"] + "\n",
		"no section":                   "secret = " + values["Proofpoint.secret"] + "\n",
		"a broken section":             "[Proofpoint\nsecret = " + values["Proofpoint.secret"] + "\n",
		"a bad webhook":                "[actions]\nwebhook = " + strings.TrimPrefix(values["actions.webhook"], "https") + "\n",
		"a webhook that is no address": "[actions]\nwebhook = https://%zz" + values["actions.webhook"] + "\n",
		"logins in addresses": "[CarbonBlack]\nurl = https://me:" + mark("CarbonBlack.custom_api_key") + "@cbc.example\norg_key = O\ncustom_api_id = I\ncustom_api_key = K\n" +
			"[Proofpoint]\nurl = https://me:" + mark("Proofpoint.secret") + "@tap.example\nprincipal = P\nsecret = S\n" +
			"[NSX]\nurl = https://me:" + mark("NSX.password") + "@nsx.example\nusername = U\npassword = P\n[actions]\nnsx_tag = a|b\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "config.conf")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			r := run(t.Context(), "--config", path)
			if r.code != exitUsage {
				t.Errorf("the program ended with %d, want 2", r.code)
			}
			if all := found(r.out + r.err); len(all) > 0 {
				t.Errorf("the program told %q: %s%s", all, r.out, r.err)
			}
		})
	}
}

func TestSecretsInFilesThatOthersCanRead(t *testing.T) {
	t.Parallel()
	s := secretStage(t, byFiles, "INFO")
	path := filepath.Join(s.dir, "given", "NSX.password")
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o400: 0, 0o640: 1, 0o604: 1, 0o444: 1} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		r := run(t.Context(), "status", "--config", s.config)
		if got := strings.Count(r.err, path+" holds NSX.password and can be read by other users: chmod 600"); got != want && os.PathSeparator == '/' {
			t.Errorf("with mode %o there were %d warnings, want %d: %s", mode, got, want, r.err)
		}
	}
}

func TestScriptEnvironment(t *testing.T) {
	t.Parallel()
	given := []string{"HOME=/x", "PP2CBC_NSX_PASSWORD=p", "PP2CBC_NSX_PASSWORD_FILE=/run/p", "PP2CBC_NSX_USERNAME=u", "PP2CBC_ACTIONS_WEBHOOK=https://x"}
	want := []string{"HOME=/x", "PP2CBC_NSX_PASSWORD_FILE=/run/p", "PP2CBC_NSX_USERNAME=u"}
	if got := withoutSecrets(given); !slices.Equal(got, want) {
		t.Errorf("withoutSecrets(%q) = %q, want %q", given, got, want)
	}
	if got := withoutSecrets(nil); got != nil {
		t.Errorf("withoutSecrets(nil) = %q, want nil, which means the environment of the program", got)
	}
}
