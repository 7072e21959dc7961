package cbctest_test

import (
	"strings"
	"testing"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestCheckFindsContradictionsOnEndpointsAndInFeeds(t *testing.T) {
	t.Parallel()
	good := cbctest.World{
		Devices:    []cbctest.Device{laptop()},
		Feeds:      []cbctest.Feed{mailFeed()},
		Watchlists: []cbctest.Watchlist{{Name: "F", FeedID: mailFeed().ID}, {Name: "R", ReportIDs: []string{mailFeed().ID + "-r1"}}},
	}
	if err := good.Check(); err != nil {
		t.Fatalf("Check() = %v for a good world", err)
	}
	for name, tc := range map[string]struct {
		spoil func(*cbctest.World)
		want  string
	}{
		"pid twice":    {func(w *cbctest.World) { w.Devices[0].Running[1].PID = 880 }, "880 is there twice"},
		"restarts":     {func(w *cbctest.World) { w.Devices[0].Running[1].Restarts = -1 }, "started again -1 times"},
		"file twice":   {func(w *cbctest.World) { w.Devices[0].Files[1].Path = `c:\users\KIM\downloads\invoice.exe` }, "is there twice"},
		"file nowhere": {func(w *cbctest.World) { w.Devices[0].Files[1].Path = "/tmp/x" }, "cannot have a file"},
		"directory with content": {func(w *cbctest.World) {
			w.Devices[0].Files[1].Content, w.Devices[0].Files[1].Attributes = "x", []string{"DIRECTORY"}
		}, "has content"},
		"empty attribute": {func(w *cbctest.World) { w.Devices[0].Files[1].Attributes = []string{""} }, "is empty"},
		"registry of Linux": {func(w *cbctest.World) {
			w.Devices[0] = cbctest.Device{ID: 7, Name: "L", OS: "LINUX", Registry: []cbctest.RegistryValue{{Key: `HKLM\X`}}}
		}, "not Windows"},
		"registry without a root": {func(w *cbctest.World) { w.Devices[0].Registry = []cbctest.RegistryValue{{Key: `SOFTWARE\X`}} }, "cannot have a registry key"},
		"registry of no number": {func(w *cbctest.World) {
			w.Devices[0].Registry = []cbctest.RegistryValue{{Key: `HKLM\X`, Name: "a", Type: "REG_DWORD", Data: "x"}}
		}, "cannot be"},
		"registry value twice": {func(w *cbctest.World) {
			w.Devices[0].Registry = []cbctest.RegistryValue{
				{Key: `HKLM\X`, Name: "a", Type: "REG_SZ"}, {Key: `HKEY_LOCAL_MACHINE\x`, Name: "A", Type: "REG_SZ"},
			}
		}, "is there twice"},
		"feed twice":        {func(w *cbctest.World) { w.Feeds = append(w.Feeds, mailFeed()) }, "is there twice"},
		"feed without name": {func(w *cbctest.World) { w.Feeds[0].Name = "" }, "lacks its name"},
		"report twice":      {func(w *cbctest.World) { w.Feeds[0].Reports[1].ID = "r1" }, "is there twice"},
		"severity 0":        {func(w *cbctest.World) { w.Feeds[0].Reports[1].Severity = 0 }, "severity from 1 to 10"},
		"two targets":       {func(w *cbctest.World) { w.Watchlists[0].ReportIDs = []string{"x"} }, "exactly one"},
		"unknown feed":      {func(w *cbctest.World) { w.Watchlists[0].FeedID = "none" }, "not there"},
		"unknown report":    {func(w *cbctest.World) { w.Watchlists[1].ReportIDs[0] = "none" }, "not there"},
		"negative delay":    {func(w *cbctest.World) { w.Switches.LiveResponse.CommandDelay = -1 }, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := cbctest.World{
				Devices:    []cbctest.Device{laptop()},
				Feeds:      []cbctest.Feed{mailFeed()},
				Watchlists: []cbctest.Watchlist{{Name: "F", FeedID: mailFeed().ID}, {Name: "R", ReportIDs: []string{mailFeed().ID + "-r1"}}},
			}
			tc.spoil(&w)
			if err := w.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Check() = %v, want %q in it", err, tc.want)
			}
		})
	}
}
