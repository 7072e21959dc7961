package hunt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/hunt"
)

// forge changes a plan and gives it the digest that fits.
func forge(t *testing.T, file []byte, old, with string) []byte {
	t.Helper()
	var env struct {
		Format string          `json:"format"`
		Digest string          `json:"digest"`
		Plan   json.RawMessage `json:"plan"`
	}
	if err := json.Unmarshal(file, &env); err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, env.Plan); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(compact.String(), old) {
		t.Fatalf("the plan has no %s", old)
	}
	env.Plan = json.RawMessage(strings.Replace(compact.String(), old, with, 1))
	sum := sha256.Sum256(env.Plan)
	env.Digest = hex.EncodeToString(sum[:])
	forged, err := json.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	return forged
}

func TestAPlanThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, with string }{
		{"another key", `"key":"isolate/device/7"`, `"key":"isolate/device/6"`},
		{"another target", `"key":"isolate/device/7","event_id":"`, `"key":"isolate/device/6","target":"6","event_id":"`},
		{"another machine in the evidence", `"device":{"id":7,`, `"device":{"id":6,`},
		{"a sighting that is not there", `"sightings":[0]`, `"sightings":[17]`},
		{"a file that is not there", `"hashes":["01`, `"hashes":["07`},
		{"an unknown status", `"status":"planned"`, `"status":"done"`},
		{"an unknown impact", `"impact":"contains"`, `"impact":"nothing"`},
		{"more evidence than a file", `"hashes":["0100000000000000000000000000000000000000000000000000000000000001"],"sightings":[0]`, `"hashes":[],"sightings":[0]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlanned()
			_, err := p.apply(t, forge(t, p.save(t), c.old, c.with))
			if err == nil || len(p.hook.did) > 0 {
				t.Errorf("applied: %v, error %v", p.hook.did, err)
			}
		})
	}
	p := newPlanned()
	weak := forge(t, p.save(t), `"evidence":"executed","process":{"guid":"ORG-b-7"`, `"evidence":"named","process":{"guid":"ORG-b-7"`)
	if _, err := p.apply(t, weak); err == nil || len(p.hook.did) > 0 {
		t.Errorf("a plan with too little evidence: applied %v, error %v", p.hook.did, err)
	}
}

func TestTasksAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	task := hunt.Task{
		Action: "isolate", Scope: hunt.ScopeDevice, Impact: hunt.Contains, Target: "7", Round: 2, Before: []byte(`{"on":false}`),
		Indicators: []hunt.Indicator{indicator(1, make([]hunt.Mail, 12)...)}, Sightings: []hunt.Sighting{sighting(1, 7, hunt.Executed)},
	}
	text, err := hunt.EncodeTask(task)
	if err != nil {
		t.Fatal(err)
	}
	got, err := hunt.DecodeTask(text)
	if err != nil {
		t.Fatal(err)
	}
	if got.Key() != task.Key() || string(got.Before) != string(task.Before) || len(got.Indicators[0].Mails) != 10 || got.Evidence() != hunt.Executed {
		t.Errorf("read %+v, written %+v", got, task)
	}
	for _, bad := range []string{
		`{}`, `[`, strings.Replace(string(text), `"target":"7"`, `"target":"8"`, 1), strings.Replace(string(text), `"scope":"device"`, `"scope":"fleet"`, 1),
		strings.Replace(string(text), `"sha256":"01`, `"sha256":"09`, 1), strings.Replace(string(text), `"round":2`, `"round":-2`, 1),
		strings.Replace(strings.Replace(string(text), `"scope":"device"`, `"scope":"process"`, 1), `"target":"7"`, `"target":"ORG-b-7/`+hash(1).String()+`"`, 1),
	} {
		if got, err := hunt.DecodeTask([]byte(bad)); err == nil {
			t.Errorf("DecodeTask(%s) = %v, want an error", bad, got)
		}
	}
}
