package sqlitededupe_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
)

// Forgetting very much takes long, and who wants to claim something does not wait for the end of it.
func TestForgettingMuchLetsOthersClaim(t *testing.T) {
	t.Parallel()
	const rows = 30_000
	s := open(t, filepath.Join(t.TempDir(), "app.sql"))
	fill(t, s.Writer(), rows, `INSERT INTO pphunt_tasks SELECT 'isolate/device/' || i, iif(i % 10 = 0, 'failed', 'done'), 'o', 1, 0, i, i, '', NULL FROM n`)
	var forgotten int
	ended := make(chan error, 1)
	go func() {
		var err error
		forgotten, err = s.Forget(t.Context(), noon())
		ended <- err
	}()
	claims := 0
	for done := false; !done; claims++ {
		if _, err := s.Claim(t.Context(), "owner", noon(), time.Minute, dedupe.Key(fmt.Sprintf("policy/device/%d", claims))); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			done = true
			if err != nil {
				t.Fatal(err)
			}
		default:
		}
	}
	if claims < 5 { // pieces have at most 4,000 records
		t.Errorf("%d claims came through meanwhile, want one between any two pieces", claims)
	}
	left, err := s.Unfinished(t.Context(), "isolate/")
	if err != nil || forgotten != rows*9/10 || len(left) != rows/10 {
		t.Errorf("forgot %d, left %d, %v; want %d and %d", forgotten, len(left), err, rows*9/10, rows/10)
	}
}
