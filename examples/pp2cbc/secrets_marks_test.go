package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

// mark is a text that nothing but the secret of its name has in it: letters and digits, which no escaping changes.
func mark(name string) string {
	sum := sha256.Sum256([]byte("pphunt mark " + name))
	return base32.StdEncoding.EncodeToString(sum[:15])
}

// secretHook is the path of the webhook that is a secret.
var secretHook = "/hooks/" + mark("webhook path")

// chatSection has a second webhook, and chatHook is its path.
const chatSection = hookSection + "chat"

var chatHook = "/chat/" + mark(chatSection+".url")

// secretKeys are all that are secret.
func secretKeys() []key {
	return slices.DeleteFunc(append(schema(), hookKeys(chatSection)...), func(k key) bool { return !k.secret })
}

// secretValues are the marked values of all secret keys. A key that nobody has thought of here fails the test.
func secretValues(t *testing.T, server string) map[string]string {
	t.Helper()
	values := make(map[string]string)
	for _, k := range secretKeys() {
		m := mark(k.String())
		switch k.String() {
		case "CarbonBlack.custom_api_key", "CarbonBlack.api_key", "CarbonBlack.lr_api_key", "actions.webhook_secret", chatSection + ".secret":
			values[k.String()] = m
		case "Proofpoint.secret", "NSX.password":
			values[k.String()] = m + `&<"ü%` // what is escaped in one way or another
		case chatSection + ".url":
			values[k.String()] = server + chatHook
		case "actions.webhook_proxy", chatSection + ".proxy": // the stage takes requests as a proxy does, too
			values[k.String()] = strings.Replace(server, "://", "://proxy:"+m+"@", 1)
		case "actions.webhook":
			values[k.String()] = strings.Replace(server, "://", "://"+mark("webhook user")+":"+mark("webhook password")+"@", 1) + secretHook + "?token=" + mark("webhook query")
		default:
			t.Errorf("the secret key %s has no mark in this test", k)
		}
	}
	return values
}

func hookMarks() []string {
	return []string{"webhook user", "webhook password", "webhook path", "webhook query"}
}

// markNames are the names of all marks.
func markNames() []string {
	all := hookMarks()
	for _, k := range secretKeys() {
		all = append(all, k.String())
	}
	return all
}

// found lists the marks that are in a text as they are, whole or in part, in base 64 or in hexadecimal digits.
func found(text string) []string {
	lower := strings.ToLower(text)
	digits := strings.NewReplacer("%", "", ":", "", `\x`, "", " ", "").Replace(lower)
	var all []string
	for _, name := range markNames() {
		m := mark(name)
		hit := strings.Contains(lower, strings.ToLower(m[:8])) || strings.Contains(lower, strings.ToLower(m[len(m)-8:])) || strings.Contains(digits, hex.EncodeToString([]byte(m[:8])))
		for before := range 3 { // what stands before it shifts the letters of base 64
			encoded := base64.StdEncoding.EncodeToString(append(make([]byte, before), m...))
			hit = hit || strings.Contains(text, encoded[4:20])
		}
		if hit {
			all = append(all, name)
		}
	}
	return all
}

func TestMarksAreFound(t *testing.T) {
	t.Parallel()
	m := mark("NSX.password")
	for _, text := range []string{
		"x" + m + "y", strings.ToLower(m), "cut " + m[:10], m[12:], hex.EncodeToString([]byte("a" + m)), fmt.Sprintf("%q", m), fmt.Sprintf("% x", m),
		base64.StdEncoding.EncodeToString([]byte("u:" + m)), base64.StdEncoding.EncodeToString([]byte("us:" + m + "&")), base64.URLEncoding.EncodeToString([]byte("use:" + m)),
	} {
		if got := found(text); !slices.Equal(got, []string{"NSX.password"}) {
			t.Errorf("in %s was found %q, want the mark", text, got)
		}
	}
}

// How secrets are given.
const (
	byFile        = "in the file"
	byEnvironment = "in the environment"
	byFiles       = "in files of their own"
)

// secretStage is a stage whose secrets are all marked. What is at s.dir, except for the configuration and what is below "given", is
// what the program has written.
func secretStage(t *testing.T, how, level string) *stage {
	t.Helper()
	world := smallWorld(time.Now())
	values := secretValues(t, "")
	world.CBC.Keys = []cbctest.Key{{ID: cbctest.KeyID, Secret: values["CarbonBlack.custom_api_key"]}}
	world.TAP.Secret = values["Proofpoint.secret"]
	world.NSX.Users = []nsxtest.User{{Name: "operator", Password: values["NSX.password"]}}
	s := newStage(t, world)
	values = secretValues(t, s.server.URL) // the webhook is on it
	given := filepath.Join(s.dir, "given")
	if err := os.MkdirAll(given, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	section := ""
	for line := range strings.SplitSeq(string(text)+"\n["+chatSection+"]\nevents = finding, held, failed, undone, run\nformat = slack", "\n") {
		name, _, _ := strings.Cut(line, " = ")
		if k, known := lookupKey(section, name); known && k.secret {
			continue
		}
		lines = append(lines, line)
		if !strings.HasPrefix(line, "[") {
			continue
		}
		section = strings.Trim(line, "[]")
		for _, k := range secretKeys() {
			if k.section != section {
				continue
			}
			value := values[k.String()]
			switch how {
			case byFile:
				lines = append(lines, k.name+" = "+value)
			case byEnvironment:
				s.env = append(s.env, k.env()+"="+value)
			case byFiles:
				path := filepath.Join(given, k.String())
				if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, k.name+"_file = "+path)
			}
		}
	}
	lines = append(lines, "[logging]", "level = "+level)
	if err := os.WriteFile(s.config, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.env = append(s.env, "TMPDIR="+filepath.Join(s.dir, "tmp"), "PP2CBC_ACTIONS_WEBHOOK_EVENTS=finding, held, failed, undone, run")
	return s
}

// sees wants a request to have no secret of another service in it.
func (s *stage) sees(t *testing.T, r *http.Request) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it was cut off
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var own []string
	switch path := r.URL.EscapedPath(); {
	case r.Method == http.MethodConnect:
		own = []string{"actions.webhook_proxy", chatSection + ".proxy"}
	case path == secretHook:
		own = append(hookMarks(), "actions.webhook_proxy")
	case path == chatHook:
		own = []string{chatSection + ".url", chatSection + ".proxy"}
	case path == "/script":
	case s.lab.TAP.Owns(path):
		own = []string{"Proofpoint.secret"}
	case s.lab.NSX.Owns(path):
		own = []string{"NSX.password"}
	default:
		own = []string{"CarbonBlack.custom_api_key"}
	}
	for _, name := range found(fmt.Sprint(r.URL, r.Header, string(body))) {
		if !slices.Contains(own, name) {
			t.Errorf("%s %s got the secret %s", r.Method, r.URL.Path, name)
		}
	}
}

// searches looks for marks in everything that a command has said and written.
func (s *stage) searches(t *testing.T, said map[string]string) {
	t.Helper()
	for what, text := range said {
		if all := found(text); len(all) > 0 {
			t.Errorf("%s has %q in it:\n%s", what, all, text)
		}
	}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == s.config:
			return nil
		case d.IsDir() && d.Name() == "given":
			return fs.SkipDir
		}
		if all := found(path); len(all) > 0 {
			t.Errorf("the name of %s has %q in it", path, all)
		}
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if all := found(string(content)); len(all) > 0 {
			t.Errorf("the file %s has %q in it", path, all)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.scripts {
		text, err := json.Marshal(c)
		if err != nil {
			t.Error(err)
		}
		if all := found(string(text)); len(all) > 0 {
			t.Errorf("the script was given %q", all)
		}
	}
}
