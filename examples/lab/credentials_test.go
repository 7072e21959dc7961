package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/pphunt/pphunt/cbc"
)

func TestTheCredentialsFileLeadsToTheLab(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"in the clear": nil, "with TLS": {"--tls"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "credentials.cbc")
			r := start(t, append(args, "--credentials-out", path)...)
			profile, err := cbc.ReadProfile(path, "")
			if err != nil || profile.Warnings != nil {
				t.Fatalf("ReadProfile = %q, %v", profile.Warnings, err)
			}
			client, err := cbc.New(profile.Config)
			if err != nil {
				t.Fatal(err)
			}
			if policies, err := client.Policies.List(t.Context()); err != nil || len(policies) == 0 {
				t.Errorf("Policies.List = %v, %v, want those of the lab", policies, err)
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the file is still there after the end of the lab: %v", err)
			}
		})
	}
}
