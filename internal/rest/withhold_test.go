package rest_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/internal/rest"
)

// echo answers with the credentials that it was sent, as some gateways do.
func echo(status int) step {
	return func(r *http.Request) (*http.Response, error) {
		form, _ := io.ReadAll(r.Body)
		said := "no entry for " + strings.Join(append(r.Header["Authorization"], r.Header["X-Auth-Token"]...), " and ") + string(form)
		if login, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")); err == nil {
			said += string(login) + strings.ReplaceAll(string(login), "&", `\u0026`)
		}
		return response(r, status, io.NopCloser(strings.NewReader(said)), "X-Request-Id", said), nil
	}
}

func TestAnswersThatRepeatCredentialsAreBlanked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		sign    func(*http.Request)
		form    url.Values
		secrets []string
	}{
		{"a token of two halves", func(r *http.Request) { r.Header.Set("X-Auth-Token", "S3CR3T-KEY/ID1") }, nil, []string{"S3CR3T-KEY"}},
		{"a basic login", func(r *http.Request) { r.SetBasicAuth("principal", "pass&w0rd") }, nil, []string{"pass&w0rd", `pass\u0026w0rd`, "cHJpbmNpcGFs"}},
		{"a form", func(*http.Request) {}, url.Values{"j_password": {"Kite+blue&67"}}, []string{"Kite+blue&67", url.QueryEscape("Kite+blue&67")}},
	} {
		for _, status := range []int{200, 401, 403, 500} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				engine := core(t, play(echo(status)), func(cfg *rest.Config) {
					cfg.Authorize = func(_ context.Context, r *http.Request) error { c.sign(r); return nil }
				})
				request := rest.Call{Op: "things.post", Method: http.MethodPost, Route: "/things", Body: "x"}
				if c.form != nil {
					request.Body, request.Form = nil, c.form
				}
				var out struct{}
				_, err := engine.Do(t.Context(), request, &out)
				if err == nil || !strings.Contains(err.Error(), "no entry for") {
					t.Fatalf("Do = %v, want an error with what the service said", err)
				}
				for _, secret := range c.secrets {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error repeats %q: %v", secret, err)
					}
				}
			})
		}
	}
}
