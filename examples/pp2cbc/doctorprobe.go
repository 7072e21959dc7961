package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// probe notes what the answers of one service say beside their content.
type probe struct {
	now func() time.Time

	mu sync.Mutex
	// skew is how far the clock of the service is ahead of ours, as far as whole seconds tell.
	skew time.Duration
	// expires is when its certificate ends.
	expires time.Time
	heard   bool
}

// watch has a service's answers noted.
func (p *probe) watch(s service) service {
	s.watch = p.note
	return s
}

func (p *probe) note(sent time.Time, resp *http.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		p.expires = resp.TLS.PeerCertificates[0].NotAfter
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	p.heard = true
	if got := p.now(); date.After(got) {
		p.skew = date.Sub(got)
	} else if date.Add(time.Second).Before(sent) {
		p.skew = date.Sub(sent)
	} else {
		p.skew = 0
	}
}

const (
	// mostSkew is how wrong a clock may be: windows end a minute ago at least.
	mostSkew = 30 * time.Second
	// soon is when a certificate is told to end.
	soon = 14 * 24 * time.Hour
)

// findings are what the answers of a service say about clock and certificate.
func (p *probe) findings(subject string) []finding {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []finding
	if p.heard && p.skew.Abs() > mostSkew {
		direction := "behind"
		if p.skew < 0 {
			direction = "ahead of"
		}
		all = append(all, finding{Subject: subject + ": clock", Status: statusWarning, Detail: fmt.Sprintf("the clock of this machine is %s %s that of the service; windows and claims go by it: set it by NTP", p.skew.Abs().Round(time.Second), direction)})
	}
	if left := p.expires.Sub(p.now()); !p.expires.IsZero() && left < soon {
		all = append(all, finding{Subject: subject + ": certificate", Status: statusWarning, Detail: fmt.Sprintf("it ends on %s", stamp(p.expires))})
	}
	return all
}

// watched is a transport whose answers are noted.
type watched struct {
	next http.RoundTripper
	note func(sent time.Time, resp *http.Response)
}

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := time.Now()
	resp, err := w.next.RoundTrip(r)
	if err == nil {
		w.note(sent, resp)
	}
	return resp, err
}

// reach connects to the host of a URL and sends nothing, so that nobody is told anything.
func reach(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("the address is no URL")
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	host := net.JoinHostPort(u.Hostname(), port)
	var conn net.Conn
	if u.Scheme == "https" {
		conn, err = (&tls.Dialer{}).DialContext(ctx, "tcp", host)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", host)
	}
	if err != nil {
		return err
	}
	return conn.Close()
}
