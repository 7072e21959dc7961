package proofpoint_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/proofpoint"
)

func TestRefusalsThatComeTogetherCountOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The service thinks for a while, so that all calls are under way before the first is refused.
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return response(r, http.StatusTooManyRequests, strings.NewReader("")), nil
		})
		client := refused(t, rt)
		for _, pause := range []time.Duration{5 * time.Minute, 10 * time.Minute} {
			var calls sync.WaitGroup
			for range 4 {
				calls.Go(func() {
					for _, err := range client.SIEM.All(t.Context(), proofpoint.Query{Since: time.Hour}) {
						if !errors.Is(err, proofpoint.ErrRateLimited) || errors.Is(err, proofpoint.ErrQuotaExhausted) {
							t.Errorf("All() = %v, want a refusal by the service", err)
						}
					}
				})
			}
			calls.Wait()
			usage := usageOf(client.Quotas(), proofpoint.BucketSIEM)
			if left := time.Until(usage.NextFree); left != pause || !usage.Refused {
				t.Errorf("after four refusals at once the next call is in %v, want %v", left, pause)
			}
			time.Sleep(time.Until(usage.NextFree))
		}
	})
}

func TestALongRetryAfterIsNoShortPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			resp := response(r, http.StatusTooManyRequests, strings.NewReader(""))
			resp.Header.Set("Retry-After", "86400")
			return resp, nil
		})
		client := refused(t, rt)
		for _, pause := range []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute} {
			if _, err := collect(t, client.SIEM.All(t.Context(), proofpoint.Query{Since: time.Hour})); !errors.Is(err, proofpoint.ErrRateLimited) {
				t.Errorf("All() = %v", err)
			}
			usage := usageOf(client.Quotas(), proofpoint.BucketSIEM)
			if left := time.Until(usage.NextFree); left != pause {
				t.Errorf("the next call is in %v, want %v", left, pause)
			}
			time.Sleep(time.Until(usage.NextFree))
		}
	})
}

// refused is a client that a transport refuses.
func refused(t testing.TB, rt roundTripper) *proofpoint.Client {
	t.Helper()
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: "https://tap.invalid", Credentials: proofpoint.Basic("principal", "s3cr3t-value"),
		HTTPClient: &http.Client{Transport: rt}, Pace: unhurried{}, Attempts: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
