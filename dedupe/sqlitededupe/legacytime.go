package sqlitededupe

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseLegacyTime reads a time of the old script: ISO 8601 with or without fraction and zone (UTC where there is none), or a
// number since 1970, in seconds or, by its size, a smaller unit. It is false for anything that cannot be the time of a record.
func parseLegacyTime(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02"} {
		// Parse takes a fraction of a second wherever a layout has seconds.
		if t, err := time.Parse(layout, text); err == nil {
			return plausible(t.UTC())
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n < 1 {
		return time.Time{}, false
	}
	for n >= 1e11 { // seconds reach that in the year 5138: it is milliseconds, microseconds or nanoseconds
		if n >= 1e20 {
			return time.Time{}, false
		}
		n /= 1000
	}
	whole, fraction := math.Modf(n)
	return plausible(time.Unix(int64(whole), int64(fraction*1e3)*1e6).UTC())
}

// plausible keeps what the tables can hold.
func plausible(t time.Time) (time.Time, bool) {
	if t.Year() < 1971 || t.Year() > 2200 {
		return time.Time{}, false
	}
	return t, true
}

// parseLegacyNumber reads a device id, also one that became a floating-point number on its way through a column.
func parseLegacyNumber(text string) (int64, bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, n > 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n != math.Trunc(n) || n < 1 || n > 1<<53 {
		return 0, false
	}
	return int64(n), true
}
