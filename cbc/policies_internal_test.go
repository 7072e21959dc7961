package cbc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/go-json-experiment/json"
)

func FuzzPolicy(f *testing.F) {
	for _, name := range []string{"policy.json", "platform/policy_full.json"} {
		f.Add(sample(f, name))
	}
	f.Add([]byte(`{"id":7,"name":"x","priority_level":"LOW","rules":{"id":[]},"sensor_settings":[7,{"value":false}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		policy, err := decodePolicy("op", data)
		if err != nil {
			return
		}
		if policy.ID <= 0 {
			t.Errorf("%s decodes to a policy without an id", data)
		}
		body, err := policy.body("op")
		if err != nil {
			return
		}
		written, err := json.Marshal(body)
		if err != nil {
			return // bytes that are no text
		}
		again, err := decodePolicy("op", written)
		ignored := cmpopts.IgnoreFields(Policy{}, "Raw", "Updated", "Devices", "DirectoryActionRules", "RuleConfigs", "SensorConfigs", "AVSettings")
		if diff := cmp.Diff(policy, again, ignored); err != nil || diff != "" {
			t.Errorf("%s is sent as %s, error %v (-first +second):\n%s", data, written, err, diff)
		}
	})
}
