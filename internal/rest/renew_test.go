package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/pphunt/pphunt/internal/rest"
)

func TestRejectedCredentialsAreRenewedOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		steps   []step
		renewed bool
		asked   int
		sent    int
		fails   bool
	}{
		{"accepted afterwards", []step{answer(401, ""), answer(204, "")}, true, 1, 2, false},
		{"a 403 counts as well", []step{answer(403, "98"), answer(204, "")}, true, 1, 2, false},
		{"rejected again", []step{answer(403, "98")}, true, 1, 2, true},
		{"not renewed", []step{answer(403, "505")}, false, 1, 1, true},
		{"another error", []step{answer(404, "")}, true, 0, 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := play(tc.steps...)
				asked, signed := 0, 0
				c := core(t, s, func(c *rest.Config) {
					c.Attempts = 1 // the repetition is not one of these
					c.Authorize = func(_ context.Context, r *http.Request) error {
						signed++
						r.Header.Set("Authorization", fmt.Sprint("token ", signed))
						return nil
					}
					c.Rejected = func(context.Context, rest.Answer) (bool, error) { asked++; return tc.renewed, nil }
				})
				_, err := call(t.Context(), c, post())
				if asked != tc.asked || len(s.requests()) != tc.sent || (err != nil) != tc.fails {
					t.Errorf("asked %d, sent %d, error %v; want %d, %d, failure %v", asked, len(s.requests()), err, tc.asked, tc.sent, tc.fails)
				}
				if got, want := s.requests()[tc.sent-1].Header.Get("Authorization"), fmt.Sprint("token ", tc.sent); got != want {
					t.Errorf("the last attempt was signed with %q, want %q", got, want)
				}
			})
		})
	}
}

func TestTheRepetitionWithRenewedCredentialsIsNoAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(401, ""), answer(503, ""), answer(200, "{}"))
		c := core(t, s, func(c *rest.Config) {
			c.Attempts = 2
			c.Authorize = func(context.Context, *http.Request) error { return nil }
			c.Rejected = func(context.Context, rest.Answer) (bool, error) { return true, nil }
		})
		if _, err := call(t.Context(), c, get()); err != nil {
			t.Errorf("after 401 and 503 with 2 attempts: %v", err)
		}
	})
}

func TestRejectedMayCallTheServiceItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(answer(401, ""), answer(200, `{}`))
		var c *rest.Core
		c = core(t, s, func(cfg *rest.Config) {
			cfg.MaxInFlight = 1
			cfg.Authorize = func(context.Context, *http.Request) error { return nil }
			cfg.Rejected = func(ctx context.Context, _ rest.Answer) (bool, error) {
				_, err := c.Do(ctx, post(), nil)
				return err == nil, err
			}
		})
		if _, err := call(t.Context(), c, post()); err != nil {
			t.Error(err)
		}
	})
}

func TestAnErrorOfAuthorizeIsFinal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cause := errors.New("no credentials")
		s := play(answer(200, "{}"))
		asked := 0
		_, err := call(t.Context(), core(t, s, func(c *rest.Config) {
			c.Authorize = func(context.Context, *http.Request) error { asked++; return cause }
		}), get())
		if !errors.Is(err, cause) || asked != 1 || len(s.requests()) != 0 {
			t.Errorf("asked %d, sent %d, error %v; want 1, 0, %v", asked, len(s.requests()), err, cause)
		}
	})
}
