package browsertest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/pphunt/pphunt/hunt/huntreport"
)

// strict is the schema in which nothing may be there that it does not describe.
func strict(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(huntreport.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	var close func(v any)
	close = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["additionalProperties"]; !ok && v["type"] == "object" {
				v["additionalProperties"] = false
			}
			for _, below := range v {
				close(below)
			}
		case []any:
			for _, below := range v {
				close(below)
			}
		}
	}
	close(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestSchema holds the schema against the golden report and against what the program prints.
func TestSchema(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("../testdata/report.json")
	if err != nil {
		t.Fatal(err)
	}
	demo := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "./examples/pp2cbc", "--demo", "--json"}, args...)...)
		cmd.Dir = "../../.."
		out, _ := cmd.Output() // it ends with 3: something is held
		return out
	}
	schema := strict(t)
	members := make(map[string]bool)
	for name, text := range map[string][]byte{"golden": golden, "hunt": demo(), "dry run": demo("--dry-run")} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, text)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		collect(members, doc)
	}
	for _, want := range []string{"exposures", "outcomes", "left_alone", "before", "turned", "problems", "hunted_until", "requests"} {
		if !members[want] {
			t.Errorf("no report has %s, so that nothing is proved of it", want)
		}
	}
	var wrong map[string]any
	if err := json.Unmarshal(golden, &wrong); err != nil {
		t.Fatal(err)
	}
	wrong["sightings"] = []any{map[string]any{"sha256": "ABC"}}
	if schema.Validate(wrong) == nil {
		t.Error("a wrong report is taken for a good one")
	}
}

func collect(members map[string]bool, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, below := range v {
			members[name] = true
			collect(members, below)
		}
	case []any:
		for _, below := range v {
			collect(members, below)
		}
	}
}
