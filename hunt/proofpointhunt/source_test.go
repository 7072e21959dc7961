package proofpointhunt_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func connect(t testing.TB, srv *proofpointtest.Server, now func() time.Time, options proofpointhunt.Options) *proofpointhunt.Source {
	t.Helper()
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient: srv.Client(), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := proofpointhunt.New(client, options)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func fixtureWindow() hunt.Window {
	start, end := proofpointtest.FixtureWindow()
	return hunt.Window{Start: start, End: end}
}

// names reads the source to its end and returns the names of the condemned files, sorted.
func names(t testing.TB, source hunt.Source, w hunt.Window, leave func(hunt.LeftAlone)) ([]string, error) {
	t.Helper()
	var all []string
	var last error
	for ind, err := range source.Indicators(t.Context(), hunt.Ask{Window: w, OnLeft: leave}) {
		if last != nil {
			t.Fatalf("after the error %v came another item", last)
		}
		if last = err; err != nil {
			continue
		}
		name := ind.Mails[0].FileName
		if name == "" {
			name = ind.SHA256.String()[:8]
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return all, last
}

func TestDeliveredAndBlocked(t *testing.T) {
	t.Parallel()
	blocked := []string{"blocked_attachment.zip", "blocked_both.zip", "blocked_null.zip"}
	delivered := []string{
		".htm", "00c8183e", "490c2c83", "88b54547", "Rechnung_8812.zip", "dash.zip", "encoded.zip", "first.zip", "garbled.zip", "late_verdict.xlsm",
		"md5_null.zip", "quarantine_folder.zip", "rewritten_na.zip", "rewritten_null.zip", "rewritten_text.zip", "rewritten_true.zip",
		"second.zip", "two_recipients.zip", "two_recipients.zip", "upper.zip",
	}
	tests := []struct {
		name    string
		options proofpointhunt.Options
		want    []string
		path    string
	}{
		{"delivered", proofpointhunt.Options{Delivered: true}, delivered, "/v2/siem/messages/delivered"},
		{"blocked", proofpointhunt.Options{Blocked: true}, blocked, "/v2/siem/messages/blocked"},
		{"both", proofpointhunt.Options{Delivered: true, Blocked: true}, slices.Sorted(slices.Values(slices.Concat(delivered, blocked))), "/v2/siem/all"},
		{
			"phish",
			proofpointhunt.Options{Delivered: true, Classifications: []proofpoint.Classification{proofpoint.ClassPhish}},
			[]string{"payment.htm"},
			"/v2/siem/messages/delivered",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := proofpointtest.FixtureWorld()
			srv := proofpointtest.New(world)
			got, err := names(t, connect(t, srv, world.Now, tt.options), fixtureWindow(), nil)
			if err != nil {
				t.Fatalf("Indicators() = %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Indicators() mismatch (-want +got):\n%s", diff)
			}
			if requests := srv.Requests(); len(requests) != 1 || requests[0].Path != tt.path {
				t.Errorf("sent %+v, want one call of %s", requests, tt.path)
			}
		})
	}
}

func TestWhatIsLeftAloneIsTold(t *testing.T) {
	t.Parallel()
	world := proofpointtest.FixtureWorld()
	source := connect(t, proofpointtest.New(world), world.Now, proofpointhunt.Options{Delivered: true})
	got := map[string]int{}
	if _, err := names(t, source, fixtureWindow(), func(l hunt.LeftAlone) { got[l.Reason]++ }); err != nil {
		t.Fatalf("Indicators() = %v", err)
	}
	for _, want := range []string{
		"only a link is condemned, not a file",
		"only the text of the mail is condemned, not a file",
		"what is condemned is not an attachment",
		"the verdict was cleared",
		"the verdict was a false positive",
		"the verdict has no status",
		"the verdict is not active",
		"the classification phish is not hunted",
		"nothing condemns this part of the mail",
		"a piece of the mail's text, which nothing condemns",
	} {
		if got[want] == 0 {
			t.Errorf("nothing was left alone because %q", want)
		}
	}
}

func TestProblemsComeLast(t *testing.T) {
	t.Parallel()
	damaged := func() (*proofpointtest.Server, func() time.Time) {
		world := proofpointtest.FixtureWorld()
		world.Messages = append(world.Messages, proofpointtest.Message{Raw: proofpointtest.Undecodable()[0].Raw})
		return proofpointtest.New(world), world.Now
	}
	t.Run("a record that cannot be read", func(t *testing.T) {
		t.Parallel()
		srv, now := damaged()
		all, err := names(t, connect(t, srv, now, proofpointhunt.Options{Blocked: true, Delivered: true}), fixtureWindow(), nil)
		if _, ok := errors.AsType[*hunt.BadRecordsError](err); !ok || len(all) == 0 {
			t.Errorf("Indicators() = %d indicators, %v", len(all), err)
		}
	})
	t.Run("a record that cannot be read, told at once", func(t *testing.T) {
		t.Parallel()
		srv, now := damaged()
		told := 0
		source, found := connect(t, srv, now, proofpointhunt.Options{Delivered: true}), 0
		ask := hunt.Ask{Window: fixtureWindow(), OnBad: func(b hunt.BadRecord) {
			told++
			if len(b.Raw) == 0 || b.Reason == "" || b.Window != fixtureWindow() || b.Source != "proofpoint messages/delivered" {
				t.Errorf("the bad record is %+v", b)
			}
		}}
		for _, err := range source.Indicators(t.Context(), ask) {
			if err != nil {
				t.Fatal(err)
			}
			found++
		}
		if found == 0 || told != 1 {
			t.Errorf("%d indicators, and %d bad records were told; want some and 1", found, told)
		}
	})
	t.Run("a wrong window", func(t *testing.T) {
		t.Parallel()
		srv, now := damaged()
		w := fixtureWindow()
		w.Start = w.End.Add(-8 * 24 * time.Hour)
		_, err := names(t, connect(t, srv, now, proofpointhunt.Options{Delivered: true}), w, nil)
		if !errors.Is(err, proofpoint.ErrTooOld) || len(srv.Requests()) != 0 {
			t.Errorf("Indicators() = %v after %d requests", err, len(srv.Requests()))
		}
	})
	t.Run("a refusal", func(t *testing.T) {
		t.Parallel()
		srv, now := damaged()
		srv.FailNext(1, http.StatusForbidden)
		_, err := names(t, connect(t, srv, now, proofpointhunt.Options{Delivered: true}), fixtureWindow(), nil)
		if !errors.Is(err, proofpoint.ErrForbidden) {
			t.Errorf("Indicators() = %v, want %v", err, proofpoint.ErrForbidden)
		}
	})
}

func TestStoppingStops(t *testing.T) {
	t.Parallel()
	world := proofpointtest.FixtureWorld()
	source := connect(t, proofpointtest.New(world), world.Now, proofpointhunt.Options{Delivered: true})
	count := 0
	for range source.Indicators(t.Context(), hunt.Ask{Window: fixtureWindow()}) {
		count++
		break
	}
	if count != 1 {
		t.Errorf("the loop went on: %d", count)
	}
}

func TestNewReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := proofpointhunt.New(nil, proofpointhunt.Options{Classifications: []proofpoint.Classification{""}})
	if err == nil {
		t.Fatal("New() took it")
	}
	for _, want := range []string{"the client is missing", "neither delivered nor blocked", "a classification is empty"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New() = %v, want also %q", err, want)
		}
	}
}
