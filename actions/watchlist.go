package actions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// FeedWriter finds and makes feeds and writes their reports. *cbc.Feeds is one.
type FeedWriter interface {
	ByName(ctx context.Context, name string) (cbc.Feed, error)
	Create(ctx context.Context, feed cbc.Feed, reports ...cbc.Report) (cbc.Feed, error)
	PutReport(ctx context.Context, feed cbc.FeedID, r cbc.Report) (cbc.Report, error)
}

// Subscriber sees to it that a feed has a watchlist. *cbc.Watchlists is one.
type Subscriber interface {
	Subscribe(ctx context.Context, feed cbc.FeedID, n cbc.NewWatchlist) (cbc.Subscription, error)
}

// WatchlistConfig wires the action. All fields are required.
type WatchlistConfig struct {
	Feeds      FeedWriter
	Watchlists Subscriber
	// Name is the name of the feed, and of the watchlist if one has to be made.
	Name string
}

// NewWatchlist puts a report for each condemned file, seen on an endpoint or not, into the feed of a name, and sees to it that a
// watchlist subscribes to the feed: a feed alone alerts nobody. Feed and watchlist are made if they are missing. Only the own
// report is written; other reports of the feed stay as they are. The id of a report is the file's SHA-256, so that writing it again
// changes nothing but its date. CBC tells of events that arrive from then on, not of past ones.
//
// It needs the permissions org.feeds (CREATE, READ, UPDATE) and org.watchlists (CREATE, READ).
func NewWatchlist(cfg WatchlistConfig) (hunt.Action, error) {
	if cfg.Feeds == nil || cfg.Watchlists == nil || cfg.Name == "" {
		return nil, errors.New("actions: watchlist: Feeds, Watchlists and Name are required")
	}
	w := &watchlist{cfg}
	spec := hunt.Spec{Name: "watchlist", Scope: hunt.ScopeHash, Undo: "the report can be deleted from the feed"}
	return hunt.NewAction(spec, w.do), nil
}

type watchlist struct {
	cfg WatchlistConfig
}

func (w *watchlist) do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	feed, err := w.feed(ctx)
	if err == nil {
		_, err = w.cfg.Watchlists.Subscribe(ctx, feed.ID, cbc.NewWatchlist{
			Name: w.cfg.Name, Description: "Attachments condemned by Proofpoint TAP, kept by pphunt",
		})
	}
	if err != nil {
		return same(tasks, func(t hunt.Task) hunt.Outcome { return failed(t, fmt.Errorf("actions: watchlist: %w", err)) })
	}
	return each(ctx, tasks, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		r, err := newReport(t)
		if err == nil {
			_, err = w.cfg.Feeds.PutReport(ctx, feed.ID, r)
		}
		if err != nil {
			return failed(t, fmt.Errorf("actions: watchlist: %w", err))
		}
		o := done(t, fmt.Sprintf("report with severity %d in feed %q", r.Severity, feed.Name))
		o.Before, _ = json.Marshal(map[string]string{"feed_id": string(feed.ID), "report_id": string(r.ID)}) // words cannot fail
		return o
	})
}

func (w *watchlist) feed(ctx context.Context) (cbc.Feed, error) {
	feed, err := w.cfg.Feeds.ByName(ctx, w.cfg.Name)
	if !errors.Is(err, cbc.ErrNotFound) {
		return feed, err
	}
	return w.cfg.Feeds.Create(ctx, cbc.Feed{
		Name: w.cfg.Name, ProviderURL: "https://www.proofpoint.com", Category: "Partner",
		Summary: "SHA-256 hashes of attachments that Proofpoint TAP condemned",
	})
}

func newReport(t hunt.Task) (cbc.Report, error) {
	if len(t.Indicators) == 0 {
		return cbc.Report{}, errors.New("the task has no indicator")
	}
	ind := t.Indicators[0]
	threat := ind.Threat
	return cbc.Report{
		ID:          cbc.ReportID(ind.SHA256.String()),
		Title:       fmt.Sprintf("%s %s %s: %s", threat.Status, threat.Classification, threat.Type, ind.SHA256),
		Description: fmt.Sprintf("Attachment condemned by Proofpoint TAP, threat %s.", threat.ID),
		Severity:    severity(threat.Score),
		Link:        threat.URL,
		Tags:        slices.DeleteFunc([]string{threat.Status, threat.Classification, threat.Type}, func(s string) bool { return s == "" }),
		IOCs:        []cbc.IOC{cbc.HashIOC(ind.SHA256)},
	}, nil
}

// unscored is the severity of a condemned file without a score. TAP's score is from the time of delivery and is 0 for the files
// that were condemned later: it says nothing then, and least of all that the file is harmless.
const unscored = 8

// severity maps a score of 1 to 100 to 1 to 10.
func severity(score int) int {
	if score <= 0 {
		return unscored
	}
	return min((score+9)/10, 10)
}
