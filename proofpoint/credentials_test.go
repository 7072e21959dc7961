package proofpoint_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestASecretIsReplacedWhileTheProgramRuns(t *testing.T) {
	t.Parallel()
	sealed := errors.New("the vault is sealed")
	for _, tt := range []struct {
		name    string
		secrets []string // what the source gives, one after the other
		err     error
		asked   int
		want    error
	}{
		{"a good secret", []string{proofpointtest.Secret}, nil, 1, nil},
		{"the old secret, then the new one", []string{"0123456789", proofpointtest.Secret}, nil, 2, nil},
		{"a wrong secret that stays", []string{"0123456789"}, nil, 2, proofpoint.ErrUnauthorized},
		{"no secret", []string{""}, sealed, 1, sealed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := proofpointtest.New(proofpointtest.World{})
			asked := 0
			client, err := proofpoint.New(proofpoint.Config{
				BaseURL: proofpointtest.URL, HTTPClient: srv.Client(),
				Credentials: proofpoint.BasicFunc(func(context.Context) (string, string, error) {
					asked++
					return proofpointtest.Principal, tt.secrets[min(asked, len(tt.secrets))-1], tt.err
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Threats.Summary(t.Context(), proofpoint.ThreatID(strings.Repeat("ab", 32)))
			if errors.Is(err, proofpoint.ErrNotFound) {
				err = nil // the world is empty; the service let the call in
			}
			if !errors.Is(err, tt.want) || asked != tt.asked {
				t.Errorf("Threats.Summary = %v after asking %d times, want %v after %d", err, asked, tt.want, tt.asked)
			}
		})
	}
	if _, err := proofpoint.New(proofpoint.Config{Credentials: proofpoint.BasicFunc(nil)}); err == nil {
		t.Error("BasicFunc(nil) was accepted")
	}
}
