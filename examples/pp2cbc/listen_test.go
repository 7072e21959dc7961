package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// answerOf asks a service that listens.
func answerOf(t *testing.T, address, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestTheServiceAnswers(t *testing.T) {
	t.Parallel()
	c := newGuardedCompany(t, "isolate = True", "denylist = True")
	l := c.prepared("--every", "15m", "--listen", "127.0.0.1:0")
	addresses := make(chan string, 1)
	l.program.listening = func(address string) { addresses <- address }
	l.start(t)
	address := <-addresses
	l.waited(t)
	if code, text := answerOf(t, address, "/healthz"); code != http.StatusOK || text != "ok\n" {
		t.Errorf("/healthz: %d %q", code, text)
	}
	if code, text := answerOf(t, address, "/readyz"); code != http.StatusOK {
		t.Errorf("/readyz after a run with held tasks: %d %q", code, text)
	}
	_, text := answerOf(t, address, "/metrics")
	for _, want := range []string{
		`pphunt_runs_total{code="3"} 1`, "pphunt_indicators_total ", `pphunt_sightings_total{evidence="executed"} `,
		`pphunt_outcomes_total{action="isolate",status="done"} `, `pphunt_outcomes_total{action="isolate",status="held"} 1`,
		`pphunt_waiting_tasks{status="held"} 2`, `pphunt_calls_total{operation="siem.`, `pphunt_calls_total{operation="devices.`, `service="cbc",status="200"`,
		`pphunt_call_duration_seconds_count{operation="`, `pphunt_tap_calls_left{bucket="siem"} `, "pphunt_last_complete_run_timestamp_seconds 1.",
		"pphunt_last_tap_answer_timestamp_seconds 1.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics does not have %s", want)
		}
	}
	if found := found(text); len(found) > 0 {
		t.Errorf("/metrics has %q in it", found)
	}
	// What the second run does not do anew is not counted again.
	l.due <- time.Now()
	l.waited(t)
	_, again := answerOf(t, address, "/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "pphunt_outcomes_total") && strings.Contains(line, `"done"`) || strings.HasPrefix(line, "pphunt_indicators_total") {
			if !strings.Contains(again, line) {
				t.Errorf("after a second run %q is no more", line)
			}
		}
	}
	// A service that cannot hunt is alive, and not ready.
	c.edit(t, "principal = ", "principal = somebody-else-")
	l.hangups <- syscall.SIGHUP
	l.due <- time.Now()
	l.waited(t)
	if code, text := answerOf(t, address, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "exit code 1") {
		t.Errorf("/readyz with a wrong account: %d %q", code, text)
	}
	if code, _ := answerOf(t, address, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz with a wrong account: %d", code)
	}
	if _, text := answerOf(t, address, "/metrics"); !strings.Contains(text, `service="tap",status="401"`) || !strings.Contains(text, `pphunt_runs_total{code="1"} 1`) {
		t.Error("/metrics does not tell of the refusal")
	}
	l.stop()
	if code := <-l.ended; code != exitDone {
		t.Errorf("it ended with %d", code)
	}
	if resp, err := http.Get("http://" + address + "/healthz"); err == nil {
		resp.Body.Close()
		t.Error("it answers after its end")
	}
}

func TestAServiceIsReadyWhileItHunts(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	p := program{now: func() time.Time { return at }}
	p.metrics = newMetrics(func() time.Time { return p.now() })
	e := &every{program: p, o: options{every: 15 * time.Minute}}
	if e.unready() == "" {
		t.Error("it is ready before the first run has ended")
	}
	e.metrics.ran(exitHeld, time.Second)
	if problem := e.unready(); problem != "" {
		t.Errorf("after a run that holds something: %s", problem)
	}
	e.now = func() time.Time { return at.Add(46 * time.Minute) }
	if e.unready() == "" {
		t.Error("it is ready, and no run has ended for three times as long as one may take")
	}
	e.now = func() time.Time { return at }
	e.metrics.ran(exitFailed, time.Second)
	if e.unready() == "" {
		t.Error("it is ready after a run that failed")
	}
}

func TestListenThatCannotBe(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := newShortCompany(t, "isolate = True")
	c.run(t, "--listen", "127.0.0.1:0").is(t, exitUsage, nil, []string{"--listen needs --every"})
	c.run(t, "--every", "15m", "--listen", "9090").is(t, exitUsage, nil, []string{"such as 127.0.0.1:9090"})
	c.run(t, "--every", "15m", "--listen", taken.Addr().String()).is(t, exitUsage, nil, []string{"--listen: "})
	if n := len(c.lab.Requests()); n > 0 {
		t.Errorf("%d calls were made", n)
	}
}
