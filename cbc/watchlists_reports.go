package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// WatchlistReportID identifies a report where watchlists look for it: the id of a report that was made with
// [Watchlists.CreateReport], or of a report of a feed as [FeedReportID] writes it.
type WatchlistReportID string

// FeedReportID names a report of a feed among the reports of watchlists.
func FeedReportID(feed FeedID, report ReportID) WatchlistReportID {
	return WatchlistReportID(string(feed) + "-" + string(report))
}

// placeholderID stands in for the id of a report that the vendor gives, so that the rest can be checked.
const placeholderID = "new"

// CreateReport makes a report that belongs to no feed and returns it with the id that the vendor gave. ID must be empty. The report
// does nothing until a watchlist has its id among its ReportIDs; nothing lists such reports, so keep the id. It is not repeated
// after a gateway or connection error, after which the report may exist or not. It needs org.watchlists (CREATE).
//
//api:op POST /threathunter/watchlistmgr/v3/orgs/{org_key}/reports
func (w *Watchlists) CreateReport(ctx context.Context, r Report) (Report, error) {
	const op = "watchlists.create_report"
	problem := error(nil)
	if r.ID != "" {
		problem = errors.New("the report has an id already; the vendor gives it")
	}
	r.ID = placeholderID
	if err := errors.Join(problem, r.Validate()); err != nil {
		return Report{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	body := r.body(w.c.now())
	body.ID = ""
	return w.report(ctx, op, http.MethodPost, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports", r, body, "")
}

// UpdateReport replaces a report that was made with [Watchlists.CreateReport]. Its date becomes the present time, whatever
// Timestamp says: the vendor may drop a change that is not newer. It sets a state, so it is repeatable. It needs org.watchlists
// (UPDATE).
//
//api:op PUT /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}
func (w *Watchlists) UpdateReport(ctx context.Context, id WatchlistReportID, r Report) (Report, error) {
	const op = "watchlists.update_report"
	problem := error(nil)
	if r.ID != "" && WatchlistReportID(r.ID) != id {
		problem = fmt.Errorf("the report has the id %q, which is not the one to replace", printable(string(r.ID)))
	}
	r.ID, r.Timestamp = ReportID(id), time.Time{}
	if err := errors.Join(problem, r.Validate()); err != nil {
		return Report{}, fmt.Errorf("cbc: %s: %w", op, err)
	}
	return w.report(ctx, op, http.MethodPut, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}", r, r.body(w.c.now()), string(id))
}

// report writes a report and returns it as it was written, with the id that the answer has.
func (w *Watchlists) report(ctx context.Context, op, method, route string, r Report, body reportBody, id string) (Report, error) {
	call := w.c.call(op, method, route)
	call.Body = body
	if id != "" {
		call.Args, call.Repeatable = append(call.Args, id), true
	}
	var answer wireReport
	if err := w.c.do(ctx, call, &answer); err != nil {
		return Report{}, err
	}
	written, err := answer.report(op)
	if err != nil {
		return Report{}, err
	}
	r.ID, r.Timestamp = written.ID, time.Unix(body.Timestamp, 0).UTC()
	return r, nil
}

// Report reads a report that was made with [Watchlists.CreateReport]; one that is not there is [ErrNotFound]. Reports of feeds are
// read with [Feeds.Report]. It needs org.watchlists (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}
func (w *Watchlists) Report(ctx context.Context, id WatchlistReportID) (Report, error) {
	call := w.c.call("watchlists.report", http.MethodGet, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}", string(id))
	call.Repeatable = true
	var answer wireReport
	if err := w.c.do(ctx, call, &answer); err != nil {
		return Report{}, unknownID(err)
	}
	return answer.report(call.Op)
}

// DeleteReport deletes a report that was made with [Watchlists.CreateReport]; one that is not there is [ErrNotFound]. It needs
// org.watchlists (DELETE).
//
//api:op DELETE /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}
func (w *Watchlists) DeleteReport(ctx context.Context, id WatchlistReportID) error {
	return w.change(ctx, "watchlists.delete_report", http.MethodDelete, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}", string(id))
}

// IgnoreReport keeps a report from matching in all watchlists of the organization, whoever made it. It sets a state, so it is
// repeatable. It needs org.watchlists (UPDATE).
//
//api:op PUT /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/ignore
func (w *Watchlists) IgnoreReport(ctx context.Context, id WatchlistReportID) error {
	return w.change(ctx, "watchlists.ignore_report", http.MethodPut, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/ignore", string(id))
}

// HeedReport takes [Watchlists.IgnoreReport] back. It needs org.watchlists (DELETE).
//
//api:op DELETE /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/ignore
func (w *Watchlists) HeedReport(ctx context.Context, id WatchlistReportID) error {
	return w.change(ctx, "watchlists.heed_report", http.MethodDelete, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/ignore", string(id))
}

// ReportIgnored tells whether a report is ignored. It needs org.watchlists (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/ignore
func (w *Watchlists) ReportIgnored(ctx context.Context, id WatchlistReportID) (bool, error) {
	return w.ask(ctx, "watchlists.report_ignored", "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/ignore", "ignored", string(id))
}

// IgnoreIOC is [Watchlists.IgnoreReport] for one indicator of a report. It needs org.watchlists (UPDATE).
//
//api:op PUT /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/iocs/{ioc_id}/ignore
func (w *Watchlists) IgnoreIOC(ctx context.Context, id WatchlistReportID, ioc string) error {
	return w.change(ctx, "watchlists.ignore_ioc", http.MethodPut, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/iocs/{ioc_id}/ignore", string(id), ioc)
}

// HeedIOC takes [Watchlists.IgnoreIOC] back. It needs org.watchlists (DELETE).
//
//api:op DELETE /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/iocs/{ioc_id}/ignore
func (w *Watchlists) HeedIOC(ctx context.Context, id WatchlistReportID, ioc string) error {
	return w.change(ctx, "watchlists.heed_ioc", http.MethodDelete, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/iocs/{ioc_id}/ignore", string(id), ioc)
}

// IOCIgnored tells whether an indicator is ignored. It needs org.watchlists (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/iocs/{ioc_id}/ignore
func (w *Watchlists) IOCIgnored(ctx context.Context, id WatchlistReportID, ioc string) (bool, error) {
	return w.ask(ctx, "watchlists.ioc_ignored", "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/iocs/{ioc_id}/ignore", "ignored", string(id), ioc)
}

// change makes a call that has no body and sets a state, so that it is repeatable.
func (w *Watchlists) change(ctx context.Context, op, method, route string, args ...string) error {
	call := w.c.call(op, method, route, args...)
	call.Repeatable = true
	return unknownID(w.c.do(ctx, call, nil))
}
