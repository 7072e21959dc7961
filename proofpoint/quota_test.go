package proofpoint_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// counted is a client of the fake with this quota.
func counted(t testing.TB, srv *proofpointtest.Server, quota *proofpoint.Quota) *proofpoint.Client {
	t.Helper()
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient: srv.Client(), Pace: unhurried{}, Quota: quota,
	})
	if err != nil {
		t.Fatalf("New() = %v", err)
	}
	return client
}

func limited(t testing.TB, limits map[proofpoint.Bucket]int) *proofpoint.Quota {
	t.Helper()
	quota, err := proofpoint.NewQuota(limits)
	if err != nil {
		t.Fatalf("NewQuota(%v) = %v", limits, err)
	}
	return quota
}

func usageOf(usage []proofpoint.QuotaUsage, b proofpoint.Bucket) proofpoint.QuotaUsage {
	for _, u := range usage {
		if u.Bucket == b {
			return u
		}
	}
	return proofpoint.QuotaUsage{}
}

func statuses(srv *proofpointtest.Server) map[int]int {
	counts := map[int]int{}
	for _, r := range srv.Requests() {
		counts[r.Status]++
	}
	return counts
}

func TestEachCallIsCountedInItsBucket(t *testing.T) {
	t.Parallel()
	since := proofpoint.Query{Since: time.Hour}
	people := proofpoint.PeopleQuery{Window: proofpoint.Last14Days}
	calls := map[proofpoint.Bucket][]func(*proofpoint.Client) error{
		proofpoint.BucketSIEM: {
			func(c *proofpoint.Client) error {
				_, err := collect(t, c.SIEM.MessagesDelivered(t.Context(), since))
				return err
			},
			func(c *proofpoint.Client) error {
				_, err := collect(t, c.SIEM.MessagesBlocked(t.Context(), since))
				return err
			},
			func(c *proofpoint.Client) error {
				_, err := collect(t, c.SIEM.ClicksBlocked(t.Context(), since))
				return err
			},
			func(c *proofpoint.Client) error { _, err := collect(t, c.SIEM.All(t.Context(), since)); return err },
			func(c *proofpoint.Client) error { _, err := collect(t, c.SIEM.Issues(t.Context(), since)); return err },
		},
		proofpoint.BucketClicksPermitted: {func(c *proofpoint.Client) error {
			_, err := collect(t, c.SIEM.ClicksPermitted(t.Context(), since))
			return err
		}},
		proofpoint.BucketCampaignIDs: {func(c *proofpoint.Client) error {
			_, err := collect(t, c.Campaigns.IDs(t.Context(), proofpoint.CampaignQuery{Window: proofpoint.Window{Start: time.Now().Add(-2 * time.Hour), End: time.Now().Add(-time.Hour)}}))
			return err
		}},
		proofpoint.BucketForensicsThreat: {func(c *proofpoint.Client) error {
			_, err := c.Forensics.ByThreat(t.Context(), offer, proofpoint.ForensicsOptions{})
			return err
		}},
		proofpoint.BucketForensicsCampaign: {func(c *proofpoint.Client) error { _, err := c.Forensics.ByCampaign(t.Context(), "c-1"); return err }},
		proofpoint.BucketVeryAttacked: {func(c *proofpoint.Client) error {
			_, err := collect(t, c.People.VeryAttacked(t.Context(), people))
			return err
		}},
		proofpoint.BucketTopClickers: {func(c *proofpoint.Client) error {
			_, err := collect(t, c.People.TopClickers(t.Context(), people))
			return err
		}},
		proofpoint.BucketURLDecode: {func(c *proofpoint.Client) error { _, err := c.URLs.Decode(t.Context(), "x"); return err }},
		"": {
			func(c *proofpoint.Client) error { _, err := c.Threats.Summary(t.Context(), offer); return err },
			func(c *proofpoint.Client) error { _, err := c.Campaigns.Get(t.Context(), "c-1"); return err },
		},
	}
	if len(calls) != len(proofpoint.Buckets())+1 {
		t.Fatalf("there are %d buckets", len(proofpoint.Buckets()))
	}
	for bucket, calls := range calls {
		t.Run(string(bucket), func(t *testing.T) {
			t.Parallel()
			for _, call := range calls {
				srv := proofpointtest.New(proofpointtest.World{})
				client := counted(t, srv, nil)
				if err := call(client); err != nil && !errors.Is(err, proofpoint.ErrNotFound) {
					t.Errorf("the call fails with %v", err)
				}
				for _, u := range client.Quotas() {
					want := 0
					if u.Bucket == bucket {
						want = 1
					}
					if u.Used != want || u.Left() != u.Limit-want {
						t.Errorf("one call of %q: %+v, %d left", bucket, u, u.Left())
					}
				}
			}
		})
	}
}

func TestTheQuotaRunsOutBeforeTheServiceRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := proofpointtest.New(proofpointtest.World{Quotas: proofpointtest.Quotas{SIEM: 3}})
		client := counted(t, srv, limited(t, map[proofpoint.Bucket]int{proofpoint.BucketSIEM: 3}))
		ask := func() error {
			_, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.Query{Since: time.Hour}))
			return err
		}
		start := time.Now()
		for i := range 3 {
			if err := ask(); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			time.Sleep(90*time.Minute + 300*time.Millisecond)
		}
		err := ask()
		full, ok := errors.AsType[*proofpoint.QuotaError](err)
		if !ok || !errors.Is(err, proofpoint.ErrQuotaExhausted) || !errors.Is(err, proofpoint.ErrRateLimited) {
			t.Fatalf("the fourth call gives %v", err)
		}
		want := proofpoint.QuotaUsage{Bucket: proofpoint.BucketSIEM, Used: 3, Limit: 3, NextFree: start.UTC().Add(24*time.Hour + time.Second)}
		if diff := cmp.Diff(want, full.QuotaUsage); diff != "" {
			t.Errorf("QuotaError mismatch (-want +got):\n%s", diff)
		}
		if text := "proofpoint: siem.messages_delivered: the quota allows no call now: 3 of 3 calls of siem in 24 hours are used, and the next is free at 2000-01-02T00:00:01Z"; err.Error() != text {
			t.Errorf("Error() = %q, want %q", err, text)
		}
		if !full.Retryable() || full.Left() != 0 {
			t.Errorf("Retryable() = %t, Left() = %d", full.Retryable(), full.Left())
		}
		// Another bucket is not touched.
		if _, err := collect(t, client.SIEM.ClicksPermitted(t.Context(), proofpoint.Query{Since: time.Hour})); err != nil {
			t.Errorf("ClicksPermitted() = %v", err)
		}
		// It comes back one call at a time.
		for range 3 {
			time.Sleep(time.Until(usageOf(client.Quotas(), proofpoint.BucketSIEM).NextFree))
			if err := ask(); err != nil {
				t.Errorf("at the time that was told: %v", err)
			}
			if err := ask(); !errors.Is(err, proofpoint.ErrQuotaExhausted) {
				t.Errorf("the second call gives %v", err)
			}
		}
		if diff := cmp.Diff(map[int]int{http.StatusOK: 7}, statuses(srv)); diff != "" {
			t.Errorf("the service answered (-want +got):\n%s", diff)
		}
	})
}

func TestRepetitionsCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := proofpointtest.New(proofpointtest.World{})
		client := counted(t, srv, limited(t, map[proofpoint.Bucket]int{proofpoint.BucketVeryAttacked: 2}))
		srv.FailNext(2, http.StatusServiceUnavailable)
		_, err := collect(t, client.People.VeryAttacked(t.Context(), proofpoint.PeopleQuery{Window: 14}))
		e, ok := errors.AsType[*proofpoint.APIError](err)
		if !errors.Is(err, proofpoint.ErrQuotaExhausted) || !ok || e.StatusCode != http.StatusServiceUnavailable || len(srv.Requests()) != 2 {
			t.Errorf("VeryAttacked() = %v after %d requests", err, len(srv.Requests()))
		}
	})
}

func TestARefusalFillsTheBucket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Something else has used the credentials up.
		srv := proofpointtest.New(proofpointtest.World{Quotas: proofpointtest.Quotas{SIEM: 1}})
		ask := func(c *proofpoint.Client) error {
			_, err := collect(t, c.SIEM.MessagesDelivered(t.Context(), proofpoint.Query{Since: time.Hour}))
			return err
		}
		if err := ask(counted(t, srv, nil)); err != nil {
			t.Fatal(err)
		}
		client := counted(t, srv, nil)
		sent := 1
		start := time.Now()
		for _, pause := range []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour, time.Hour} {
			err := ask(client)
			if e, ok := errors.AsType[*proofpoint.APIError](err); !ok || e.StatusCode != http.StatusTooManyRequests || !errors.Is(err, proofpoint.ErrRateLimited) {
				t.Errorf("the service says %v", err)
			}
			sent++
			refused := time.Now()
			usage := usageOf(client.Quotas(), proofpoint.BucketSIEM)
			if !usage.Refused || usage.Left() != 0 || usage.NextFree.Sub(refused) != pause {
				t.Errorf("after a refusal: %+v, which is in %v, want %v", usage, usage.NextFree.Sub(refused), pause)
			}
			if err := ask(client); !errors.Is(err, proofpoint.ErrQuotaExhausted) || !strings.Contains(err.Error(), "the service refused a call of siem") {
				t.Errorf("after a refusal: %v", err)
			}
			if got := len(srv.Requests()); got != sent {
				t.Errorf("%d requests were sent, want %d", got, sent)
			}
			time.Sleep(time.Until(usage.NextFree))
		}
		if waited := time.Since(start); waited != 3*time.Hour+15*time.Minute {
			t.Errorf("it took %v besides the pauses", waited-3*time.Hour-15*time.Minute)
		}
		time.Sleep(24 * time.Hour)
		if err := ask(client); err != nil {
			t.Errorf("a day later: %v", err)
		}
		if usage := usageOf(client.Quotas(), proofpoint.BucketSIEM); usage.Refused {
			t.Errorf("after a success: %+v", usage)
		}
		// The next refusal begins anew.
		err := ask(client)
		if usage := usageOf(client.Quotas(), proofpoint.BucketSIEM); time.Until(usage.NextFree) > 5*time.Minute || !errors.Is(err, proofpoint.ErrRateLimited) {
			t.Errorf("after a success and a refusal: %+v, %v", usage, err)
		}
	})
}

func TestAQuotaIsSharedAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := map[proofpoint.Bucket]int{proofpoint.BucketURLDecode: 2, proofpoint.BucketSIEM: proofpoint.NoLimit}
		quota := limited(t, limits)
		srv := proofpointtest.New(proofpointtest.World{})
		first, second := counted(t, srv, quota), counted(t, srv, quota)
		for _, c := range []*proofpoint.Client{first, second} {
			if _, err := c.URLs.Decode(t.Context(), "x"); err != nil {
				t.Fatal(err)
			}
			if _, err := collect(t, c.SIEM.All(t.Context(), proofpoint.Query{Since: time.Hour})); err != nil {
				t.Fatal(err)
			}
			time.Sleep(17 * time.Minute)
		}
		srv.FailNext(1, http.StatusTooManyRequests)
		if _, err := first.Forensics.ByCampaign(t.Context(), "c-1"); err == nil {
			t.Fatal("ByCampaign() found something")
		}
		for name, c := range map[string]*proofpoint.Client{"first": first, "second": second} {
			if _, err := c.URLs.Decode(t.Context(), "x"); !errors.Is(err, proofpoint.ErrQuotaExhausted) {
				t.Errorf("Decode() of the %s client = %v", name, err)
			}
		}
		text, err := quota.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		again := limited(t, limits)
		if err := again.UnmarshalText(text); err != nil {
			t.Fatalf("UnmarshalText(%s) = %v", text, err)
		}
		if diff := cmp.Diff(quota.Usage(time.Now()), again.Usage(time.Now())); diff != "" {
			t.Errorf("written and read again (-want +got):\n%s", diff)
		}
		if u := usageOf(again.Usage(time.Now()), proofpoint.BucketSIEM); u.Used != 2 || u.Left() != proofpoint.NoLimit || u.NextFree.After(time.Now()) {
			t.Errorf("without a limit: %+v", u)
		}
		if twice, err := again.MarshalText(); err != nil || string(twice) != string(text) {
			t.Errorf("MarshalText() = %s, %v, want %s", twice, err, text)
		}
		// With fewer calls allowed, what is known still counts.
		fewer := limited(t, map[proofpoint.Bucket]int{proofpoint.BucketURLDecode: 1})
		if err := fewer.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		if u := usageOf(fewer.Usage(time.Now()), proofpoint.BucketURLDecode); u.Left() != 0 {
			t.Errorf("with a lower limit: %+v", u)
		}
	})
}

func TestAClockThatGoesBack(t *testing.T) {
	t.Parallel()
	at := now
	srv := proofpointtest.New(proofpointtest.World{})
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret), HTTPClient: srv.Client(),
		Pace: unhurried{}, Now: func() time.Time { return at }, Quota: limited(t, map[proofpoint.Bucket]int{proofpoint.BucketURLDecode: 2}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		at   time.Time
		want bool
	}{{now, true}, {now.Add(-time.Minute), true}, {now, false}, {now.Add(-30 * 24 * time.Hour), true}} {
		at = step.at
		if _, err := client.URLs.Decode(t.Context(), "x"); errors.Is(err, proofpoint.ErrQuotaExhausted) == step.want {
			t.Errorf("at %v: %v", at, err)
		}
	}
}

func TestLimitsThatAreNone(t *testing.T) {
	t.Parallel()
	for want, limits := range map[string]map[proofpoint.Bucket]int{
		"proofpoint: new quota: 0 calls of siem are no limit":                                {proofpoint.BucketSIEM: 0},
		"proofpoint: new quota: -2 calls of url_decode are no limit":                         {proofpoint.BucketURLDecode: -2},
		"proofpoint: new quota: 100001 calls of siem are more than can be counted":           {proofpoint.BucketSIEM: 100_001},
		"proofpoint: new quota: there are limits for buckets that the service does not have": {"mail": 3},
	} {
		if q, err := proofpoint.NewQuota(limits); q != nil || err == nil || err.Error() != want {
			t.Errorf("NewQuota(%v) = %v, want %s", limits, err, want)
		}
	}
}

func TestTheTextOfTheLargestQuotaCanBeRead(t *testing.T) {
	t.Parallel()
	const most = 100_000
	limits := map[proofpoint.Bucket]int{}
	var text strings.Builder
	text.WriteString("tap-quota/1\n")
	for _, b := range proofpoint.Buckets() {
		limits[b] = most
		text.WriteString(string(b) + " 0 0 " + strconv.FormatInt(now.Unix()-3600, 10) + strings.Repeat(" 0", most-3601) + strings.Repeat(" 1", 3600) + "\n")
	}
	quota := limited(t, limits)
	if err := quota.UnmarshalText([]byte(text.String())); err != nil {
		t.Fatalf("UnmarshalText() = %v of %d bytes", err, len(text.String()))
	}
	for _, u := range quota.Usage(now) {
		if u.Used != most || u.Left() != 0 {
			t.Errorf("Usage() = %+v", u)
		}
	}
	if written, err := quota.MarshalText(); err != nil || string(written) != text.String() {
		t.Errorf("MarshalText() = %d bytes, %v, want %d", len(written), err, len(text.String()))
	}
}

func TestTextsThatAreNoQuota(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":           "",
		"another version":   "tap-quota/2\n",
		"an unknown bucket": "tap-quota/1\nmail 0 0 1\n",
		"a bucket twice":    "tap-quota/1\nsiem 0 0 1\nsiem 0 0 1\n",
		"a word":            "tap-quota/1\nsiem 0 0 x\n",
		"a negative step":   "tap-quota/1\nsiem 0 0 100 -1\n",
		"too late":          "tap-quota/1\nsiem 0 0 253402300799 1\n",
		"too short":         "tap-quota/1\nsiem 0\n",
		"cut off":           "tap-quota/1\nsiem 0 0 1772703000 5",
		"too long":          "tap-quota/1\n" + strings.Repeat("siem", 2<<20),
	} {
		quota := new(proofpoint.Quota)
		if err := quota.UnmarshalText([]byte("tap-quota/1\nsiem 0 0 1772703000\n")); err != nil {
			t.Fatal(err)
		}
		if err := quota.UnmarshalText([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "proofpoint: quota: ") {
			t.Errorf("%s: UnmarshalText() = %v", name, err)
		}
		if u := usageOf(quota.Usage(now), proofpoint.BucketSIEM); u.Used != 1 {
			t.Errorf("%s: a refused text left %+v", name, u)
		}
	}
	if err := new(proofpoint.Quota).UnmarshalText([]byte("tap-quota/1\n")); err != nil {
		t.Errorf("UnmarshalText() = %v of an unused quota", err)
	}
}
