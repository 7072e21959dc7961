package proofpoint_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

type sliceKey struct{}

// Feeds are streams: each of their attempts is told when its answer begins.
func TestObserve(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: exampleTime})
	srv.FailNext(1, http.StatusUnauthorized)
	var calls []proofpoint.Call
	var slices []any
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL: proofpointtest.URL, Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient: srv.Client(), Now: exampleTime,
		Observe: func(ctx context.Context, c proofpoint.Call) {
			c.Took = min(c.Took, time.Nanosecond)
			calls, slices = append(calls, c), append(slices, ctx.Value(sliceKey{}))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), sliceKey{}, "9 o'clock")
	for range 2 {
		for _, err := range client.SIEM.MessagesDelivered(ctx, proofpoint.MessageQuery{Window: exampleWindow()}) {
			_ = err
		}
	}
	took := time.Nanosecond
	want := []proofpoint.Call{
		{Op: "siem.messages_delivered", Method: "GET", Attempt: 1, Status: 401, Took: took},
		{Op: "siem.messages_delivered", Method: "GET", Attempt: 1, Status: 200, Took: took},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"9 o'clock", "9 o'clock"}, slices); diff != "" {
		t.Errorf("what the contexts said (-want +got):\n%s", diff)
	}
	text := fmt.Sprintf("%+v", calls)
	for _, secret := range []string{proofpointtest.Principal, proofpointtest.Secret, "2026", "interval", "invalid"} {
		if strings.Contains(text, secret) {
			t.Errorf("told %s, which has %q in it", text, secret)
		}
	}
}
