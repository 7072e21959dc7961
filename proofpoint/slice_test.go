package proofpoint_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
)

// ago is a window that begins and ends so long before now.
func ago(start, end time.Duration) proofpoint.Window {
	return proofpoint.Window{Start: now.Add(-start), End: now.Add(-end)}
}

func TestSlices(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	const inside = week - 15*time.Minute
	tests := []struct {
		name    string
		window  proofpoint.Window
		options proofpoint.SliceOptions
		want    proofpoint.Slicing
	}{
		{"an hour", ago(2*time.Hour, time.Hour), proofpoint.SliceOptions{}, proofpoint.Slicing{Windows: []proofpoint.Window{ago(2*time.Hour, time.Hour)}}},
		{
			"two hours and a half", ago(3*time.Hour, 30*time.Minute),
			proofpoint.SliceOptions{},
			proofpoint.Slicing{Windows: []proofpoint.Window{ago(3*time.Hour, 2*time.Hour), ago(2*time.Hour, time.Hour), ago(time.Hour, 30*time.Minute)}},
		},
		{
			"a last piece that is too short", ago(2*time.Hour+29*time.Second, time.Hour),
			proofpoint.SliceOptions{},
			proofpoint.Slicing{Windows: []proofpoint.Window{ago(2*time.Hour+29*time.Second, time.Hour+29*time.Second), ago(time.Hour+30*time.Second, time.Hour)}},
		},
		{
			"a last piece that is just long enough", ago(2*time.Hour+30*time.Second, time.Hour),
			proofpoint.SliceOptions{},
			proofpoint.Slicing{Windows: []proofpoint.Window{ago(2*time.Hour+30*time.Second, time.Hour+30*time.Second), ago(time.Hour+30*time.Second, time.Hour)}},
		},
		{
			"the smallest pieces", ago(100*time.Second, 61*time.Second),
			proofpoint.SliceOptions{Size: 30 * time.Second},
			proofpoint.Slicing{Windows: []proofpoint.Window{ago(100*time.Second, 70*time.Second), ago(91*time.Second, 61*time.Second)}},
		},
		{"a second alone", ago(3601*time.Second, time.Hour), proofpoint.SliceOptions{}, proofpoint.Slicing{Windows: []proofpoint.Window{ago(3630*time.Second, time.Hour)}}},
		{"nothing to come", ago(0, 0), proofpoint.SliceOptions{}, proofpoint.Slicing{}},
		{"nothing", ago(time.Hour, time.Hour), proofpoint.SliceOptions{}, proofpoint.Slicing{}},
		{
			"fractions are cut",
			proofpoint.Window{Start: now.Add(-2*time.Hour + 999*time.Millisecond), End: now.Add(-time.Hour + time.Millisecond)},
			proofpoint.SliceOptions{},
			proofpoint.Slicing{Windows: []proofpoint.Window{ago(2*time.Hour, time.Hour)}},
		},
		{
			"what is not settled", ago(30*time.Minute, 0),
			proofpoint.SliceOptions{},
			proofpoint.Slicing{Windows: []proofpoint.Window{ago(30*time.Minute, time.Minute)}, NotYet: ago(time.Minute, 0)},
		},
		{"what is to come", ago(-time.Hour, -2*time.Hour), proofpoint.SliceOptions{}, proofpoint.Slicing{NotYet: ago(-time.Hour, -2*time.Hour)}},
		{
			"what is too old", ago(week+time.Hour, inside-30*time.Minute),
			proofpoint.SliceOptions{},
			proofpoint.Slicing{TooOld: ago(week+time.Hour, inside), Windows: []proofpoint.Window{ago(inside, inside-30*time.Minute)}},
		},
		{"all too old", ago(2*week, week), proofpoint.SliceOptions{}, proofpoint.Slicing{TooOld: ago(2*week, week)}},
		{
			"what is too old but for a piece that cannot be lengthened", ago(week, inside-29*time.Second),
			proofpoint.SliceOptions{},
			proofpoint.Slicing{TooOld: ago(week, inside-29*time.Second)},
		},
		{
			"what is too old but for the shortest piece", ago(week, inside-30*time.Second),
			proofpoint.SliceOptions{},
			proofpoint.Slicing{TooOld: ago(week, inside), Windows: []proofpoint.Window{ago(inside, inside-30*time.Second)}},
		},
		{
			"all of it", ago(3*time.Hour, 0),
			proofpoint.SliceOptions{LookBack: 2 * time.Hour},
			proofpoint.Slicing{
				TooOld: ago(3*time.Hour, 2*time.Hour), NotYet: ago(time.Minute, 0),
				Windows: []proofpoint.Window{ago(2*time.Hour, time.Hour), ago(time.Hour, time.Minute)},
			},
		},
	}
	for _, tt := range tests {
		got, err := tt.window.Slice(now, tt.options)
		if err != nil {
			t.Errorf("%s: Slice() = %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: Slice() mismatch (-want +got):\n%s", tt.name, diff)
		}
	}
	all, err := ago(week, 0).Slice(now, proofpoint.SliceOptions{})
	if err != nil || len(all.Windows) != 168 {
		t.Errorf("a week has %d windows, %v", len(all.Windows), err)
	}
}

func TestSlicesThatCannotBe(t *testing.T) {
	t.Parallel()
	for text, try := range map[string]struct {
		window  proofpoint.Window
		options proofpoint.SliceOptions
	}{
		"not 29s":                      {hour, proofpoint.SliceOptions{Size: 29 * time.Second}},
		"not 1h0m1s":                   {hour, proofpoint.SliceOptions{Size: time.Hour + time.Second}},
		"not 1m0.5s":                   {hour, proofpoint.SliceOptions{Size: 60500 * time.Millisecond}},
		"a look-back of 1m0s":          {hour, proofpoint.SliceOptions{LookBack: time.Minute}},
		"needs a start, and an end":    {proofpoint.Window{}, proofpoint.SliceOptions{}},
		"an end that is not before it": {ago(time.Hour, 2*time.Hour), proofpoint.SliceOptions{}},
	} {
		if _, err := try.window.Slice(now, try.options); err == nil || !strings.Contains(err.Error(), text) || !strings.HasPrefix(err.Error(), "proofpoint: slice: ") {
			t.Errorf("Slice() = %v, want an error with %q", err, text)
		}
	}
}

// FuzzSlice checks that the pieces have all of the window, and that the service would take each of them.
func FuzzSlice(f *testing.F) {
	f.Add(int64(-7*24*3600), int64(8*24*3600), int64(3600), int64(0))
	f.Add(int64(-100), int64(39), int64(30), int64(7000))
	f.Add(int64(-604800), int64(929), int64(59), int64(604800))
	f.Fuzz(func(t *testing.T, start, length, size, lookBack int64) {
		if start < -1e7 || start > 1e7 || length < 0 || length > 1e6 || size < -1 || size > 1e6 || lookBack < -1 || lookBack > 604800 {
			return
		}
		at := now.Add(777 * time.Millisecond)
		w := proofpoint.Window{Start: now.Add(time.Duration(start) * time.Second)}
		w.End = w.Start.Add(time.Duration(length) * time.Second)
		s, err := w.Slice(at, proofpoint.SliceOptions{Size: time.Duration(size) * time.Second, LookBack: time.Duration(lookBack) * time.Second})
		if err != nil {
			return
		}
		reached := w.Start
		pieces := []proofpoint.Window{s.TooOld}
		pieces = append(append(pieces, s.Windows...), s.NotYet)
		for i, p := range pieces {
			if p == (proofpoint.Window{}) {
				continue
			}
			if inner := i > 0 && i < len(pieces)-1; inner {
				if err := p.Check(at); err != nil {
					t.Errorf("the service would refuse %v: %v", p, err)
				}
				if p.Start.Before(s.TooOld.End) && p.End.Sub(p.Start) > proofpoint.MinWindow {
					t.Errorf("%v begins before %v", p, s.TooOld.End)
				}
			}
			if p.Start.After(reached) || p.Start.Before(reached.Add(-proofpoint.MinWindow)) || !p.End.After(reached) {
				t.Errorf("%v does not follow %v", p, reached)
			}
			reached = p.End
		}
		if !reached.Equal(w.End) {
			t.Errorf("the pieces of %v end at %v", w, reached)
		}
	})
}
