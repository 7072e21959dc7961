package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pphunt/pphunt/examples/internal/lab"
	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint"
)

func TestProgressTellsHowFarARunIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var out bytes.Buffer
		said := func() string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			defer out.Reset()
			return out.String()
		}
		p := newProgress(locked{&mu, &out}, false, "reading mails", time.Now)
		p.counts(new(proofpoint.Quota))
		if got := p.text(); got != "starting; TAP allows 1800 calls more" {
			t.Errorf("before it begins it says %q", got)
		}
		p.observe(hunt.Event{Step: hunt.StepBegin})
		if got := p.text(); got != "reading mails; TAP allows 1800 calls more" {
			t.Errorf("when it begins it says %q", got)
		}
		for _, e := range []hunt.Event{
			{Step: hunt.StepBegin},
			{Step: hunt.StepIndicator, Count: 1},
			{Step: hunt.StepIndicator, Count: 1},
			{Step: hunt.StepIntake, Count: 2},
			{Step: hunt.StepSearch, Count: 3},
			{Step: hunt.StepPlan, Count: 7},
			{Step: hunt.StepGuard, Count: 1},
			{Step: hunt.StepProblem},
			{Step: hunt.StepAction, Count: 4},
		} {
			p.observe(e)
		}
		p.called("cbc", attempt{status: http.StatusTooManyRequests, retryAfter: 45 * time.Second})
		time.Sleep(lifeEvery - time.Second)
		if got := said(); got != "" {
			t.Errorf("a quick run says %q", got)
		}
		time.Sleep(2 * time.Second)
		const so = "pp2cbc: acting; 2 files, 3 sightings; 4 of 7 tasks; 1 held; 1 problem; TAP allows 1800 calls more"
		if got, want := said(), so+"; CBC says 429: waiting until 00:00:45 UTC\n"; got != want {
			t.Errorf("the line is %q, want %q", got, want)
		}
		time.Sleep(lifeEvery)
		if got := said(); got != so+"\n" {
			t.Errorf("after the wait the line is %q", got)
		}
		p.called("nsx", attempt{status: http.StatusServiceUnavailable, retryAfter: time.Minute})
		p.called("nsx", attempt{status: http.StatusOK})
		time.Sleep(lifeEvery)
		if got := said(); got != so+"\n" {
			t.Errorf("after an answer the line is %q", got)
		}
		p.end()
		p.end()
		time.Sleep(time.Hour)
		if got := said(); got != "" {
			t.Errorf("after its end it says %q", got)
		}
	})
}

func TestQuietRunsSayNothingButNews(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True", "unknown = True")
	first := c.run(t, "--quiet")
	first.is(t, exitDone, []string{"Done: 3", "isolate"}, nil)
	if first.err != "" {
		t.Errorf("a quiet run complains %q", first.err)
	}
	if again := c.run(t, "--quiet"); again.code != exitDone || again.out != "" || again.err != "" {
		t.Errorf("a second quiet run ended with %d, says %q and complains %q", again.code, again.out, again.err)
	}
	if again := c.run(t); again.code != exitDone || again.out == "" || !strings.Contains(again.err, "warning: ") {
		t.Errorf("a run that is not quiet ended with %d, says %q and complains %q", again.code, again.out, again.err)
	}
	if asJSON := c.run(t, "--quiet", "--json"); !strings.Contains(asJSON.out, `"run"`) {
		t.Errorf("a quiet run with --json says %q", asJSON.out)
	}
	// What cannot be asked is never quiet.
	c = newShortCompany(t)
	if err := c.lab.Inject(lab.Fault{Service: "tap", Status: http.StatusUnauthorized, Count: -1}); err != nil {
		t.Fatal(err)
	}
	c.run(t, "--quiet").is(t, exitFailed, []string{"COULD NOT BE ASKED"}, []string{"Proofpoint"})
	c.run(t, "--quiet", "--verbose").is(t, exitUsage, nil, []string{"--quiet and --verbose do not go together"})
}

func TestHeldIsNeverQuiet(t *testing.T) {
	t.Parallel()
	c := newGuardedCompany(t, "isolate = True")
	c.run(t, "--quiet").is(t, exitHeld, []string{"Held, a person has to decide"}, nil)
	c.run(t, "--quiet").is(t, exitHeld, []string{"Held, a person has to decide"}, nil)
}

func TestVerboseTellsEveryStep(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True", "unknown = True")
	r := c.run(t, "--verbose")
	silent := newShortCompany(t, "unknown = True", "[logging]", "level = ERROR")
	for _, told := range []string{r.err, silent.run(t, "--verbose").err} {
		if n := strings.Count(told, "unknown key actions.unknown"); n != 1 {
			t.Errorf("the warning is told %d times: %s", n, told)
		}
	}
	r.is(t, exitDone, []string{"Done: 3"}, []string{"msg=begin", "msg=intake", "msg=search", "msg=outcome", "msg=\"run ended\"", "run="})
	log, err := os.ReadFile(filepath.Join(c.dir, "app.log"))
	if err != nil || !strings.Contains(string(log), "msg=outcome") {
		t.Errorf("the log has not what was told too: %s (%v)", log, err)
	}
}

func TestVerboseDoesNotTellTwice(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger, end, err := openLog(logConfig{}, &out)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	o := common{verbose: true}
	o.loud(logger, logConfig{}, &out).LogAttrs(context.Background(), slog.LevelInfo, "once")
	if n := strings.Count(out.String(), "once"); n != 1 {
		t.Errorf("a log on standard error is written %d times", n)
	}
}
