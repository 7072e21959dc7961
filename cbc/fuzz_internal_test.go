package cbc

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func FuzzSession(f *testing.F) {
	for _, name := range []string{"session_pending.json", "session_nulls.json", "session_active.json", "session_v3.json"} {
		f.Add(sample(f, "edr/"+name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var w wireSession
		if json.Unmarshal(data, &w, forgiving()) != nil {
			return
		}
		info, err := w.info("op")
		if err != nil {
			return
		}
		if info.ID == "" || info.pending() && info.active() || info.CheckInTimeout < 0 || info.IdleTimeout < 0 {
			t.Errorf("%s decodes to %+v", data, info)
		}
		if y := info.Created.Year(); y < 1 || y > 9999 {
			t.Errorf("%s decodes to the year %d", data, y)
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, name := range []string{
		"command_pending.json", "command_error.json", "command_error_unsigned.json", "command_get_file.json", "processes.json", "processes_v3.json",
	} {
		f.Add(sample(f, "edr/"+name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var w wireCommand
		if json.Unmarshal(data, &w, forgiving()) != nil {
			return
		}
		if id, err := w.id(); err == nil && (id < 0 || !strings.ContainsAny(string(w.ID), "0123456789")) {
			t.Errorf("%s has the id %d", data, id)
		}
		for _, p := range w.Processes {
			if got, err := p.process(); err == nil && got.PID < 0 {
				t.Errorf("%s has the process id %d", data, got.PID)
			}
		}
		e := (&Session{}).commandError(taken{}, w)
		if text := e.Error(); strings.ContainsAny(text, "\n\r") {
			t.Errorf("the error of %s has more than one line: %q", data, text)
		}
	})
}

func FuzzFeeds(f *testing.F) {
	for _, name := range []string{"feeds.json", "feed.json", "reports.json", "report_wrapped.json", "watchlists.json"} {
		f.Add(sample(f, "edr/"+name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		raw := jsontext.Value(data)
		if !raw.IsValid(jsontext.AllowInvalidUTF8(true)) {
			return
		}
		feeds, _ := decodeList[wireFeed]("op", raw)
		for _, w := range feeds {
			if feed, err := w.feed("op"); err == nil && feed.ID == "" {
				t.Errorf("%s has a feed without an id", data)
			}
		}
		reports, _ := decodeList[wireReport]("op", raw)
		var one wireReport
		if decodeValue("op", raw, &one) == nil {
			reports = append(reports, one)
		}
		for _, w := range reports {
			r, err := w.report("op")
			if err != nil {
				continue
			}
			if y := r.Timestamp.Year(); r.ID == "" || y < 1 || y > 9999 {
				t.Errorf("%s has the report %+v", data, r)
			}
			_ = r.Validate()
		}
		watchlists, _ := decodeList[wireWatchlist]("op", raw)
		for _, w := range watchlists {
			if one, err := w.watchlist("op"); err == nil && one.ID == "" {
				t.Errorf("%s has a watchlist without an id", data)
			}
		}
	})
}
