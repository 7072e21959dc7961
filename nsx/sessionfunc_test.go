package nsx_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/nsx"
	"github.com/pphunt/pphunt/nsx/nsxtest"
)

func TestAPasswordIsAskedForBeforeEachLogin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := nsxtest.New(nsxtest.World{})
		sealed := errors.New("the vault is sealed")
		asked, password, problem := 0, nsxtest.Password, error(nil)
		client := connect(t, srv, func(cfg *nsx.Config) {
			cfg.Credentials = nsx.SessionFunc(func(context.Context) (string, string, error) {
				asked++
				return nsxtest.Username, password, problem
			})
		})
		list := func() error {
			for _, err := range client.VirtualMachines.List(t.Context(), nsx.VMQuery{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}
		for i, want := range []int{1, 1, 2} {
			if i == 2 {
				time.Sleep(time.Hour) // the session has ended
			}
			if err := list(); err != nil || asked != want {
				t.Errorf("listing %d: %v after asking %d times, want %d", i, err, asked, want)
			}
		}
		time.Sleep(time.Hour)
		problem = sealed
		if err := list(); !errors.Is(err, sealed) {
			t.Errorf("without a password: %v, want %v", err, sealed)
		}
		password, problem = "", nil
		if err := list(); err == nil || !strings.Contains(err.Error(), "the password is empty") {
			t.Errorf("with an empty password: %v", err)
		}
		password = nsxtest.Password
		if err := list(); err != nil {
			t.Errorf("with the password again: %v", err)
		}
	})
	if _, err := nsx.New(nsx.Config{BaseURL: nsxtest.URL, Credentials: nsx.SessionFunc(nil)}); err == nil {
		t.Error("SessionFunc(nil) was accepted")
	}
}
