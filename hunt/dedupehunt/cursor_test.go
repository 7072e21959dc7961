package dedupehunt_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/hunt/dedupehunt"
)

func TestCursorIsMovedByOneOfTwo(t *testing.T) {
	t.Parallel()
	ctx, store, now := t.Context(), new(dedupe.Memory), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	a, b := clockwork(t, store, &now), clockwork(t, store, &now)
	if text, err := a.Cursor(ctx, "tap"); err != nil || text != nil {
		t.Fatalf("Cursor = %q, %v before it was moved", text, err)
	}
	large := bytes.Repeat([]byte("x"), 640<<10)
	move := func(l *dedupehunt.Ledger, from, to []byte, want bool) {
		t.Helper()
		if moved, err := l.MoveCursor(ctx, "tap", from, to); moved != want || err != nil {
			t.Errorf("MoveCursor = %t, %v; want %t", moved, err, want)
		}
	}
	move(a, nil, large, true)
	move(b, nil, []byte("other"), false)
	if text, err := b.Cursor(ctx, "tap"); err != nil || !bytes.Equal(text, large) {
		t.Errorf("Cursor = %d bytes, %v; want what was moved first", len(text), err)
	}
	move(b, large, []byte("further"), true)
	move(a, []byte("nonsense"), []byte("back"), false)
	if text, err := a.Cursor(ctx, "tap"); err != nil || string(text) != "further" {
		t.Errorf("Cursor = %q, %v", text, err)
	}
	if text, err := a.Cursor(ctx, "another"); err != nil || text != nil {
		t.Errorf("the cursor of another name is %q, %v", text, err)
	}
	if open, err := a.Open(ctx); err != nil || len(open) > 0 {
		t.Errorf("Open = %v, %v; a cursor is no indicator", open, err)
	}
}

// A process that dies while it moves the cursor leaves it where it was, and keeps the others from it only for the time of a claim.
func TestCursorOfAProcessThatDied(t *testing.T) {
	t.Parallel()
	ctx, store, now := t.Context(), new(dedupe.Memory), time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := clockwork(t, store, &now)
	if _, err := l.MoveCursor(ctx, "tap", nil, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Claim(ctx, "the dead", now, time.Minute, "cursor/tap"); err != nil {
		t.Fatal(err)
	}
	if text, err := l.Cursor(ctx, "tap"); err != nil || string(text) != "one" {
		t.Errorf("Cursor = %q, %v; want what was there before", text, err)
	}
	if moved, err := l.MoveCursor(ctx, "tap", []byte("one"), []byte("two")); moved || err != nil {
		t.Errorf("MoveCursor = %t, %v while another one is at it", moved, err)
	}
	now = now.Add(time.Hour)
	if moved, err := l.MoveCursor(ctx, "tap", []byte("one"), []byte("two")); !moved || err != nil {
		t.Errorf("MoveCursor = %t, %v after its claim", moved, err)
	}
}
