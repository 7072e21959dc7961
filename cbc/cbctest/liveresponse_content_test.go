package cbctest_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// get fetches an address without the console's credentials, or with them.
func get(t *testing.T, client *http.Client, address, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatalf("GET %s: %v", address, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestLiveResponseDownload(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{laptop()}})
	id := openSession(c)
	const body = `{"name": "get file", "path": "C:\\Users\\kim\\Downloads\\holiday.txt", "offset": 2, "get_count": 5}`
	made := c.call("POST", "LR/sessions/"+id+"/commands", body, http.StatusCreated)
	file := made["file_details"].(map[string]any)["file_id"].(string)
	done := c.call("GET", "LR/sessions/"+id+"/commands/0", "", http.StatusOK)
	if diff := cmp.Diff(map[string]any{"file_id": file, "offset": 2.0, "count": 5.0}, done["file_details"]); diff != "" {
		t.Errorf("file_details mismatch (-want +got):\n%s", diff)
	}
	wantFile := map[string]any{"id": file, "file_name": "holiday.txt", "size": 5.0, "size_uploaded": 5.0, "upload_url": nil}
	if diff := cmp.Diff(wantFile, c.call("GET", "LR/sessions/"+id+"/files/"+file, "", http.StatusOK)); diff != "" {
		t.Errorf("file mismatch (-want +got):\n%s", diff)
	}
	res := c.do("GET", "LR/sessions/"+id+"/files/"+file+"/content", "")
	location := res.Header.Get("Location")
	if res.StatusCode != http.StatusFound || strings.HasPrefix(location, cbctest.URL) {
		t.Fatalf("content = %d to %q, want 302 to another host", res.StatusCode, location)
	}
	if status, text := get(t, c.srv.Client(), location, ""); status != http.StatusOK || text != "23456" {
		t.Errorf("the object store answers %d %q, want 200 and 23456", status, text)
	}
	if status, _ := get(t, c.srv.Client(), location, c.token); status != http.StatusBadRequest {
		t.Errorf("the object store answers %d to a request with X-Auth-Token, want 400", status)
	}
	if status, _ := get(t, c.srv.Client(), strings.TrimRight(location, "0123456789abcdef"), ""); status != http.StatusForbidden {
		t.Errorf("the object store answers %d to an unsigned address, want 403", status)
	}
	c.raw("DELETE", "LR/sessions/"+id+"/files/"+file, "", http.StatusNoContent)
	c.call("GET", "LR/sessions/"+id+"/files/"+file+"/content", "", http.StatusNotFound)
	if status, _ := get(t, c.srv.Client(), location, ""); status != http.StatusNotFound {
		t.Errorf("the object store answers %d for a deleted file, want 404", status)
	}

	failed := runCommand(c, id, `{"name": "get file", "path": "C:\\none.txt"}`)
	missing := failed["file_details"].(map[string]any)["file_id"].(string)
	if failed["status"] != "ERROR" || missing == file {
		t.Errorf("get file of a missing file: %v", failed)
	}
	c.call("GET", "LR/sessions/"+id+"/files/"+missing+"/content", "", http.StatusNotFound)
	if list := c.raw("GET", "LR/sessions/"+id+"/files", "", http.StatusOK); string(list) != "[]" {
		t.Errorf("files = %s, want []", list)
	}
}

func TestLiveResponseDownloadSwitches(t *testing.T) {
	t.Parallel()
	const body = `{"name": "get file", "path": "C:\\Users\\kim\\Downloads\\Invoice.exe"}`
	world := cbctest.World{Devices: []cbctest.Device{laptop()}}
	world.Switches.LiveResponse.DirectContent = true
	c := newConsole(t, world)
	id := openSession(c)
	file := runCommand(c, id, body)["file_details"].(map[string]any)["file_id"].(string)
	if got := c.raw("GET", "LR/sessions/"+id+"/files/"+file+"/content", "", http.StatusOK); string(got) != "bad" {
		t.Errorf("content = %q, want bad", got)
	}

	world.Switches.LiveResponse = cbctest.LiveResponseSwitches{StoreTakesToken: true, ObjectStore: cbctest.URL + "/"}
	c = newConsole(t, world)
	id = openSession(c)
	file = runCommand(c, id, body)["file_details"].(map[string]any)["file_id"].(string)
	location := c.do("GET", "LR/sessions/"+id+"/files/"+file+"/content", "").Header.Get("Location")
	if status, text := get(t, c.srv.Client(), location, c.token); status != http.StatusOK || text != "bad" {
		t.Errorf("the tolerant object store at %s answers %d %q, want 200 and bad", location, status, text)
	}
}

func TestLiveResponseDownloadOverOnePort(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{Devices: []cbctest.Device{laptop()}})
	for _, tc := range []struct {
		name string
		make func(http.Handler) *httptest.Server
	}{
		{"plain", httptest.NewServer},
		{"TLS", httptest.NewTLSServer},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			port := tc.make(srv)
			defer port.Close()
			base := port.URL + "/appservices/v6/orgs/" + cbctest.OrgKey + "/liveresponse/sessions"
			client := port.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			send := func(method, address, body string) *http.Response {
				r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
				r.Header.Set("Content-Type", "application/json")
				res, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = res.Body.Close() })
				return res
			}
			send("POST", base, `{"device_id": 7}`)
			send("POST", base+"/4001:7/commands", `{"name": "get file", "path": "C:\\Users\\kim\\Downloads\\Invoice.exe"}`)
			var files []struct {
				ID string `json:"id"`
			}
			res := send("GET", base+"/4001:7/files", "")
			decodeJSON(t, res.Body, &files)
			location := send("GET", base+"/4001:7/files/"+files[0].ID+"/content", "").Header.Get("Location")
			if status, text := get(t, client, location, ""); status != http.StatusOK || text != "bad" {
				t.Errorf("GET %s = %d %q, want 200 and bad", location, status, text)
			}
		})
	}
}

func TestLiveResponseUpload(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{laptop()}})
	id := openSession(c)
	upload := func(field string, parts int) *http.Response {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		for range parts {
			part, err := w.CreateFormFile(field, "tool.exe")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(part, "good")
		}
		_ = w.Close()
		address := cbctest.URL + "/appservices/v6/orgs/" + cbctest.OrgKey + "/liveresponse/sessions/" + id + "/files"
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, &form)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", c.token)
		r.Header.Set("Content-Type", w.FormDataContentType())
		res, err := c.srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	for _, bad := range []*http.Response{upload("data", 1), upload("file", 0), upload("file", 2)} {
		if bad.StatusCode != http.StatusBadRequest {
			t.Errorf("a malformed form = %d, want 400", bad.StatusCode)
		}
	}
	res := upload("file", 1)
	var file struct {
		ID   string `json:"id"`
		Name string `json:"file_name"`
		Size int    `json:"size"`
	}
	decodeJSON(t, res.Body, &file)
	if res.StatusCode != http.StatusCreated || file.Name != "tool.exe" || file.Size != 4 {
		t.Fatalf("upload = %d %+v", res.StatusCode, file)
	}
	for _, tc := range []struct {
		path string
		code float64
	}{{`C:\\none\\tool.exe`, -2147024893}, {`C:\\Users`, -2147024891}, {`C:\\Users\\tool.exe`, 0}} {
		got := runCommand(c, id, `{"name": "put file", "path": "`+tc.path+`", "file_id": "`+file.ID+`"}`)
		if got["result_code"] != tc.code {
			t.Errorf("put file %s = %v, want %v", tc.path, got["result_code"], tc.code)
		}
	}
	want := cbctest.File{Path: `C:\Users\tool.exe`, Content: "good"}
	if !slices.ContainsFunc(c.srv.Files(7), func(f cbctest.File) bool { return cmp.Equal(f, want) }) {
		t.Errorf("Files(7) = %v, want %v among them", c.srv.Files(7), want)
	}
}

func TestLiveResponseDirectories(t *testing.T) {
	t.Parallel()
	d := laptop()
	d.Files = append(d.Files, cbctest.File{Path: `D:\data.bin`, Data: []byte{0, 1}})
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{d}})
	id := openSession(c)
	if diff := cmp.Diff([]any{`C:\`, `D:\`}, c.call("GET", "LR/sessions/"+id, "", http.StatusOK)["drives"]); diff != "" {
		t.Errorf("drives mismatch (-want +got):\n%s", diff)
	}
	for _, tc := range []struct {
		path string
		code float64
		want []string
	}{
		{`C:\\Users\\kim\\Downloads\\`, 0, []string{".", "..", "holiday.txt", "Invoice.exe"}},
		{`C:\\Users\\kim\\Downloads\\*.exe`, 0, []string{"Invoice.exe"}},
		{`C:\\Users\\kim\\Downloads\\?oliday*`, 0, []string{"holiday.txt"}},
		{`C:\\Users\\kim\\Downloads`, 0, []string{"Downloads"}},
		{`c:\\`, 0, []string{".", "..", "Users", "Windows"}},
		{`C:\\Users\\kim\\Downloads\\*.zip`, -2147024894, nil},
		{`C:\\none\\`, -2147024893, nil},
		{`C:\\none`, -2147024894, nil},
	} {
		got := runCommand(c, id, `{"name": "directory list", "path": "`+tc.path+`"}`)
		var names []string
		for _, f := range got["files"].([]any) {
			names = append(names, f.(map[string]any)["filename"].(string))
		}
		if diff := cmp.Diff(tc.want, names); diff != "" || got["result_code"] != tc.code {
			t.Errorf("directory list %s = %v, mismatch (-want +got):\n%s", tc.path, got["result_code"], diff)
		}
	}
	want := map[string]any{
		"filename": "data.bin", "alternate_name": "", "attributes": []any{"ARCHIVE"}, "size": 2.0,
		"create_time": 1739275200.0, "last_access_time": 1739275200.0, "last_write_time": 1739275200.0,
	}
	if diff := cmp.Diff(want, runCommand(c, id, `{"name": "directory list", "path": "D:\\data.bin"}`)["files"].([]any)[0]); diff != "" {
		t.Errorf("entry mismatch (-want +got):\n%s", diff)
	}
	for _, tc := range []struct {
		body string
		code float64
	}{
		{`{"name": "create directory", "path": "C:\\evidence"}`, 0},
		{`{"name": "create directory", "path": "c:\\EVIDENCE\\"}`, -2147024713},
		{`{"name": "create directory", "path": "C:\\a\\b"}`, -2147024893},
		{`{"name": "memdump", "path": "C:\\evidence\\mem", "compress": true}`, 0},
		{`{"name": "get file", "path": "C:\\evidence\\mem.zip"}`, 0},
		{`{"name": "get file", "path": "C:\\evidence"}`, -2147024891},
		{`{"name": "delete file", "path": "C:\\"}`, -2147024891},
	} {
		if got := runCommand(c, id, tc.body); got["result_code"] != tc.code {
			t.Errorf("%s = %v, want %v", tc.body, got["result_code"], tc.code)
		}
	}
}

func TestLiveResponseRegistry(t *testing.T) {
	t.Parallel()
	c := newConsole(t, cbctest.World{Devices: []cbctest.Device{laptop()}})
	id := openSession(c)
	for _, tc := range []struct {
		body string
		code float64
		want map[string]any
	}{
		{`{"name": "reg create key", "path": "HKLM\\Software\\Acme"}`, 0, nil},
		{`{"name": "reg create key", "path": "HKLM\\Software\\none\\deeper"}`, -2147024894, nil},
		{`{"name": "reg set value", "path": "HKLM\\Software\\Acme\\Level", "value_type": "REG_DWORD", "value_data": 3}`, 0, nil},
		{`{"name": "reg set value", "path": "HKLM\\Software\\Acme\\level", "value_type": "REG_DWORD", "value_data": 4, "overwrite": false}`, -2147024713, nil},
		{`{"name": "reg set value", "path": "HKLM\\Software\\Acme\\List", "value_type": "REG_MULTI_SZ", "value_data": ["a", "b"]}`, 0, nil},
		{`{"name": "reg set value", "path": "HKLM\\Software\\Acme\\Bad", "value_type": "REG_DWORD", "value_data": "x"}`, -2147024809, nil},
		{
			`{"name": "reg query value", "path": "HKEY_LOCAL_MACHINE\\SOFTWARE\\acme\\LEVEL"}`, 0,
			map[string]any{"value": map[string]any{"registry_name": "Level", "registry_type": "pbREG_DWORD", "registry_data": "3"}},
		},
		{`{"name": "reg query value", "path": "HKLM\\Software\\Acme\\none"}`, -2147024894, nil},
		{`{"name": "reg delete value", "path": "HKLM\\Software\\Acme\\Level"}`, 0, nil},
		{
			`{"name": "reg enum key", "path": "HKLM\\Software\\Acme"}`, 0,
			map[string]any{"sub_keys": []any{}, "values": []any{
				map[string]any{"registry_name": "List", "registry_type": "pbREG_MULTI_SZ", "registry_data": "a,b"},
			}},
		},
		{`{"name": "reg enum key", "path": "HKLM\\Software"}`, 0, map[string]any{"sub_keys": []any{"Acme"}, "values": []any{}}},
		{`{"name": "reg delete key", "path": "HKLM\\Software"}`, -2147024891, nil},
		{`{"name": "reg delete key", "path": "HKLM\\Software\\Acme"}`, 0, nil},
		{`{"name": "reg delete key", "path": "HKLM\\Software\\Acme"}`, -2147024894, nil},
	} {
		got := runCommand(c, id, tc.body)
		if got["result_code"] != tc.code {
			t.Errorf("%s = %v, want %v", tc.body, got["result_code"], tc.code)
		}
		for member, want := range tc.want {
			if diff := cmp.Diff(want, got[member]); diff != "" {
				t.Errorf("%s: %s mismatch (-want +got):\n%s", tc.body, member, diff)
			}
		}
	}
}
