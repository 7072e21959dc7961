package cbctest

import (
	"fmt"
	"slices"
	"strings"
)

// edr finds contradictions in what Live Response, feeds and watchlists work on.
func (c *checker) edr(w World) {
	for _, d := range w.Devices {
		c.endpoint(d)
	}
	reports := map[string]bool{}
	feeds := map[string]bool{}
	for i, f := range w.Feeds {
		c.need(f.Name != "", "feeds[%d] lacks its name", i)
		c.word(fmt.Sprintf("access of feeds[%d]", i), f.Access, "private", "reserved", "public")
		if f.ID != "" {
			c.once("the feed", f.ID)
			feeds[f.ID] = true
		}
		for _, r := range f.Reports {
			c.once(fmt.Sprintf("in feeds[%d] the report", i), r.ID)
			c.report(w, r, fmt.Sprintf("report %q of feeds[%d]", r.ID, i))
			reports[f.ID+"-"+r.ID] = true
		}
	}
	for _, r := range w.Reports {
		if r.ID != "" {
			c.once("the report", r.ID)
		}
		c.report(w, r, fmt.Sprintf("report %q", r.ID))
		reports[r.ID] = true
	}
	for i, l := range w.Watchlists {
		c.need(l.Name != "", "watchlists[%d] lacks its name", i)
		if l.ID != "" {
			c.once("the watchlist", l.ID)
		}
		c.need((l.FeedID != "") != (len(l.ReportIDs) > 0), "watchlists[%d] has not exactly one of feed_id and report_ids", i)
		if w.Switches.Watchlists.UnknownTargets {
			continue
		}
		c.need(l.FeedID == "" || feeds[l.FeedID], "watchlists[%d] subscribes to the feed %q, which is not there", i, l.FeedID)
		for _, id := range l.ReportIDs {
			c.need(reports[id], "watchlists[%d] subscribes to the report %q, which is not there", i, id)
		}
	}
	lr := w.Switches.LiveResponse
	c.need(lr.CommandDelay >= 0 && lr.SessionLimit >= 0 && lr.CommandLimit >= 0, "a delay or a limit of Live Response is negative")
}

// report finds what the service would refuse in a report.
func (c *checker) report(w World, r Report, what string) {
	if w.Switches.Feeds.Lenient {
		return
	}
	wire := reportOnWire(r)
	if wire.ID == "" {
		wire.ID = "made up"
	}
	if err := wire.check(true); err != nil {
		c.fail("%s: %w", what, err)
	}
}

// endpoint finds what cannot be on a device.
func (c *checker) endpoint(d Device) {
	disk := newDisk(d.OS == "" || d.OS == "WINDOWS")
	c.need(len(d.Registry) == 0 || disk.windows, "device %d has a registry and not Windows", d.ID)
	registry := newRegistry()
	for _, v := range d.Registry {
		c.need(registry.rooted(v.Key), "device %d cannot have a registry key %q", d.ID, v.Key)
		c.need(v.readable(), "the registry value %q of %q on device %d cannot be a %q of %q", v.Name, v.Key, d.ID, v.Type, v.Data)
		c.once(fmt.Sprintf("on device %d the registry value", d.ID), registry.clean(v.Key)+`\`+strings.ToLower(v.Name))
	}
	for _, p := range d.Running {
		c.need(p.Restarts >= 0, "process %d of device %d is started again %d times", p.PID, d.ID, p.Restarts)
		c.once(fmt.Sprintf("on device %d the process", d.ID), p.PID)
		c.need(p.PID > 0, "a process on device %d lacks its pid", d.ID)
	}
	for _, f := range d.Files {
		c.need(disk.valid(f.Path), "device %d cannot have a file at %q", d.ID, f.Path)
		c.once(fmt.Sprintf("on device %d the file", d.ID), disk.key(f.Path))
		c.need(!slices.Contains(f.Attributes, ""), "an attribute of %q on device %d is empty", f.Path, d.ID)
		directory := slices.Contains(f.Attributes, directoryAttribute)
		c.need(!directory || f.Content == "" && len(f.Data) == 0, "the directory %q on device %d has content", f.Path, d.ID)
	}
}
