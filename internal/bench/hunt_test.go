package bench_test

import (
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
)

// BenchmarkHunt makes a whole first run at services that answer after a millisecond, the script's way and this module's.
func BenchmarkHunt(b *testing.B) {
	near := size{files: 200, processes: 1160, devices: 60, latency: time.Millisecond}
	report := func(b *testing.B, calls int) {
		b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
	}
	b.Run("script", func(b *testing.B) {
		calls := 0
		for b.Loop() {
			b.StopTimer()
			c := newCompany(near)
			s := c.script(b)
			b.StartTimer()
			s.run("isolate")
			calls += cost{calls: c.counted()}.total()
		}
		report(b, calls)
	})
	b.Run("pphunt", func(b *testing.B) {
		b.ReportAllocs()
		calls := 0
		for b.Loop() {
			b.StopTimer()
			c := newCompany(near)
			h := c.hunter(b, "isolate")
			b.StartTimer()
			r, err := h.Run(b.Context(), hunt.Window{})
			if err != nil || r.Count(hunt.Done) != near.devices {
				b.Fatalf("%d machines isolated, %v", r.Count(hunt.Done), err)
			}
			calls += cost{calls: c.counted()}.total()
		}
		report(b, calls)
	})
}

// BenchmarkSearch finds the files alone: what the script does with one search for each of them.
func BenchmarkSearch(b *testing.B) {
	near := size{files: 200, processes: 1160, devices: 60, latency: time.Millisecond}
	b.Run("script", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			s := newCompany(near).script(b)
			b.StartTimer()
			found := 0
			for _, sha := range s.condemned() {
				found += len(s.processes(sha))
			}
			if found != near.processes {
				b.Fatalf("found %d processes", found)
			}
		}
	})
	b.Run("pphunt", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			h := newCompany(near).hunter(b)
			b.StartTimer()
			if p := h.Plan(b.Context(), hunt.Window{}); len(p.Sightings) != near.processes {
				b.Fatalf("found %d processes: %v", len(p.Sightings), p.Problems)
			}
		}
	})
}
