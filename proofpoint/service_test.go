package proofpoint_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// connect makes a client of the fake. Without a clock it uses the machine's, which synctest sets.
func connect(t testing.TB, srv *proofpointtest.Server, clock func() time.Time) *proofpoint.Client {
	t.Helper()
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient: srv.Client(), Now: clock, Pace: unhurried{},
	})
	if err != nil {
		t.Fatalf("New() = %v", err)
	}
	return client
}

func TestEveryFixtureIsRead(t *testing.T) {
	t.Parallel()
	world := proofpointtest.FixtureWorld()
	client := connect(t, proofpointtest.New(world), world.Now)
	start, end := proofpointtest.FixtureWindow()
	q := proofpoint.MessageQuery{
		Window:         proofpoint.Window{Start: start, End: end},
		ThreatStatuses: []proofpoint.ThreatStatus{proofpoint.StatusActive, proofpoint.StatusCleared, proofpoint.StatusFalsePositive},
	}
	messages, err := collect(t, client.SIEM.All(t.Context(), q))
	if err != nil {
		t.Fatalf("All() = %v", err)
	}
	got := map[string]int{}
	for _, m := range messages {
		got[string(m.Category)]++
		if m.GUID == "" || m.Time.IsZero() || len(m.Recipients) == 0 || len(m.Threats) == 0 {
			t.Errorf("All() lost something of %s", m.Raw)
		}
		if !bytes.HasPrefix(m.Raw, []byte("{")) {
			t.Errorf("Raw = %s", m.Raw)
		}
		for _, threat := range m.Threats {
			if threat.ID == "" || threat.Artifact == "" || threat.Type == "" || threat.Classification == "" || threat.Time.IsZero() {
				t.Errorf("All() lost something of the threat in %s", m.Raw)
			}
		}
	}
	clicks, err := collect(t, client.SIEM.AllClicks(t.Context(), q))
	if err != nil {
		t.Fatalf("AllClicks() = %v", err)
	}
	for _, c := range clicks {
		got[string(c.Category)]++
		if c.GUID == "" || c.Time.IsZero() || c.ThreatTime.IsZero() || c.Recipient == "" || c.URL == "" || c.ThreatID == "" || c.ThreatStatus == "" {
			t.Errorf("AllClicks() lost something of %s", c.Raw)
		}
	}
	want := map[string]int{}
	for _, f := range proofpointtest.Fixtures() {
		want[f.Category]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("number of records mismatch (-want +got):\n%s", diff)
	}
}

func TestUndecodableFixturesAreReported(t *testing.T) {
	t.Parallel()
	world := proofpointtest.FixtureWorld()
	good := len(world.Messages)
	for _, f := range proofpointtest.Undecodable() {
		world.Messages = append(world.Messages, proofpointtest.Message{Raw: f.Raw})
	}
	client := connect(t, proofpointtest.New(world), world.Now)
	start, end := proofpointtest.FixtureWindow()
	q := proofpoint.MessageQuery{
		Window:         proofpoint.Window{Start: start, End: end},
		ThreatStatuses: []proofpoint.ThreatStatus{proofpoint.StatusActive, proofpoint.StatusCleared, proofpoint.StatusFalsePositive},
	}
	messages, err := collect(t, client.SIEM.All(t.Context(), q))
	bad, ok := errors.AsType[*proofpoint.MalformedError](err)
	if want := len(proofpointtest.Undecodable()); len(messages) != good || !ok || bad.Total != want {
		t.Errorf("All() = %d messages, %v, want %d and %d malformed", len(messages), err, good, want)
	}
}

// world is one with a delivered and a blocked message, both condemned ten minutes before now.
func world(now time.Time) proofpointtest.World {
	message := func(guid string, blocked bool) proofpointtest.Message {
		return proofpointtest.Message{
			GUID: guid, Blocked: blocked, Time: now.Add(-time.Hour), Recipients: []string{"mia@lab.example"},
			Parts:   []proofpointtest.Part{{Filename: "offer.iso", SHA256: offer, SandboxStatus: "THREAT"}},
			Threats: []proofpointtest.Threat{{Artifact: offer, Time: now.Add(-10 * time.Minute)}},
		}
	}
	click := func(id string, blocked bool) proofpointtest.Click {
		return proofpointtest.Click{
			ID: id, GUID: "delivered", Blocked: blocked, URL: "http://portal.lookalike.example/r", Recipient: "mia@lab.example",
			Time: now.Add(-time.Hour), ThreatTime: now.Add(-10 * time.Minute),
		}
	}
	return proofpointtest.World{
		Messages: []proofpointtest.Message{message("delivered", false), message("blocked", true)},
		Clicks:   []proofpointtest.Click{click("permitted", false), click("stopped", true)},
	}
}

func TestEachFeedHasItsMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := proofpointtest.New(world(time.Now()))
		client := connect(t, srv, nil)
		queries := map[string]proofpoint.MessageQuery{
			"window":     {Window: proofpoint.Window{Start: time.Now().Add(-30 * time.Minute), End: time.Now().Add(-time.Minute)}},
			"since":      {Since: 30 * time.Minute},
			"since time": {SinceTime: time.Now().Add(-30 * time.Minute)},
		}
		for name, q := range queries {
			delivered, err1 := collect(t, client.SIEM.MessagesDelivered(t.Context(), q))
			blocked, err2 := collect(t, client.SIEM.MessagesBlocked(t.Context(), q))
			all, err3 := collect(t, client.SIEM.All(t.Context(), q))
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if len(delivered) != 1 || delivered[0].GUID != "delivered" || delivered[0].Category != proofpoint.Delivered {
				t.Errorf("%s: MessagesDelivered() = %+v", name, delivered)
			}
			if len(blocked) != 1 || blocked[0].GUID != "blocked" || blocked[0].Category != proofpoint.Blocked {
				t.Errorf("%s: MessagesBlocked() = %+v", name, blocked)
			}
			if len(all) != 2 {
				t.Errorf("%s: All() = %+v", name, all)
			}
			permitted, err1 := collect(t, client.SIEM.ClicksPermitted(t.Context(), q))
			stopped, err2 := collect(t, client.SIEM.ClicksBlocked(t.Context(), q))
			issues, err3 := collect(t, client.SIEM.Issues(t.Context(), q))
			records, err4 := collect(t, client.SIEM.Records(t.Context(), proofpoint.FeedAll, q))
			if err := errors.Join(err1, err2, err3, err4); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if len(permitted) != 1 || permitted[0].ID != "permitted" || permitted[0].Category != proofpoint.ClicksPermitted {
				t.Errorf("%s: ClicksPermitted() = %+v", name, permitted)
			}
			if len(stopped) != 1 || stopped[0].ID != "stopped" || stopped[0].Category != proofpoint.ClicksBlocked {
				t.Errorf("%s: ClicksBlocked() = %+v", name, stopped)
			}
			if got := categories(issues); got != "clicksPermitted messagesDelivered" {
				t.Errorf("%s: Issues() = %s", name, got)
			}
			if got := categories(records); got != "clicksBlocked clicksPermitted messagesBlocked messagesDelivered" {
				t.Errorf("%s: Records() = %s", name, got)
			}
		}
		for _, r := range srv.Requests() {
			if r.Status != http.StatusOK {
				t.Errorf("%s %s was answered with %d", r.Operation, r.Query.Encode(), r.Status)
			}
		}
	})
}

func categories(records []proofpoint.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, string(r.Category()))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestARefusalIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := proofpointtest.New(world(time.Now()))
		client := connect(t, srv, nil)
		srv.FailNext(1, http.StatusTooManyRequests) // Retry-After: 60
		start := time.Now()
		messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Since: 30 * time.Minute}))
		if len(messages) != 1 || err != nil {
			t.Errorf("MessagesDelivered() = %+v, %v", messages, err)
		}
		if waited := time.Since(start); waited < time.Minute || waited > 2*time.Minute {
			t.Errorf("waited %v, want the minute that was asked for", waited)
		}

		srv.FailNext(1, http.StatusTooManyRequests)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start = time.Now()
		_, err = collect(t, client.SIEM.MessagesDelivered(ctx, proofpoint.MessageQuery{Since: 30 * time.Minute}))
		if !errors.Is(err, proofpoint.ErrRateLimited) || time.Since(start) > time.Second {
			t.Errorf("after %v: %v, want at once %v", time.Since(start), err, proofpoint.ErrRateLimited)
		}
	})
}

func TestAnOutageIsRetriedAndThenReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := proofpointtest.New(world(time.Now()))
		client := connect(t, srv, nil)
		srv.FailNext(2, http.StatusBadGateway)
		if messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Since: time.Hour})); len(messages) != 1 || err != nil {
			t.Errorf("MessagesDelivered() = %+v, %v after two failures", messages, err)
		}
		srv.FailNext(3, http.StatusServiceUnavailable)
		_, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Since: time.Hour}))
		if e, ok := errors.AsType[*proofpoint.APIError](err); !ok || e.StatusCode != http.StatusServiceUnavailable || e.Attempts != 3 {
			t.Errorf("MessagesDelivered() = %v, want an *APIError after 3 attempts", err)
		}
	})
}

func TestAWrongKeyIsTriedOnce(t *testing.T) {
	t.Parallel()
	world := proofpointtest.FixtureWorld()
	srv := proofpointtest.New(world)
	var log bytes.Buffer
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, "not-the-s3cret"), HTTPClient: srv.Client(), Now: world.Now,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	start, end := proofpointtest.FixtureWindow()
	_, err = collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: proofpoint.Window{Start: start, End: end}}))
	if !errors.Is(err, proofpoint.ErrUnauthorized) || len(srv.Requests()) != 1 {
		t.Errorf("MessagesDelivered() = %v after %d requests", err, len(srv.Requests()))
	}
	for _, secret := range []string{"not-the-s3cret", proofpointtest.Principal, "interval"} {
		if strings.Contains(err.Error()+log.String(), secret) {
			t.Errorf("%q got out: %v\n%s", secret, err, log.String())
		}
	}
}

func TestTheServiceMaySeeAWindowOtherwise(t *testing.T) {
	t.Parallel()
	world := proofpointtest.FixtureWorld()
	srv := proofpointtest.New(world)
	_, end := proofpointtest.FixtureWindow()
	tests := []struct {
		name  string
		drift time.Duration // of our clock against the service's
		query proofpoint.Window
		want  error
	}{
		{"our clock is fast", time.Hour, proofpoint.Window{Start: end, End: end.Add(30 * time.Minute)}, proofpoint.ErrStillCurrent},
		{"our clock is slow", -24 * time.Hour, proofpoint.Window{Start: end.Add(-180 * time.Hour), End: end.Add(-179 * time.Hour)}, proofpoint.ErrTooOld},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := connect(t, srv, func() time.Time { return world.Now().Add(tt.drift) })
			_, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: tt.query}))
			if e, ok := errors.AsType[*proofpoint.APIError](err); !ok || e.StatusCode != http.StatusBadRequest || !errors.Is(err, tt.want) {
				t.Errorf("MessagesDelivered() = %v, want the service's %v", err, tt.want)
			}
		})
	}
}

func TestSummaryOnTheFake(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		world := proofpointtest.FixtureWorld()
		world.Switches.OldSummary = old
		world.Threats = []proofpointtest.ThreatSummary{{ID: offer, IdentifiedAt: world.Now(), Severity: 610, Verticals: true, AttackSpread: 3}}
		client := connect(t, proofpointtest.New(world), world.Now)
		got, err := client.Threats.Summary(t.Context(), offer)
		if err != nil {
			t.Fatalf("Summary() = %v", err)
		}
		if got.Severity != 610 || !got.VerticallyTargeted || got.GeoTargeted || got.AttackSpread != 3 || !got.Status.Is(proofpoint.StatusActive) {
			t.Errorf("Summary() = %+v with old spelling %t", got, old)
		}
		if _, err := client.Threats.Summary(t.Context(), logo); !errors.Is(err, proofpoint.ErrNotFound) {
			t.Errorf("Summary() = %v, want %v", err, proofpoint.ErrNotFound)
		}
		if _, err := client.Threats.Summary(t.Context(), ".."); err == nil {
			t.Error("Summary() took an id that changes the path")
		}
	}
}

func TestOverTLS(t *testing.T) {
	t.Parallel()
	world := proofpointtest.FixtureWorld()
	srv := httptest.NewTLSServer(proofpointtest.New(world))
	t.Cleanup(srv.Close)
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: srv.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient: srv.Client(), Now: world.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	start, end := proofpointtest.FixtureWindow()
	messages, err := collect(t, client.SIEM.MessagesBlocked(t.Context(), proofpoint.MessageQuery{Window: proofpoint.Window{Start: start, End: end}}))
	if len(messages) == 0 || err != nil {
		t.Errorf("MessagesBlocked() = %d messages, %v", len(messages), err)
	}
}
