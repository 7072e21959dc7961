package proofpointhunt_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestVerifyAsksForTheStatusOfToday(t *testing.T) {
	t.Parallel()
	id := func(digit string) string { return strings.Repeat(digit, 64) }
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	srv := proofpointtest.New(proofpointtest.World{
		Now: func() time.Time { return at.Add(time.Hour) },
		Messages: []proofpointtest.Message{{Time: at, Recipients: []string{"kim@corp.example"}, Threats: []proofpointtest.Threat{
			{Artifact: id("a"), Time: at},
			{Artifact: id("b"), Time: at, Status: "cleared"},
			{Artifact: id("c"), Time: at},
			{Artifact: id("f"), Time: at, Status: "under review"},
			{ID: id("d"), Artifact: "bad.example/x", Type: "url", Time: at},
		}}},
		Changes: []proofpointtest.Change{{At: at.Add(time.Minute), Threat: id("c"), Status: "falsepositive"}},
	})
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret), HTTPClient: srv.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := proofpointhunt.New(client, proofpointhunt.Options{Delivered: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, id  string
		condemned bool
		fails     bool
	}{
		{"active", id("a"), true, false},
		{"cleared", id("b"), false, false},
		{"taken back since", id("c"), false, false},
		{"a link", id("d"), false, true},
		{"a status that nobody has documented", id("f"), false, true},
		{"not known any more", id("e"), false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := source.Verify(t.Context(), hunt.Indicator{Threat: hunt.Threat{ID: c.id}})
			if got != c.condemned || (err != nil) != c.fails {
				t.Errorf("Verify = %t, %v; want %t, failing %t", got, err, c.condemned, c.fails)
			}
		})
	}
	srv.FailNext(1, 401)
	if _, err := source.Verify(t.Context(), hunt.Indicator{Threat: hunt.Threat{ID: id("a")}}); !errors.Is(err, proofpoint.ErrUnauthorized) {
		t.Errorf("Verify with refused credentials = %v, want ErrUnauthorized", err)
	}
}
