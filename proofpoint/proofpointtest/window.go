package proofpointtest

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The limits of a window.
const (
	minWindow = 30 * time.Second
	maxWindow = time.Hour
	// defaultLookBack is how old the start of a window may be.
	defaultLookBack = 7 * 24 * time.Hour
)

// window is the stretch of time that a call asks for.
type window struct{ start, end time.Time }

// refusal is the text of a 400.
type refusal string

// Error returns the text.
func (r refusal) Error() string { return string(r) }

// The refusals as the service words them. It gives no reason for an end before the start, and its text for windows that are
// too long is not known.
const (
	errSinceTooOld  refusal = "The sinceTime parameter gives a time too far into the past"
	errTooShort     refusal = "The requested interval is too short. Requests must be for at least 30.00s of data"
	errTooLong      refusal = "The requested interval is too long. Requests must be for at most 1.00h of data"
	errStillCurrent refusal = "The requested interval is still current."
	errReversed     refusal = ""
)

// tooOld is the refusal of a start beyond the look-back, which it tells in days.
func tooOld(lookBack time.Duration) refusal {
	days := strconv.FormatFloat(lookBack.Hours()/24, 'f', 2, 64)
	return refusal("The requested start time is too far into the past. Requests for information up to " + days + "d are accepted")
}

// parseWindow reads the one time parameter of a query and checks its limits by the clock.
func parseWindow(q url.Values, now time.Time, lookBack time.Duration) (window, error) {
	var given []string
	for _, name := range []string{"interval", "sinceSeconds", "sinceTime"} {
		if q.Has(name) {
			given = append(given, name)
		}
	}
	switch len(given) {
	case 0:
		return window{}, refusal("One of the parameters interval, sinceSeconds and sinceTime is required.")
	case 1:
	default:
		return window{}, refusal("Only one of the parameters interval, sinceSeconds and sinceTime may be given, not " + strings.Join(given, " and ") + ".")
	}
	value := q.Get(given[0])
	// The end of a window without an explicit one is the server's time, rounded to the nearest minute.
	rounded := now.Round(time.Minute)
	var w window
	old := tooOld(lookBack)
	switch given[0] {
	case "interval":
		var err error
		if w, err = parseInterval(value); err != nil {
			return w, refusal("The interval parameter is badly formatted: " + err.Error())
		}
	case "sinceSeconds":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt32 {
			return w, refusal("The sinceSeconds parameter is badly formatted: a whole number of seconds is required")
		}
		w = window{start: rounded.Add(-time.Duration(n) * time.Second), end: rounded}
	case "sinceTime":
		start, err := parseInstant(value)
		if err != nil {
			return w, refusal("The sinceTime parameter is badly formatted: " + err.Error())
		}
		w, old = window{start: start, end: rounded}, errSinceTooOld
	}
	switch length := w.end.Sub(w.start); {
	case length < 0:
		return w, errReversed
	case w.start.Before(now.Add(-lookBack)):
		return w, old
	case length < minWindow:
		return w, errTooShort
	case length > maxWindow:
		return w, errTooLong
	case given[0] == "interval" && !w.end.Before(now):
		return w, errStillCurrent
	}
	return w, nil
}

// parseInterval reads an ISO 8601 interval: start/end, start/duration or duration/end.
func parseInterval(s string) (window, error) {
	first, second, ok := strings.Cut(s, "/")
	if !ok || strings.Contains(second, "/") {
		return window{}, errors.New("an interval has two parts")
	}
	if strings.HasPrefix(first, "P") {
		end, err := parseInstant(second)
		if err != nil {
			return window{}, err
		}
		d, err := parseDuration(first)
		return window{end.Add(-d), end}, err
	}
	start, err := parseInstant(first)
	if err != nil {
		return window{}, err
	}
	if strings.HasPrefix(second, "P") {
		d, err := parseDuration(second)
		return window{start, start.Add(d)}, err
	}
	end, err := parseInstant(second)
	return window{start, end}, err
}

// parseInstant reads an ISO 8601 time. One without an offset is in UTC.
func parseInstant(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no ISO 8601 time", s)
}

// parseDuration reads an ISO 8601 duration of weeks, days, hours, minutes and seconds.
func parseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no ISO 8601 duration", s)
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || rest == "" || strings.HasSuffix(rest, "T") {
		return 0, bad
	}
	units := "WD"
	var total time.Duration
	for rest != "" {
		if tail, ok := strings.CutPrefix(rest, "T"); ok && units != "HMS" {
			units, rest = "HMS", tail
			continue
		}
		digits := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if digits <= 0 || digits > 9 {
			return 0, bad
		}
		n, err := strconv.ParseFloat(rest[:digits], 64)
		unit := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}[rest[digits]]
		if err != nil || unit == 0 || !strings.ContainsRune(units, rune(rest[digits])) || n*float64(unit) > float64(1000*24*time.Hour) {
			return 0, bad
		}
		total += time.Duration(n * float64(unit))
		rest = rest[digits+1:]
	}
	return total, nil
}
