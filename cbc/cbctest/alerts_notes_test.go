package cbctest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestNotesAndTags(t *testing.T) {
	t.Parallel()
	c := newConsole(t, alarmed())
	for _, of := range []string{alerts + "/list", threats + "/T1"} {
		note := c.call("POST", of+"/notes", `{"note":"seen"}`, 200)
		id, _ := note["id"].(string)
		want := map[string]any{
			"id": id, "author": cbctest.KeyID, "note": "seen", "create_timestamp": "2025-02-11T12:00:00.000Z",
			"last_update_timestamp": "2025-02-11T12:00:00.000Z", "source": "CUSTOMER", "parent_id": nil, "read_history": nil, "thread": nil,
		}
		if diff := cmp.Diff(want, note); diff != "" || id == "" {
			t.Errorf("%s note (-want +got):\n%s", of, diff)
		}
		list := map[string]any{"results": []any{want}, "num_found": 1.0, "num_available": 1.0}
		if diff := cmp.Diff(list, c.call("GET", of+"/notes", "", 200)); diff != "" {
			t.Errorf("%s notes (-want +got):\n%s", of, diff)
		}
		alert := c.call("GET", alerts+"/list", "", 200)
		if alert["alert_notes_present"] != true || alert["threat_notes_present"] != strings.HasPrefix(of, threats) {
			t.Errorf("after a note on %s: %v, %v", of, alert["alert_notes_present"], alert["threat_notes_present"])
		}
		defer func() {
			c.raw("DELETE", of+"/notes/"+id, "", 204)
			c.raw("DELETE", of+"/notes/"+id, "", 404)
		}()
	}
	long, err := json.Marshal(map[string]string{"note": strings.Repeat("ü", 20_001)})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{}`, `{"note":""}`, `{"text":"x"}`, string(long)} {
		c.raw("POST", alerts+"/list/notes", body, 400)
	}
	c.raw("POST", alerts+"/nobody/notes", `{"note":"x"}`, 404)
	c.raw("POST", threats+"/nobody/notes", `{"note":"x"}`, 404)
	c.raw("GET", threats+"/nobody/tags", "", 404)

	for _, step := range []struct {
		method, path, body, member string
		want                       []any
	}{
		{"GET", "/tags", "", "list", []any{}},
		{"POST", "/tags", `{"tags":["a","b/c"]}`, "tags", []any{"a", "b/c"}},
		{"POST", "/tags", `{"tags":["a","d"]}`, "tags", []any{"a", "b/c", "d"}},
		{"DELETE", "/tags/b%2Fc", "", "tags", []any{"a", "d"}},
		{"GET", "/tags", "", "list", []any{"a", "d"}},
	} {
		if diff := cmp.Diff(map[string]any{step.member: step.want}, c.call(step.method, threats+"/T1"+step.path, step.body, 200)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", step.method, step.path, diff)
		}
	}
	if got := c.call("GET", alerts+"/analytics", "", 200)["tags"]; !cmp.Equal([]any{"a", "d"}, got) {
		t.Errorf("tags of another alert of the threat = %v", got)
	}
	c.raw("DELETE", threats+"/T1/tags/nothing", "", 404)
	c.raw("POST", threats+"/T1/tags", `{"tags":[]}`, 400)
	for _, threat := range c.srv.Threats() {
		if (threat.ID == "T1") != (len(threat.Tags) == 2 && len(threat.Notes) == 1) {
			t.Errorf("Threats() has %+v", threat)
		}
	}
}
