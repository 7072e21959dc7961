package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
)

// oldConfig is a configuration file as the old script had it, comments included.
const oldConfig = `; General settings
[general]
name = cbc-proofpoint
description = Connector for Proofpoint
version = 1.3.4
author = Somebody <somebody@corp.example>

[logging]
filename = app.log
level = info

[CarbonBlack]
url = defense.example
org_key = 7QRST4UV
api_id = OLD
api_key = OLD
custom_api_id = A1B2C3D4E5
custom_api_key = S3CR3T%(x)s;#"
lr_api_id =
; When malicious attachments are found, all events within a window will be searched.
window = 3d

[Proofpoint]
url = https://tap.example
principal = principal
secret = secret
include_delivered = True
include_blocked = no
delta = 15

[NSX]
; url =

[sqlite3]
filename = app.sql
deprecation = 30

[actions]
;watchlist = Proofpoint Malicious Attachments
script = python3 "my action.py" --file_path {file_path} C:\new\table
isolate = yes
policy
`

// parse reads a configuration text with an environment.
func parse(t *testing.T, text string, environ ...string) (*config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := readValues(path, true, environ)
	if err != nil {
		return nil, err
	}
	return parseConfig(v)
}

func TestOldConfigIsReadAsItStands(t *testing.T) {
	t.Parallel()
	c, err := parse(t, oldConfig)
	if err != nil {
		t.Fatalf("the old configuration is refused: %v", err)
	}
	if want := `S3CR3T%(x)s;#"`; c.cbc.secret.text() != want {
		t.Errorf("custom_api_key = %q, want %q letter by letter", c.cbc.secret.text(), want)
	}
	if c.lookBack != 3*24*time.Hour || !c.delivered || c.blocked || c.delta != 15*time.Minute || c.product != "cbc-proofpoint/1.3.4" {
		t.Errorf("config = %+v, want what the file says", c)
	}
	want := actionConfig{
		script:    []string{"python3", "my action.py", "--file_path", "{file_path}", `C:\new\table`},
		scriptDir: filepath.Dir(c.ledger), scriptTimeout: 5 * time.Minute, isolate: true, evidence: hunt.Executed, evidenceLimit: 100 << 20,
		isolateEvidence: hunt.Executed, policyEvidence: hunt.Executed, tagEvidence: hunt.Executed,
	}
	if diff := cmp.Diff(want, c.actions, cmp.AllowUnexported(actionConfig{})); diff != "" {
		t.Errorf("actions mismatch (-want +got):\n%s", diff)
	}
	if filepath.Base(c.ledger) != "app.sql" || !filepath.IsAbs(c.ledger) || filepath.Base(c.log.file) != "app.log" {
		t.Errorf("ledger %s and log %s, want both beside the configuration", c.ledger, c.log.file)
	}
	if len(c.warnings) != 2 || !strings.Contains(c.warnings[0], "CarbonBlack.api_id is not used") {
		t.Errorf("warnings = %q, want one for each of the two retired values", c.warnings)
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(oldConfig, "secret = secret", "secret_file = "+secret, 1)
	c, err := parse(t, text, "PP2CBC_CARBONBLACK_WINDOW=12h", "PP2CBC_ACTIONS_ISOLATE=off", "PP2CBC_TYPO=1", "HOME=/x")
	if err != nil {
		t.Fatal(err)
	}
	if c.tap.secret.text() != "from a file" || c.lookBack != 12*time.Hour || c.actions.isolate {
		t.Errorf("secret %q, window %s, isolate %t; want the file's content and the environment's values", c.tap.secret.text(), c.lookBack, c.actions.isolate)
	}
	if got := strings.Join(c.warnings, "\n"); !strings.Contains(got, "PP2CBC_TYPO") {
		t.Errorf("warnings = %q, want one about the unknown variable", got)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	replace := func(old, with string) string { return strings.Replace(oldConfig, old, with, 1) }
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"an empty key", replace("org_key = 7QRST4UV", "org_key ="), []string{"CarbonBlack.org_key: is missing or empty"}},
		{"a missing key", replace("principal = principal\n", ""), []string{"Proofpoint.principal: is missing or empty"}},
		{"several problems at once", strings.NewReplacer("secret = secret", "", "isolate = yes", "isolate = maybe").Replace(oldConfig), []string{"Proofpoint.secret", `actions.isolate: "maybe" is neither true nor false`}},
		{"a tag without NSX", oldConfig + "nsx_tag = quarantine\n", []string{"actions.nsx_tag: needs NSX.url"}},
		{"too long a window", replace("window = 3d", "window = 3w"), []string{"CarbonBlack.window: 3w is more than the two weeks"}},
		{"a window without a unit", replace("window = 3d", "window = 3"), []string{"CarbonBlack.window"}},
		{"a contradiction", oldConfig + "isolate = no\n", []string{"actions.isolate is set twice"}},
		{"an open quote", replace(`"my action.py"`, `"my action.py`), []string{"actions.script: the quote"}},
		{"an unknown level", replace("level = info", "level = loud"), []string{"logging.level"}},
		{"a secret twice", replace("secret = secret", "secret = secret\nsecret_file = x"), []string{"Proofpoint.secret and Proofpoint.secret_file are both set"}},
		{"evidence that is too weak", oldConfig + "evidence = named\n", []string{"actions.evidence"}},
		{"nothing to ask for", replace("include_delivered = True", "include_delivered = False"), []string{"there is nothing to ask for"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, c.text)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error = %v, want it to say %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "S3CR3T") {
				t.Errorf("the error repeats a secret: %v", err)
			}
		})
	}
}

func TestOffIsOff(t *testing.T) {
	t.Parallel()
	text := strings.Replace(oldConfig, "include_delivered = True", "include_delivered =\ninclude_blocked = yes\n;", 1)
	text = strings.Replace(text, "include_blocked = no\n", "", 1)
	text = strings.Replace(text, "script = python3", "script = off\n;", 1) + "watchlist = None\nwebhook = no\nnsx_tag = False\n"
	c, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	a := c.actions
	if a.watchlist != "" || len(a.hooks) > 0 || len(a.script) > 0 || a.nsxTag != "" || a.policy != "" || c.delivered || !c.blocked {
		t.Errorf("config = %+v, want everything off but include_blocked and isolate", c)
	}
}

func TestUnknownKeyNamesTheNearest(t *testing.T) {
	t.Parallel()
	c, err := parse(t, oldConfig+"isolat = True\nzzzzzzzzzz = 1\n")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.warnings, "\n")
	if !strings.Contains(got, "unknown key actions.isolat is ignored; did you mean actions.isolate?") || strings.Contains(got, "zzzzzzzzzz is ignored; did") {
		t.Errorf("warnings = %q, want the nearest key for the first and none for the second", got)
	}
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	_, err := readValues(filepath.Join(t.TempDir(), "none.conf"), true, []string{"PP2CBC_CARBONBLACK_URL=x"})
	if err == nil || !strings.Contains(err.Error(), "there is no configuration file") {
		t.Errorf("error = %v, want it to say that the file is missing", err)
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	at := func(h, m, s int) time.Time { return time.Date(2026, 3, 2, h, m, s, 0, time.UTC) }
	for _, c := range []struct {
		name, start, end string
		want             hunt.Window
		problem          string
	}{
		{"all since the last run by default", "", "", hunt.Window{}, ""},
		{"both given, one with an offset", "2026-03-02T11:00:00+01:00", "2026-03-02T11:00:00Z", hunt.Window{Start: at(10, 0, 0), End: at(11, 0, 0)}, ""},
		{"only the start", "2026-03-02T11:30:00Z", "", hunt.Window{Start: at(11, 30, 0), End: at(11, 45, 0)}, ""},
		{"only the end", "", "2026-03-02T09:00:00Z", hunt.Window{Start: at(8, 0, 0), End: at(9, 0, 0)}, ""},
		{"too short", "2026-03-02T10:00:00Z", "2026-03-02T10:00:29Z", hunt.Window{}, "at least 30 s"},
		{"days", "2026-02-24T10:00:00Z", "2026-03-02T11:00:01Z", hunt.Window{Start: time.Date(2026, 2, 24, 10, 0, 0, 0, time.UTC), End: at(11, 0, 1)}, ""},
		{"in the future", "2026-03-02T12:30:00Z", "2026-03-02T13:00:00Z", hunt.Window{}, "not yet a minute ago"},
		{"too old", "2026-02-20T10:00:00Z", "2026-02-20T11:00:00Z", hunt.Window{}, "7 days"},
		{"no time", "yesterday", "", hunt.Window{}, `--start-time "yesterday"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := window(options{start: c.start, end: c.end}, 15*time.Minute, now)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Errorf("error = %v, want it to say %q", err, c.problem)
				}
				return
			}
			if err != nil || !got.Start.Equal(c.want.Start) || !got.End.Equal(c.want.End) {
				t.Errorf("window = %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func FuzzSplitCommand(f *testing.F) {
	f.Add(`python3 action.py --pid {pid}`)
	f.Add(`"a b" 'c "d"' e\f`)
	f.Fuzz(func(t *testing.T, s string) {
		args, err := splitCommand(s)
		if err != nil {
			return
		}
		total := 0
		for _, a := range args {
			total += len(a)
		}
		if total > len(s)+len(s)*2 { // a broken byte becomes three
			t.Errorf("splitCommand(%q) = %q: more than there was", s, args)
		}
	})
}
