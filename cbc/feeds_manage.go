package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// GetWithReports reads a feed and all of its reports in one answer, which for a full feed is tens of megabytes and beyond 64 MiB an
// error. A feed that does not exist is [ErrNotFound]. It needs org.feeds (READ).
//
//api:op GET /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}
func (f *Feeds) GetWithReports(ctx context.Context, id FeedID) (Feed, []Report, error) {
	call := f.c.call("feeds.get_with_reports", http.MethodGet, "/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}", string(id))
	call.Repeatable = true
	var answer struct {
		Feed    wireFeed       `json:"feedinfo"`
		Reports jsontext.Value `json:"reports"`
	}
	if err := f.c.do(ctx, call, &answer); err != nil {
		return Feed{}, nil, unknownID(err)
	}
	feed, err := answer.Feed.feed(call.Op)
	if err != nil || answer.Reports.Kind() == 'n' {
		return feed, nil, err
	}
	wire, err := decodeList[wireReport](call.Op, answer.Reports)
	if err != nil {
		return Feed{}, nil, err
	}
	reports, err := readReports(call.Op, wire)
	return feed, reports, err
}

func readReports(op string, wire []wireReport) ([]Report, error) {
	reports := make([]Report, len(wire))
	for i, w := range wire {
		var err error
		if reports[i], err = w.report(op); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// Update replaces the description of a feed; its reports stay. Read it with [Feeds.Get] first and change that, since what is left
// out is lost. ID says which feed; Owner cannot change and is not sent. It sets a state, so it is repeatable. It needs org.feeds
// (UPDATE).
//
//api:op PUT /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/feedinfo
func (f *Feeds) Update(ctx context.Context, feed Feed) (Feed, error) {
	const op = "feeds.update"
	id := feed.ID
	feed.ID = ""
	if err := feed.check(); err != nil {
		return Feed{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	call := f.c.call(op, http.MethodPut, "/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/feedinfo", string(id))
	call.Body, call.Repeatable = feed.body(), true
	var w wireFeed
	if err := f.c.do(ctx, call, &w); err != nil {
		return Feed{}, err
	}
	return w.feed(op)
}

// Delete deletes a feed with its reports. Watchlists that subscribe to it stay and find nothing any more; hits and alerts that there
// are stay as well. A feed that is not there is [ErrNotFound]; so is, now and then, one that this call deleted, if it had to be
// repeated after a gateway error. It needs org.feeds (DELETE).
//
//api:op DELETE /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}
func (f *Feeds) Delete(ctx context.Context, id FeedID) error {
	call := f.c.call("feeds.delete", http.MethodDelete, "/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}", string(id))
	call.Repeatable = true
	return unknownID(f.c.do(ctx, call, nil))
}

// ReplaceReports makes the reports those of the feed: all others that it has are deleted. The vendor has no version to compare, so
// that what another program wrote since this one read is lost; [Feeds.PutReport] adds or changes one report without that danger. An
// empty set is refused: use [Feeds.ClearReports]. The gateway cuts uploads off after a minute with a 504 that does not tell
// whether the reports were written. The call is not repeated for that reason: read them back. It needs org.feeds (CREATE).
//
//api:op POST /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports
func (f *Feeds) ReplaceReports(ctx context.Context, feed FeedID, reports []Report) error {
	const op = "feeds.replace_reports"
	if len(reports) == 0 {
		return fmt.Errorf("cbc: %s: there is no report; ClearReports deletes all of them", op)
	}
	return f.replaceReports(ctx, op, feed, reports)
}

// ClearReports deletes all reports of a feed. The feed and the subscriptions to it stay. It needs org.feeds (CREATE).
//
//api:op POST /threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports
func (f *Feeds) ClearReports(ctx context.Context, feed FeedID) error {
	return f.replaceReports(ctx, "feeds.clear_reports", feed, nil)
}

func (f *Feeds) replaceReports(ctx context.Context, op string, feed FeedID, reports []Report) error {
	bodies, err := f.reportBodies(reports)
	if err != nil {
		return fmt.Errorf("cbc: %s: %w", op, err)
	}
	call := f.c.call(op, http.MethodPost, "/threathunter/feedmgr/v2/orgs/{org_key}/feeds/{feed_id}/reports", string(feed))
	call.Body = struct {
		Reports []reportBody `json:"reports"`
	}{bodies}
	var answer struct {
		Success bool `json:"success"`
	}
	if err := f.c.do(ctx, call, &answer); err != nil {
		return err
	}
	if !answer.Success {
		return answerError(op, http.StatusOK, nil, errors.New("it does not say that the reports were written"))
	}
	return nil
}

// reportBodies checks reports that are written together.
func (f *Feeds) reportBodies(reports []Report) ([]reportBody, error) {
	var problems []error
	if len(reports) > MaxReports {
		problems = append(problems, fmt.Errorf("%d reports are more than %d", len(reports), MaxReports))
	}
	bodies := make([]reportBody, len(reports))
	seen := make(map[ReportID]bool, len(reports))
	for i, r := range reports {
		if err := r.Validate(); err != nil {
			problems = append(problems, err)
		}
		if seen[r.ID] {
			problems = append(problems, fmt.Errorf("two reports have the id %q", r.ID))
		}
		seen[r.ID] = true
		bodies[i] = r.body(f.c.now())
	}
	return bodies, errors.Join(problems...)
}

// Translate writes a query of the product EDR (the former Response) in the language of this one, for an indicator of the type
// [MatchQuery]. Which permission it needs is not documented.
//
//api:op POST /threathunter/feedmgr/v2/query/translate
func (f *Feeds) Translate(ctx context.Context, query string) (string, error) {
	const op = "feeds.translate"
	if strings.TrimSpace(query) == "" {
		return "", fmt.Errorf("cbc: %s: the query is empty", op)
	}
	call := f.c.call(op, http.MethodPost, "/threathunter/feedmgr/v2/query/translate")
	call.Args, call.Repeatable = nil, true
	call.Body = struct {
		Query string `json:"query"`
	}{query}
	var answer struct {
		Query string `json:"query"`
	}
	if err := f.c.do(ctx, call, &answer); err != nil {
		return "", err
	}
	if answer.Query == "" {
		return "", answerError(op, http.StatusOK, nil, errors.New("no query in it"))
	}
	return answer.Query, nil
}

// CheckQueries asks the vendor whether it can read the query indicators of a report, and names those that it cannot read with an
// [ErrQuerySyntax] each. The vendor takes such a report without a word, and it never matches. Other indicators are not looked at;
// [Report.Validate] checks them without asking. It needs org.search.events (READ).
func (f *Feeds) CheckQueries(ctx context.Context, r Report) error {
	var problems []error
	for _, ioc := range r.IOCs {
		if ioc.MatchType != MatchQuery {
			continue
		}
		for _, query := range ioc.Values {
			expr := Raw(query)
			err := expr.Err()
			if err == nil {
				if err = (&Processes{f.c}).Validate(ctx, expr); err != nil && !errors.Is(err, ErrQuerySyntax) {
					return errors.Join(append(problems, err)...)
				}
			} else {
				err = fmt.Errorf("%w: %w", ErrQuerySyntax, err)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("report %q: indicator %q: %w", printable(string(r.ID)), printable(ioc.ID), err))
			}
		}
	}
	return errors.Join(problems...)
}

// Healthy asks whether the service that keeps feeds answers. It needs no permission.
//
//api:op GET /threathunter/feedmgr/healthcheck
func (f *Feeds) Healthy(ctx context.Context) error {
	return healthy(ctx, f.c, "feeds.healthy", "/threathunter/feedmgr/healthcheck")
}

func healthy(ctx context.Context, c *core, op, route string) error {
	call := c.call(op, http.MethodGet, route)
	call.Args, call.Repeatable = nil, true
	return c.do(ctx, call, nil)
}
