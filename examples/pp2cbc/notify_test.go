package main

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// told is what a manager was told.
type told struct {
	mu     sync.Mutex
	states []string
	heard  chan string
}

func (m *told) tell(state string) {
	m.mu.Lock()
	m.states = append(m.states, state)
	m.mu.Unlock()
	m.heard <- state
}

func TestTheManagerHearsOfAServiceThatLives(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	l := c.prepared("--every", "15m")
	m := &told{heard: make(chan string, 100)}
	ticks := make(chan time.Time)
	l.program.manager = manager{tell: m.tell, every: 30 * time.Second, ticks: func(d time.Duration) (<-chan time.Time, func()) {
		if d > 15*time.Second {
			t.Errorf("signs of life come every %s, where one is wanted every 30s", d)
		}
		return ticks, func() {}
	}}
	l.start(t)
	if first := <-m.heard; first != "READY=1" {
		t.Errorf("first it says %q", first)
	}
	l.waited(t)
	ticks <- time.Now()
	if sign := <-m.heard; sign != "WATCHDOG=1" {
		t.Errorf("while it rests it says %q", sign)
	}
	l.stop()
	<-l.ended
	if !slices.Contains(m.states, "STOPPING=1") {
		t.Errorf("at the end it has said %q", m.states)
	}
}

func TestAServiceThatIsStuckIsNotAlive(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := &life{now: func() time.Time { return at }, patience: patience}
	l.sign()
	at = at.Add(patience - time.Second)
	if !l.alive() {
		t.Error("a run counts as stuck before its patience is over")
	}
	at = at.Add(time.Second)
	if l.alive() {
		t.Error("a run without any sign counts as alive")
	}
	l.sign()
	if !l.alive() {
		t.Error("a sign does not count")
	}
	l.resting.Store(true)
	at = at.Add(24 * time.Hour)
	if !l.alive() {
		t.Error("a service that rests counts as stuck")
	}
}

// Without calls and steps being signs, a long run would be killed.
func TestARunShowsSignsOfLife(t *testing.T) {
	t.Parallel()
	c := newShortCompany(t, "isolate = True")
	signs := 0
	var mu sync.Mutex
	p := program{out: new(strings.Builder), err: new(strings.Builder), now: time.Now, sign: func() {
		mu.Lock()
		signs++
		mu.Unlock()
	}}
	if code := p.run(t.Context(), []string{"--config", c.config}); code != exitDone {
		t.Fatalf("the run ended with %d", code)
	}
	if calls := len(c.lab.Requests()); signs <= calls {
		t.Errorf("%d signs of life in a run of %d calls, want one for each and for each step", signs, calls)
	}
}
