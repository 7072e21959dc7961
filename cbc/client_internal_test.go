package cbc

import (
	"log/slog"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/internal/rest"
)

func TestRestConfig(t *testing.T) {
	t.Parallel()
	standard := rest.Config{
		Package: "cbc", UserAgent: "pphunt-cbc", Rate: 25, Burst: 25, Budget: rest.Budget{Calls: 1000, Per: 5 * time.Minute}, RateLimited: ErrRateLimited,
	}
	logger := slog.New(slog.DiscardHandler)
	for _, tt := range []struct {
		name string
		cfg  Config
		want func(*rest.Config)
	}{
		{"nothing said", Config{}, func(*rest.Config) {}},
		{"everything said", Config{
			BaseURL: "https://console.example", UserAgent: "soc/1", Rate: 2, Burst: 3, Budget: Budget{Calls: 4, Per: time.Minute},
			MaxInFlight: 5, Attempts: 6, Timeout: 7 * time.Second, Logger: logger,
		}, func(c *rest.Config) {
			c.BaseURL, c.UserAgent, c.Rate, c.Burst, c.Budget = "https://console.example", "soc/1", 2, 3, rest.Budget{Calls: 4, Per: time.Minute}
			c.MaxInFlight, c.Attempts, c.Timeout, c.Logger = 5, 6, 7*time.Second, logger
		}},
		{"no pace, no budget", Config{Rate: -1, Budget: Budget{Calls: -1}}, func(c *rest.Config) { c.Rate, c.Budget = 0, rest.Budget{} }},
		{"half a budget", Config{Budget: Budget{Calls: 10}}, func(c *rest.Config) { c.Budget.Calls = 10 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := standard
			tt.want(&want)
			got := restConfig(tt.cfg)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(rest.Config{}, "Error", "RequestID"), cmpopts.EquateComparable(&slog.Logger{}), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("restConfig mismatch (-want +got):\n%s", diff)
			}
			if got.Error == nil {
				t.Error("restConfig: no way to make errors")
			}
		})
	}
}

func TestNextPoll(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                 string
		elapsed              time.Duration
		contacted, completed int
		want                 time.Duration
	}{
		{"not begun", 300 * time.Millisecond, 0, 0, 350 * time.Millisecond},
		{"nobody has answered", 900 * time.Millisecond, 24, 0, 550 * time.Millisecond},
		{"half way", 600 * time.Millisecond, 24, 12, 450 * time.Millisecond},
		{"nearly there", 2 * time.Second, 24, 20, 400 * time.Millisecond},
		{"the last one", time.Second, 1000, 999, 100 * time.Millisecond},
		{"hardly begun, long ago", time.Minute, 24, 1, 20250 * time.Millisecond},
	} {
		for range 100 {
			got := nextPoll(tt.elapsed, tt.contacted, tt.completed)
			if got < tt.want*94/100 || got > tt.want*106/100 {
				t.Errorf("%s: nextPoll = %v, want %v, give or take 5 %%", tt.name, got, tt.want)
				break
			}
		}
	}
}

func TestSearchStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		page string
		rows int
		want Status
	}{
		{"running", string(sample(t, "search_running.json")), MaxRows, Status{Contacted: 24, Completed: 7, Found: 12, Available: 3}},
		{"capped, more completed than contacted", string(sample(t, "search_capped.json")), 500, Status{
			Contacted: 24, Completed: 25, Found: 35890, Aggregated: 3230, Available: 500, Finished: true, Truncated: true,
		}},
		{"no data", string(sample(t, "search_no_data.json")), MaxRows, Status{Message: "No data available for this organization", Finished: true}},
		{"no data, but searchers are at work", `{"message":"No data available","contacted":4}`, MaxRows, Status{Message: "No data available", Contacted: 4}},
		{"nothing yet", `{}`, MaxRows, Status{}},
		{"records are no processes", `{"num_found":1290,"num_available":37,"num_aggregated":37,"contacted":4,"completed":4}`, MaxRows, Status{
			Contacted: 4, Completed: 4, Found: 1290, Aggregated: 37, Available: 37, Finished: true,
		}},
		{"fewer rows than processes, although there was room", `{"num_found":35890,"num_available":500,"num_aggregated":3230,"contacted":4,"completed":4}`, MaxRows, Status{
			Contacted: 4, Completed: 4, Found: 35890, Aggregated: 3230, Available: 500, Finished: true, Truncated: true,
		}},
		{"full, and not told whether there is more", `{"num_found":1290,"num_available":37,"contacted":4,"completed":4}`, 37, Status{
			Contacted: 4, Completed: 4, Found: 1290, Available: 37, Finished: true, Truncated: true,
		}},
		{"full, and there is no more", `{"num_found":1290,"num_available":37,"num_aggregated":37,"contacted":4,"completed":4}`, 37, Status{
			Contacted: 4, Completed: 4, Found: 1290, Aggregated: 37, Available: 37, Finished: true,
		}},
		{"somebody else's search", `{"num_found":1290,"num_available":37,"num_aggregated":40,"contacted":4,"completed":4}`, 0, Status{
			Contacted: 4, Completed: 4, Found: 1290, Aggregated: 40, Available: 37, Finished: true, Truncated: true,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var page searchPage
			if err := json.Unmarshal([]byte(tt.page), &page, forgiving()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, page.status(tt.rows)); diff != "" {
				t.Errorf("status mismatch (-want +got):\n%s", diff)
			}
		})
	}
}
