package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// listen answers questions about the service until the returned function is called: /metrics for Prometheus; /healthz, which says that the
// program is there; and /readyz, which says whether it hunts as it should.
func (e *every) listen(ctx context.Context) (address string, stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", e.o.listen)
	if err != nil {
		return "", nil, fmt.Errorf("--listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(e.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if problem := e.unready(); problem != "" {
			http.Error(w, problem, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // it ends when it is closed
	return listener.Addr().String(), func() {
		_ = server.Close()
		serving.Wait()
	}, nil
}

// unready says why the service does not hunt as it should, empty if it does.
func (e *every) unready() string {
	code, ended, any := e.metrics.last()
	switch late := e.now().Sub(ended); {
	case !any:
		return "the first run has not ended yet"
	case code != exitDone && code != exitHeld:
		return fmt.Sprintf("the last run ended with the exit code %d", code)
	case late > 3*e.o.every:
		return fmt.Sprintf("the last run ended %s ago", late.Round(time.Second))
	}
	return ""
}
