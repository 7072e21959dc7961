package cbc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Subscription is the outcome of [Watchlists.Subscribe].
type Subscription struct {
	Watchlist Watchlist
	// Created tells that there was no subscription before.
	Created bool
}

// Subscribe sees to it that a watchlist subscribes to the feed, whatever its name. If there is one, it is returned as it is:
// somebody may have had a reason to switch its alerts off. Of several, that is one with alerts, or else one with tags, or else
// the oldest. If there is none, a watchlist is made of n, whose FeedID and ReportIDs must be empty. A feed is covered with all
// reports that it will ever have. Subscribe needs org.watchlists (READ, CREATE).
func (w *Watchlists) Subscribe(ctx context.Context, feed FeedID, n NewWatchlist) (Subscription, error) {
	const op = "watchlists.subscribe"
	switch {
	case feed == "":
		return Subscription{}, fmt.Errorf("cbc: %s: the feed id is empty", op)
	case n.FeedID != "" || len(n.ReportIDs) > 0:
		return Subscription{}, fmt.Errorf("cbc: %s: the feed is the one to subscribe to, and there are no single reports", op)
	}
	n.FeedID = feed
	if err := n.check(); err != nil {
		return Subscription{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	found, err := w.Subscriptions(ctx, feed)
	if err != nil {
		return Subscription{}, err
	}
	if len(found) > 0 {
		return Subscription{Watchlist: found[0]}, nil
	}
	made, err := w.Create(ctx, n)
	return Subscription{Watchlist: made, Created: err == nil}, err
}

// Subscriptions returns the watchlists that subscribe to the feed: those with alerts first, then those with tags, older ones
// before newer ones. It needs org.watchlists (READ).
func (w *Watchlists) Subscriptions(ctx context.Context, feed FeedID) ([]Watchlist, error) {
	all, err := w.List(ctx)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(all, func(one Watchlist) bool { return feed == "" || one.FeedID != feed })
	rank := func(one Watchlist) int {
		switch {
		case one.AlertsEnabled:
			return 0
		case one.TagsEnabled:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(found, func(a, b Watchlist) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}
