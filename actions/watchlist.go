package actions

import (
	"context"
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
	Report(ctx context.Context, feed cbc.FeedID, id cbc.ReportID) (cbc.Report, error)
	PutReport(ctx context.Context, feed cbc.FeedID, r cbc.Report) (cbc.Report, error)
	DeleteReport(ctx context.Context, feed cbc.FeedID, id cbc.ReportID) error
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
// report is written; other reports of the feed stay as they are. The id of a report is the file's SHA-256; one that is there
// already with the same content stays as it is. CBC tells of events that arrive from then on, not of past ones.
//
// It needs the permissions org.feeds (CREATE, READ, UPDATE) and org.watchlists (CREATE, READ).
//
// Undo deletes the report if it was not there before and is as it was written. Feed and watchlist stay. It needs org.feeds (DELETE).
func NewWatchlist(cfg WatchlistConfig) (hunt.Action, error) {
	if cfg.Feeds == nil || cfg.Watchlists == nil || cfg.Name == "" {
		return nil, errors.New("actions: watchlist: Feeds, Watchlists and Name are required")
	}
	return &watchlist{cfg}, nil
}

type watchlist struct {
	cfg WatchlistConfig
}

// watchlistBefore is the state before: the feed, empty if there was none, and whether it had the report.
type watchlistBefore struct {
	FeedID cbc.FeedID `json:"feed_id"`
	Report bool       `json:"report"`
}

// Spec implements [hunt.Action].
func (*watchlist) Spec() hunt.Spec {
	return hunt.Spec{
		Name: "watchlist", Scope: hunt.ScopeHash, Impact: hunt.Tells, Undo: "the report can be deleted from the feed",
	}
}

// Look implements [hunt.Looker].
func (w *watchlist) Look(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	back, forth := backwards(tasks)
	var outcomes []hunt.Outcome
	if len(forth) > 0 {
		outcomes = w.look(ctx, forth)
	}
	return append(outcomes, each(ctx, back, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		if _, o, ok := w.weigh(ctx, t); !ok {
			return o
		}
		return hunt.Outcome{Task: t, Status: hunt.Planned, Detail: "the report would be deleted"}
	})...)
}

func (w *watchlist) look(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	feed, err := w.cfg.Feeds.ByName(ctx, w.cfg.Name)
	missing := unlisted(err)
	if err != nil && !missing {
		return same(tasks, func(t hunt.Task) hunt.Outcome { return failed(t, fmt.Errorf("actions: watchlist: %w", err)) })
	}
	return each(ctx, tasks, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		r, err := newReport(t)
		if err != nil {
			return refusal(t, fmt.Errorf("actions: watchlist: %w", err))
		}
		if missing {
			return planned(t, watchlistBefore{}, "feed and report would be made")
		}
		there, err := w.cfg.Feeds.Report(ctx, feed.ID, r.ID)
		switch {
		case err != nil && !errors.Is(err, cbc.ErrNotFound):
			return failed(t, fmt.Errorf("actions: watchlist: %w", err))
		case err == nil && sameReport(there, r):
			// A report is written after the feed has its watchlist.
			return already(t, fmt.Sprintf("feed %q has the report already", w.cfg.Name))
		}
		before := watchlistBefore{FeedID: feed.ID, Report: err == nil}
		var saw watchlistBefore
		if parseBefore(hunt.Task{Before: t.Expect}, &saw) && saw.FeedID == "" {
			before.FeedID = "" // the plan would have made the feed: whoever has, an attempt that died perhaps, has done no harm
		}
		return planned(t, before, "the report would be written")
	})
}

// Do implements [hunt.Action].
func (w *watchlist) Do(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	open, outcomes := lookFirst(ctx, tasks, w.Look)
	if len(open) == 0 || ctx.Err() != nil {
		return outcomes
	}
	feed, err := w.feed(ctx, open)
	if err == nil {
		_, err = w.cfg.Watchlists.Subscribe(ctx, feed, cbc.NewWatchlist{
			Name: w.cfg.Name, Description: "Attachments condemned by Proofpoint TAP, kept by pphunt",
		})
	}
	if err != nil {
		return append(outcomes, same(open, func(t hunt.Task) hunt.Outcome { return failed(t, fmt.Errorf("actions: watchlist: %w", err)) })...)
	}
	return append(outcomes, each(ctx, open, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		r, err := newReport(t)
		if err == nil {
			_, err = w.cfg.Feeds.PutReport(ctx, feed, r)
		}
		if err != nil {
			return failed(t, fmt.Errorf("actions: watchlist: %w", err))
		}
		var b watchlistBefore
		_ = parseBefore(t, &b) // Look has made it
		b.FeedID = feed
		o := done(t, fmt.Sprintf("report with severity %d in feed %q", r.Severity, w.cfg.Name))
		o.Before = state(b)
		return o
	})...)
}

// feed is the feed that Look has seen. Where it saw none it looks once more before it makes one, because of two feeds with one name
// none could be used.
func (w *watchlist) feed(ctx context.Context, tasks []hunt.Task) (cbc.FeedID, error) {
	for _, t := range tasks {
		var b watchlistBefore
		if parseBefore(t, &b) && b.FeedID != "" {
			return b.FeedID, nil
		}
	}
	feed, err := w.cfg.Feeds.ByName(ctx, w.cfg.Name)
	if !errors.Is(err, cbc.ErrNotFound) {
		return feed.ID, err
	}
	feed, err = w.cfg.Feeds.Create(ctx, cbc.Feed{
		Name: w.cfg.Name, ProviderURL: "https://www.proofpoint.com", Category: "Partner",
		Summary: "SHA-256 hashes of attachments that Proofpoint TAP condemned",
	})
	return feed.ID, err
}

func newReport(t hunt.Task) (cbc.Report, error) {
	if len(t.Indicators) == 0 {
		return cbc.Report{}, errors.New("the task has no indicator")
	}
	ind := t.Indicators[0]
	threat := ind.Threat
	tags := []string{threat.Status, threat.Classification, threat.Type}
	title := fmt.Sprintf("%s %s %s: %s", threat.Status, threat.Classification, threat.Type, ind.SHA256)
	if !ind.Of.IsZero() {
		tags = append(tags, "second-stage")
		title = "second stage: " + title
	}
	return cbc.Report{
		ID:          cbc.ReportID(ind.SHA256.String()),
		Title:       title,
		Description: fmt.Sprintf("%s, threat %s.", whoCondemned(ind), threat.ID),
		Severity:    severity(threat.Score),
		Link:        threat.URL,
		Tags:        slices.DeleteFunc(tags, func(s string) bool { return s == "" }),
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
