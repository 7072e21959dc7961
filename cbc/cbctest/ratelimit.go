package cbctest

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// limiter counts the calls of each source address in a sliding window.
type limiter struct {
	RateLimit
	now     func() time.Time
	mu      sync.Mutex
	sources map[string]*source
}

// source is one address.
type source struct {
	calls []time.Time // those let through in the window, oldest first
	until time.Time   // the end of its penalty
}

// wrap refuses calls beyond the limit. The object store and the sign-in are other services.
func (l *limiter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.Calls <= 0 || strings.HasPrefix(r.URL.Path, objectStorePrefix) || strings.HasPrefix(r.URL.Path, cspPrefix) {
			next.ServeHTTP(w, r)
			return
		}
		wait := l.take(r.RemoteAddr)
		if wait <= 0 {
			next.ServeHTTP(w, r)
			return
		}
		seconds := (wait + time.Second - 1) / time.Second
		switch l.RetryAfter {
		case "none":
		case "date":
			// A date has whole seconds, so it is rounded up as well.
			at := l.now().Add(wait + time.Second - 1)
			w.Header().Set("Retry-After", at.UTC().Format(http.TimeFormat))
		default:
			w.Header().Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
		}
		http.Error(w, "too many requests", http.StatusTooManyRequests)
	})
}

// take counts a call; if it comes too early, it says how long the caller has to keep still.
func (l *limiter) take(addr string) time.Duration {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	src := l.sources[host]
	if src == nil {
		src = &source{}
		l.sources[host] = src
	}
	for len(src.calls) > 0 && !src.calls[0].Add(l.Per).After(now) {
		src.calls = src.calls[1:]
	}
	if !now.Before(src.until) && len(src.calls) < l.Calls {
		src.calls = append(src.calls, now)
		return 0
	}
	src.until = now.Add(l.Penalty)
	if len(src.calls) >= l.Calls {
		// Whoever waits as long as he is told must be let through then.
		if free := src.calls[0].Add(l.Per); free.After(src.until) {
			src.until = free
		}
	}
	return src.until.Sub(now)
}
