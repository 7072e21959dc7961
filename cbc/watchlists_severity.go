package cbc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// wireSeverity is a severity of a report that the organization set.
type wireSeverity struct {
	Report   string `json:"report_id"`
	Severity int    `json:"severity"`
}

func (s wireSeverity) check(op string) error {
	if s.Report == "" || s.Severity < 1 {
		return answerError(op, http.StatusOK, nil, errors.New("no report with a severity in it"))
	}
	return nil
}

// Severities returns the severities that the organization gave to reports in place of those that they have. It needs
// org.watchlists (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/severity
func (w *Watchlists) Severities(ctx context.Context) (map[WatchlistReportID]int, error) {
	call := w.c.call("watchlists.severities", http.MethodGet, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/severity")
	call.Repeatable = true
	all, err := list[wireSeverity](ctx, w.c, call)
	if err != nil {
		return nil, err
	}
	severities := make(map[WatchlistReportID]int, len(all))
	for _, one := range all {
		if err := one.check(call.Op); err != nil {
			return nil, err
		}
		severities[WatchlistReportID(one.Report)] = one.Severity
	}
	return severities, nil
}

// Severity returns the severity that the organization gave to a report; [ErrNotFound] if it gave none. It needs org.watchlists
// (READ).
//
//api:op GET /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/severity
func (w *Watchlists) Severity(ctx context.Context, id WatchlistReportID) (int, error) {
	call := w.c.call("watchlists.severity", http.MethodGet, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/severity", string(id))
	call.Repeatable = true
	var one wireSeverity
	if err := w.c.do(ctx, call, &one); err != nil {
		return 0, unknownID(err)
	}
	return one.Severity, one.check(call.Op)
}

// SetSeverity gives a report another severity, 1 to 10, for the hits of this organization; the report itself stays as it is. Whether
// that works for reports of feeds is not documented. It sets a state, so it is repeatable. It needs org.watchlists (UPDATE).
//
//api:op PUT /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/severity
func (w *Watchlists) SetSeverity(ctx context.Context, id WatchlistReportID, severity int) error {
	const op = "watchlists.set_severity"
	if severity < 1 || severity > 10 {
		return fmt.Errorf("cbc: %s: the severity %d is not 1 to 10", op, severity)
	}
	call := w.c.call(op, http.MethodPut, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/severity", string(id))
	call.Body, call.Repeatable = wireSeverity{string(id), severity}, true
	return w.c.do(ctx, call, nil)
}

// ResetSeverity lets a report have its own severity again; [ErrNotFound] if it has. It needs org.watchlists (DELETE).
//
//api:op DELETE /threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/severity
func (w *Watchlists) ResetSeverity(ctx context.Context, id WatchlistReportID) error {
	return w.change(ctx, "watchlists.reset_severity", http.MethodDelete, "/threathunter/watchlistmgr/v3/orgs/{org_key}/reports/{report_id}/severity", string(id))
}
