package cbc

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func FuzzOverrides(f *testing.F) {
	for _, name := range []string{"override.json", "platform/overrides.json", "platform/overrides_deleted.json"} {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var o Override
		if json.Unmarshal(data, &o, forgiving()) == nil {
			if h, ok := o.SHA256(); ok && (o.For(h) != strings.EqualFold(string(o.Type), string(ByHash))) {
				t.Errorf("%s: For does not go by the type", data)
			}
			if o.check() == nil && o.List == Banned && o.Type != ByHash {
				t.Errorf("%s: a ban by %s is accepted", data, o.Type)
			}
		}
		var answer deletedAnswer
		if json.Unmarshal(data, &answer, forgiving()) != nil {
			return
		}
		for id, reason := range answer.reasons() {
			if text := (&OverridesError{Op: "op", IDs: []OverrideID{OverrideID(id)}, Err: reason}).Error(); strings.ContainsAny(text, "\n\r") {
				t.Errorf("the error of %s has more than one line: %q", data, text)
			}
		}
	})
}
