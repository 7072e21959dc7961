package proofpoint_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// stillActive is code of a user that takes a function: client.Threats.Summary fits.
func stillActive(
	ctx context.Context, id proofpoint.ThreatID, summary func(context.Context, proofpoint.ThreatID) (proofpoint.ThreatSummary, error),
) (bool, error) {
	s, err := summary(ctx, id)
	if errors.Is(err, proofpoint.ErrNotFound) {
		return false, nil
	}
	return s.Status.Is(proofpoint.StatusActive), err
}

func Example_testingWithAFunction() {
	var client *proofpoint.Client // what the program uses
	_ = func() (bool, error) { return stillActive(context.Background(), "t-1", client.Threats.Summary) }

	cleared := func(context.Context, proofpoint.ThreatID) (proofpoint.ThreatSummary, error) {
		return proofpoint.ThreatSummary{Status: proofpoint.StatusCleared}, nil
	}
	unknown := func(context.Context, proofpoint.ThreatID) (proofpoint.ThreatSummary, error) {
		return proofpoint.ThreatSummary{}, &proofpoint.APIError{StatusCode: http.StatusNotFound}
	}
	fmt.Println(stillActive(context.Background(), "t-1", cleared))
	fmt.Println(stillActive(context.Background(), "t-1", unknown))
	// Output:
	// false <nil>
	// false <nil>
}

// clickFeed is an interface of a user, with what the user needs of [proofpoint.SIEM].
type clickFeed interface {
	ClicksPermitted(context.Context, proofpoint.Query) iter.Seq2[proofpoint.Click, error]
}

var _ clickFeed = (*proofpoint.SIEM)(nil)

// whoClicked is code of a user.
func whoClicked(ctx context.Context, feed clickFeed, since time.Duration) ([]string, error) {
	var people []string
	for c, err := range feed.ClicksPermitted(ctx, proofpoint.Query{Since: since}) {
		if err != nil {
			return people, err
		}
		people = append(people, c.Recipient)
	}
	return people, nil
}

// clickStub plays the feed in a test.
type clickStub struct {
	clicks []proofpoint.Click
	err    error
}

func (s clickStub) ClicksPermitted(context.Context, proofpoint.Query) iter.Seq2[proofpoint.Click, error] {
	return func(yield func(proofpoint.Click, error) bool) {
		for _, c := range s.clicks {
			if !yield(c, nil) {
				return
			}
		}
		if s.err != nil {
			yield(proofpoint.Click{}, s.err)
		}
	}
}

func Example_testingWithAnInterface() {
	feed := clickStub{
		clicks: []proofpoint.Click{{Recipient: "mia@lab.example"}},
		err:    &proofpoint.IncompleteError{Op: "siem.clicks_permitted", Records: 1, Err: errors.New("cut")},
	}
	fmt.Println(whoClicked(context.Background(), feed, time.Hour))
	// Output:
	// [mia@lab.example] proofpoint: siem.clicks_permitted: the answer is incomplete after 1 records: cut
}

func Example_testingWithTheFake() {
	now := func() time.Time { return time.Date(2026, time.March, 5, 9, 30, 0, 0, time.UTC) }
	srv := proofpointtest.New(proofpointtest.World{
		Now: now,
		Clicks: []proofpointtest.Click{{
			URL: "http://login.example/r", Recipient: "tom@lab.example", Time: now().Add(-20 * time.Minute), ThreatTime: now().Add(-10 * time.Minute),
		}},
	})
	client, err := proofpoint.New(proofpoint.Config{
		BaseURL:     proofpointtest.URL,
		Credentials: proofpoint.Basic(proofpointtest.Principal, proofpointtest.Secret),
		HTTPClient:  srv.Client(),
		Now:         now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(whoClicked(context.Background(), client.SIEM, time.Hour))

	srv.FailNext(1, http.StatusForbidden)
	_, err = whoClicked(context.Background(), client.SIEM, time.Hour)
	fmt.Println(errors.Is(err, proofpoint.ErrForbidden), len(srv.Requests()))
	// Output:
	// [tom@lab.example] <nil>
	// true 2
}
