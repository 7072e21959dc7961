package proofpoint_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/proofpoint"
)

func TestTextsThatAreNoCursor(t *testing.T) {
	t.Parallel()
	const entry = "AAAAAAAAAAAAAAAAAAAAAAAAAAA" // 20 bytes
	const good = "tap-cursor/1 all 2026-03-05T08:30:00Z 1 " + entry
	for name, text := range map[string]string{
		"nothing":               "",
		"another version":       strings.Replace(good, "/1", "/2", 1),
		"another feed":          strings.Replace(good, "all", "mails", 1),
		"another time":          strings.Replace(good, "08:30:00Z", "08:30", 1),
		"a time with an offset": strings.Replace(good, "00Z", "00+01:00", 1),
		"cut in the records":    good[:len(good)-4],
		"cut before them":       "tap-cursor/1 all 2026-03-05T08:30:00Z",
		"a count that is none":  strings.Replace(good, " 1 ", " one ", 1),
		"a negative count":      strings.Replace(good, " 1 ", " -1 ", 1),
		"too many":              strings.Replace(good, " 1 ", " 20001 ", 1),
		"another count":         strings.Replace(good, " 1 ", " 2 ", 1),
		"the same twice":        strings.Replace(good, " 1 ", " 2 ", 1) + strings.Repeat("A", 27),
		"more behind it":        good + " x",
		"too long":              good + strings.Repeat("A", 700<<10),
	} {
		c := cursorOf(t, good)
		if err := c.UnmarshalText([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "proofpoint: cursor: ") {
			t.Errorf("%s: UnmarshalText() = %v", name, err)
		}
		if written, err := c.MarshalText(); err != nil || string(written) != good {
			t.Errorf("%s: a refused text left %s, %v", name, written, err)
		}
	}
	if text, err := (proofpoint.Cursor{}).MarshalText(); err != nil || string(text) != "tap-cursor/1 - - 0 " {
		t.Errorf("MarshalText() = %q, %v of nothing", text, err)
	}
	if c := cursorOf(t, "tap-cursor/1 - - 0 "); c.Feed() != "" || !c.Next().IsZero() {
		t.Errorf("a cursor of nothing is at %v of %q", c.Next(), c.Feed())
	}
	if c := cursorOf(t, good); c.Feed() != proofpoint.FeedAll || !c.Next().Equal(time.Date(2026, 3, 5, 8, 30, 0, 0, time.UTC)) {
		t.Errorf("the cursor is at %v of %q", c.Next(), c.Feed())
	}
}

func cursorOf(t testing.TB, text string) proofpoint.Cursor {
	t.Helper()
	var c proofpoint.Cursor
	if err := c.UnmarshalText([]byte(text)); err != nil {
		t.Fatalf("UnmarshalText(%s) = %v", text, err)
	}
	return c
}

// tooMany are more records than a text remembers.
const tooMany = proofpoint.MaxCursorRecords + 500

func tooManyRecords() string {
	var body strings.Builder
	body.WriteString(`{"messagesBlocked":[{}`)
	for i := range tooMany - 1 {
		fmt.Fprintf(&body, `,{"id":"%d"}`, i)
	}
	body.WriteString(`]}`)
	return body.String()
}

func TestTheTextOfACursorIsBounded(t *testing.T) {
	t.Parallel()
	client := newClient(t, saying(http.StatusOK, tooManyRecords()))
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked})
	if first, err := polled(t, poller); len(first) != tooMany || err != nil {
		t.Fatalf("Poll() = %d records, %v", len(first), err)
	}
	// In memory nothing that can come again is forgotten.
	if second, err := polled(t, poller); len(second) > 0 || err != nil {
		t.Errorf("the second poll gives %d records, %v", len(second), err)
	}
	text, err := poller.Cursor().MarshalText()
	if err != nil || len(text) > 640<<10 {
		t.Errorf("the text has %d bytes, %v", len(text), err)
	}
	again := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked, Cursor: cursorOf(t, string(text))})
	if third, err := polled(t, again); len(third) != 500 || err != nil {
		t.Errorf("after a restart %d records come again, %v, want the 500 that the text has no room for", len(third), err)
	}
}

func TestAShortWindowThatReachesBackBringsNothingTwice(t *testing.T) {
	t.Parallel()
	at := now
	client := clockedBy(t, &http.Client{Transport: saying(http.StatusOK, tooManyRecords())}, &at)
	poller := newPoller(t, client, proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked, Recheck: time.Second})
	if first, err := polled(t, poller); len(first) != tooMany || err != nil {
		t.Fatalf("Poll() = %d records, %v", len(first), err)
	}
	at = now.Add(10 * time.Second) // twenty seconds of the window were asked for before
	if second, err := polled(t, poller); len(second) > 0 || err != nil {
		t.Errorf("the second poll gives %d records, %v", len(second), err)
	}
}

func TestACursorIsACopy(t *testing.T) {
	t.Parallel()
	poller := newPoller(t, newClient(t, saying(http.StatusOK, `{"messagesBlocked":[{"id":"a"}]}`)), proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked})
	before := poller.Cursor()
	if names, err := polled(t, poller); len(names) != 1 || err != nil {
		t.Fatalf("Poll() = %v, %v", names, err)
	}
	if text, err := before.MarshalText(); err != nil || string(text) != "tap-cursor/1 messages/blocked - 0 " {
		t.Errorf("the cursor from before is %s, %v", text, err)
	}
	again := newPoller(t, newClient(t, saying(http.StatusOK, `{"messagesBlocked":[{"id":"a"}]}`)), proofpoint.PollerConfig{Feed: proofpoint.FeedMessagesBlocked, Cursor: before})
	if names, err := polled(t, again); len(names) != 1 || err != nil {
		t.Errorf("from the cursor from before: %v, %v", names, err)
	}
}
