package actions

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/hunt"
)

// Undo implements [hunt.Undoer].
func (w *watchlist) Undo(ctx context.Context, tasks []hunt.Task) []hunt.Outcome {
	return each(ctx, tasks, inFlight, func(ctx context.Context, t hunt.Task) hunt.Outcome {
		feed, o, ok := w.weigh(ctx, t)
		if !ok {
			return o
		}
		err := w.cfg.Feeds.DeleteReport(ctx, feed, cbc.ReportID(t.Target))
		switch {
		case errors.Is(err, cbc.ErrNotFound):
			return already(t, "the report is gone")
		case err != nil:
			return failed(t, fmt.Errorf("actions: watchlist: undo: %w", err))
		}
		return undone(t, fmt.Sprintf("the report is deleted from feed %q; alerts that it raised stay", w.cfg.Name))
	})
}

// weigh finds the feed that has our report, and otherwise tells what is to be said.
func (w *watchlist) weigh(ctx context.Context, t hunt.Task) (feed cbc.FeedID, o hunt.Outcome, ok bool) {
	var b watchlistBefore
	switch {
	case !parseBefore(t, &b):
		return "", held(t, noBefore), false
	case b.Report:
		return "", already(t, "stays: the feed had the report before"), false
	}
	if feed = b.FeedID; feed == "" { // it was made, and the process died before its id was recorded
		found, err := w.cfg.Feeds.ByName(ctx, w.cfg.Name)
		switch {
		case unlisted(err):
			return "", already(t, "the feed is gone"), false
		case err != nil:
			return "", failed(t, fmt.Errorf("actions: watchlist: undo: %w", err)), false
		}
		feed = found.ID
	}
	r, err := w.cfg.Feeds.Report(ctx, feed, cbc.ReportID(t.Target))
	if errors.Is(err, cbc.ErrNotFound) {
		// Where the service itself is not found no feed can be listed either.
		if _, listed := w.cfg.Feeds.ByName(ctx, w.cfg.Name); listed == nil || unlisted(listed) || errors.Is(listed, cbc.ErrAmbiguous) {
			return "", already(t, "the report is gone"), false
		}
	}
	wrote, unknown := newReport(t)
	switch {
	case err != nil:
		return "", failed(t, fmt.Errorf("actions: watchlist: undo: %w", err)), false
	case unknown != nil || !sameReport(r, wrote):
		return "", held(t, "stays: somebody has changed the report since"), false
	}
	return feed, o, true
}

// unlisted tells that the feeds could be listed and that none has the name.
func unlisted(err error) bool {
	_, answered := errors.AsType[*cbc.APIError](err)
	return errors.Is(err, cbc.ErrNotFound) && !answered
}

// sameReport tells a report that would not change, but for its date.
func sameReport(there, want cbc.Report) bool {
	return ourReport(there, string(want.ID)) && there.Title == want.Title && there.Description == want.Description &&
		there.Severity == want.Severity && there.Link == want.Link
}

// ourReport tells a report that is about the file alone and has our words.
func ourReport(r cbc.Report, hash string) bool {
	return described(r.Description) && len(r.IOCs) == 1 && len(r.IOCs[0].Values) == 1 &&
		strings.EqualFold(r.IOCs[0].Values[0], hash)
}
