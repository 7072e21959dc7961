package rest

import (
	"net/http"
	"runtime"
	"testing"
	"time"
)

type stub struct{ _ int }

func (*stub) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed }

func testConfig(hc *http.Client, address string) Config {
	return Config{Package: "svc", BaseURL: address, HTTPClient: hc, Error: func(Answer) error { return http.ErrServerClosed }}
}

func TestGatesVanishWithTheirLastClient(t *testing.T) {
	t.Parallel()
	transport := new(stub)
	key := hostKey{transport, "https://vanishing.invalid:443"}
	known := func() bool {
		hosts.mu.Lock()
		defer hosts.mu.Unlock()
		_, ok := hosts.gates[key]
		return ok
	}
	func() {
		c, err := New(testConfig(&http.Client{Transport: transport}, "https://Vanishing.invalid"))
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		if !known() {
			t.Error("the gate of a living client is gone")
		}
		runtime.KeepAlive(c)
	}()
	for range 100 {
		runtime.GC()
		if !known() {
			return
		}
		<-time.After(10 * time.Millisecond) // for the clean-up, which runs on a goroutine of the runtime
	}
	t.Error("the gate of a dead client is still there")
}

func TestTransportsOfNetHTTPShareTheGateOfAHost(t *testing.T) {
	t.Parallel()
	const address = "https://shared.invalid"
	var gates []*gate
	for _, hc := range []*http.Client{nil, {}, {Transport: new(http.Transport)}, {Transport: http.DefaultTransport}} {
		c, err := New(testConfig(hc, address+":443"))
		if err != nil {
			t.Fatal(err)
		}
		gates = append(gates, c.gate)
	}
	other, err := New(testConfig(nil, address+":444"))
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range gates {
		if g != gates[0] || g == other.gate {
			t.Errorf("client %d has a gate of its own, or that of another port", i)
		}
	}
}

// The engine's own pool holds three connections for a host and its time-out cuts streams.
func TestTheOwnTransport(t *testing.T) {
	t.Parallel()
	c, err := New(Config{Package: "svc", BaseURL: "svc.invalid", MaxInFlight: 16, Timeout: 7 * time.Second, Error: func(Answer) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	tr, ok := c.shared.(*http.Transport)
	if !ok || tr.MaxIdleConnsPerHost != 16 || tr.MaxIdleConns < 16 {
		t.Errorf("pool of %+v, want as many as calls in flight", tr)
	}
	if tr.ResponseHeaderTimeout != 7*time.Second || tr.TLSHandshakeTimeout == 0 || tr.DialContext == nil || tr.Proxy == nil {
		t.Errorf("%+v has no time-outs or no proxy", tr)
	}
	if c.http.Timeout != 0 || c.http.Jar != nil {
		t.Errorf("%+v cuts streams or keeps cookies", c.http)
	}
	if _, ok := c.http.Transport.(interface{ CloseIdleConnections() }); ok {
		t.Error("the engine can close the idle connections of other calls")
	}
}

func TestTheEngineLogsNothingItself(t *testing.T) {
	t.Parallel()
	c, err := New(testConfig(nil, "svc.invalid"))
	if err != nil {
		t.Fatal(err)
	}
	if engine := c.flight(Call{}).engine(); engine.Logger != nil {
		t.Errorf("the engine logs addresses to %T", engine.Logger)
	}
}
