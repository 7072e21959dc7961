package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is the longest pause that a server can impose.
const maxRetryAfter = 5 * time.Minute

// ParseRetryAfter reads the value of a Retry-After header in either form, seconds or a date, as seen at now. The result is at
// most 5 minutes. It is false for anything else: empty, negative, more seconds than a time.Duration holds, a date that is not
// one. A date that has passed is a pause of zero.
func ParseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		const most = int64(1<<63-1) / int64(time.Second)
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > most {
			return 0, false
		}
		return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(now), 0), maxRetryAfter), true
}

// retryAfter is the pause that an answer asks for, zero for none. A date is compared with the server's own clock if the answer
// tells it, since the two machines need not agree on the time.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	pause, _ := ParseRetryAfter(h.Get("Retry-After"), now)
	return pause
}
