package cbctest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

func TestSDKFeedsAndWatchlists(t *testing.T) {
	t.Parallel()
	s := newSDK(t, fleet())
	const (
		feeds = "/threathunter/feedmgr/v2/orgs/" + cbctest.OrgKey + "/feeds"
		lists = "/threathunter/watchlistmgr/v3/orgs/" + cbctest.OrgKey
	)
	report := object{
		"id": "r1", "timestamp": 1739275200, "title": "t", "description": "d", "severity": 5, "link": "https://x.example", "tags": array{"a"},
		"iocs_v2": array{object{"id": "i1", "match_type": "equality", "field": "process_hash", "values": array{seenFile}}},
	}
	feed := s.json("POST", feeds, object{
		"feedinfo": object{
			"name": "F", "owner": cbctest.OrgKey, "provider_url": "https://x.example", "summary": "s", "category": "c", "access": "private",
			"source_label": "l", "alertable": true,
		},
		"reports": array{report},
	})
	one := feeds + "/" + fmt.Sprint(feed["id"])
	s.json("GET", feeds+"?include_public=True", nil)
	whole := s.json("GET", one, nil)
	info, _ := whole["feedinfo"].(map[string]any)
	info["summary"] = "changed"
	if got := s.json("PUT", one+"/feedinfo", info); got["summary"] != "changed" {
		t.Errorf("feedinfo = %v", got)
	}
	reports := list(s.json("GET", one+"/reports", nil), "results")
	if len(reports) != 1 {
		t.Fatalf("reports = %v", reports)
	}
	// What was read, nulls included, is sent back with another one before it.
	report["id"] = "r2"
	s.json("POST", one+"/reports", object{"reports": array{report, reports[0]}})
	reports[0]["title"] = "changed"
	if got := s.json("PUT", one+"/reports/r1", reports[0]); got["title"] != "changed" {
		t.Errorf("report = %v", got)
	}
	s.json("DELETE", one+"/reports/r2", nil)
	s.json("PUT", lists+"/reports/"+fmt.Sprint(feed["id"])+"-r1/severity", object{"report_id": fmt.Sprint(feed["id"]) + "-r1", "severity": 8})
	s.json("GET", lists+"/reports/"+fmt.Sprint(feed["id"])+"-r1/severity", nil)
	s.json("PUT", lists+"/reports/"+fmt.Sprint(feed["id"])+"-r1/ignore", nil)

	watchlist := s.json("POST", lists+"/watchlists", object{
		"name": "W", "description": "d", "tags_enabled": true, "alerts_enabled": false, "alert_classification_enabled": false,
		"report_ids": array{}, "classifier": object{"key": "feed_id", "value": feed["id"]},
	})
	w := lists + "/watchlists/" + fmt.Sprint(watchlist["id"])
	watchlist["description"] = "changed"
	if got := s.json("PUT", w, watchlist); got["description"] != "changed" {
		t.Errorf("watchlist = %v", got)
	}
	for _, toggle := range []string{"alert", "tag"} {
		s.json("PUT", w+"/"+toggle, nil)
		s.json("GET", w+"/"+toggle, nil)
		s.json("DELETE", w+"/"+toggle, nil)
	}
	delete(report, "id")
	saved := s.json("POST", lists+"/reports", report)
	r := lists + "/reports/" + fmt.Sprint(saved["id"])
	saved["title"], saved["timestamp"] = "changed", 1739275300
	s.json("PUT", r, saved)
	for _, path := range []string{r, r + "/iocs/i1"} {
		s.json("PUT", path+"/ignore", nil)
		if got := s.json("GET", path+"/ignore", nil); got["ignored"] != true {
			t.Errorf("%s is not ignored: %v", path, got)
		}
		s.json("DELETE", path+"/ignore", nil)
	}
	second := s.json("POST", lists+"/watchlists", object{"name": "V", "description": "d", "report_ids": array{saved["id"]}})
	if ids, _ := second["report_ids"].([]any); len(ids) != 1 {
		t.Errorf("watchlist of a report = %v", second)
	}
	if got := list(s.json("GET", lists+"/watchlists", nil), "results"); len(got) != 2 {
		t.Errorf("watchlists = %v", got)
	}
	s.json("DELETE", w, nil)
	s.json("DELETE", one, nil)
}

func TestSDKLiveResponse(t *testing.T) {
	t.Parallel()
	const sessions = "/appservices/v6/orgs/" + cbctest.OrgKey + "/liveresponse/sessions"
	s := newSDK(t, cbctest.World{Devices: []cbctest.Device{{
		ID: 7, Name: "LAB-7", Running: []cbctest.RunningProcess{{PID: 5120, Path: `C:\Temp\a.exe`}},
		Files: []cbctest.File{{Path: `C:\Temp\b.txt`, Content: "text"}},
	}}})
	if got := s.json("GET", devices+"/7", nil)["os"]; got != "WINDOWS" {
		t.Fatalf("os = %v", got)
	}
	id := fmt.Sprint(s.json("POST", sessions, object{"device_id": 7})["id"])
	session := s.json("GET", sessions+"/"+id, nil)
	if supported, _ := session["supported_commands"].([]any); session["status"] != "ACTIVE" || len(supported) == 0 {
		t.Fatalf("session = %v", session)
	}
	command := func(body object) map[string]any {
		t.Helper()
		body["session_id"] = id
		posted := s.json("POST", sessions+"/"+id+"/commands", body)
		done := s.json("GET", fmt.Sprintf("%s/%s/commands/%.0f", sessions, id, posted["id"]), nil)
		if done["status"] != "COMPLETE" {
			t.Errorf("%v = %v", body, done)
		}
		if done["file_details"] == nil {
			done["file_details"] = posted["file_details"]
		}
		return done
	}
	content := func(path string) string {
		t.Helper()
		details, _ := command(object{"name": "get file", "path": path})["file_details"].(map[string]any)
		status, text := s.request("GET", fmt.Sprintf("%s/%s/files/%v/content", sessions, id, details["file_id"]), "", http.NoBody)
		if status != 200 {
			t.Errorf("content of %s = %d %s", path, status, text)
		}
		return text
	}
	if got := content(`C:\Temp\b.txt`); got != "text" {
		t.Errorf("get file = %q", got)
	}
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("file", "local.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte("uploaded")); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	status, text := s.request("POST", sessions+"/"+id+"/files", m.FormDataContentType(), &form)
	var file object
	if err := json.Unmarshal([]byte(text), &file); err != nil || status > 299 {
		t.Fatalf("upload = %d %s: %v", status, text, err)
	}
	command(object{"name": "put file", "path": `C:\Temp\c.txt`, "file_id": file["id"]})
	if got := content(`C:\Temp\c.txt`); got != "uploaded" {
		t.Errorf("the uploaded file = %q", got)
	}
	command(object{"name": "create directory", "path": `C:\Temp\new`})
	if got := list(command(object{"name": "directory list", "path": `C:\Temp\*`}), "files"); len(got) < 4 {
		t.Errorf("directory list = %v", got)
	}
	if got := list(command(object{"name": "process list"}), "processes"); len(got) == 0 || got[0]["process_pid"] == nil {
		t.Errorf("process list = %v", got)
	}
	command(object{"name": "kill", "pid": 5120})
	command(object{"name": "delete file", "path": `C:\Temp\a.exe`})
	command(object{
		"name": "create process", "path": `cmd.exe /c dir`, "wait": true, "output_file": `c:\windows\temp\cblr.x.tmp`,
		"working_directory": `C:\Temp`,
	})
	content(`c:\windows\temp\cblr.x.tmp`)
	command(object{"name": "reg create key", "path": `HKLM\SOFTWARE\New`})
	command(object{
		"name": "reg set value", "path": `HKLM\SOFTWARE\New\v`, "overwrite": true, "value_type": "REG_DWORD", "value_data": 1,
	})
	command(object{"name": "reg query value", "path": `HKLM\SOFTWARE\New\v`})
	command(object{"name": "reg enum key", "path": `HKLM\SOFTWARE\New`})
	command(object{"name": "reg delete value", "path": `HKLM\SOFTWARE\New\v`})
	command(object{"name": "reg delete key", "path": `HKLM\SOFTWARE\New`})
	command(object{"name": "memdump", "path": `C:\Temp\m.dmp`, "compress": true})
	s.json("GET", sessions+"/"+id+"/keepalive", nil)
	s.json("DELETE", sessions+"/"+id, nil)
	if status, text := s.request("GET", sessions+"/"+id, "", http.NoBody); status != 404 || !strings.Contains(text, `"NOT_FOUND"`) {
		t.Errorf("the closed session = %d %s", status, text)
	}
}
