package hunt_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestRule9WindowsAreHalfOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC().Truncate(time.Second)
		start, middle, end := now.Add(-90*time.Minute), now.Add(-50*time.Minute), now.Add(-10*time.Minute)
		w := plainWorld()
		w.tap.Messages = nil
		want := make(map[string]int)
		for name, at := range map[string]time.Time{
			"before": start.Add(-time.Millisecond), "first": start, "last of the first": middle.Add(-time.Millisecond),
			"boundary": middle, "after": middle.Add(time.Millisecond), "last of the second": end.Add(-time.Millisecond), "end": end,
		} {
			p := program(name)
			m := mail(name, proofpointtest.Threat{Artifact: p.sha(), Time: at}, attached(name+".exe", p))
			m.Time = at.Add(-time.Hour)
			w.tap.Messages = append(w.tap.Messages, m)
			want[name] = 1
		}
		delete(want, "before")
		delete(want, "end")
		o := newOffice(t, w)
		h := o.hunter(t, crew{})
		got := make(map[string]int)
		for _, window := range []hunt.Window{{Start: start, End: middle}, {Start: middle, End: end}} {
			for _, ind := range h.Plan(t.Context(), window).Indicators {
				for _, m := range ind.Mails {
					got[m.Subject]++
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mails taken by two windows that touch, mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestRule9TimesAreUTC(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zone := time.FixedZone("CHAST", (12*60+45)*60)
		o := newOffice(t, plainWorld())
		local := hunt.Window{Start: o.window.Start.In(zone), End: o.window.End.In(zone)}
		var events []time.Time
		h := o.hunter(t, crew{now: func() time.Time { return time.Now().In(zone) }})
		plan := h.Plan(t.Context(), local)
		r, err := h.Apply(t.Context(), plan)
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		again, err := h.Run(t.Context(), local)
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		events = append(events, r.Begun, r.Ended, r.Window.Start, r.Window.End, plan.Begun, plan.Window.Start)
		for i, at := range events {
			if at.Location() != time.UTC {
				t.Errorf("time %d of the report is %v, want UTC", i, at)
			}
		}
		text := asJSON(t, r) + asJSON(t, plan) + asJSON(t, again)
		stamps := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"]*`).FindAllString(text, -1)
		if len(stamps) < 10 {
			t.Errorf("the reports have %d times, so that the test looks at too little", len(stamps))
		}
		if at := slices.IndexFunc(stamps, func(s string) bool { return !strings.HasSuffix(s, "Z") }); at >= 0 {
			t.Errorf("a report has the time %s, want UTC", stamps[at])
		}
		if !strings.Contains(text, "done before, on 2000-01-01 00:00") {
			t.Errorf("the report of the second run does not tell in UTC when the tasks were done: %s", text)
		}
	})
}
