package cbctest_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc/cbctest"
)

// ubs is the path of the Unified Binary Store.
const ubs = "/ubs/v1/orgs/" + cbctest.OrgKey

// The hashes of three files: one that was seen, one that was not, one that is too large.
var (
	seenFile   = strings.Repeat("ab", 32)
	unseenFile = strings.Repeat("cd", 32)
	largeFile  = strings.Repeat("ef", 32)
)

// store is a world with files that were run and loaded.
func store() cbctest.World {
	return cbctest.World{
		Devices: []cbctest.Device{{ID: 7, Name: `CORP\LAP-7`}, {ID: 8, Name: "LAP-8"}},
		Binaries: []cbctest.Binary{
			{SHA256: seenFile, Size: 4, Data: []byte("MZ!!"), Signatures: []cbctest.BinarySignature{
				{SignedBy: "Example Tools Ltd", CertificateAuthority: "Example CA", Count: 3}, {SignedBy: "Nobody"},
			}},
			{SHA256: unseenFile, Unavailable: true, Size: 9},
			{SHA256: largeFile, Size: 26 << 20},
		},
		Processes: []cbctest.Process{
			{DeviceID: 8, Name: `C:\Temp\B.exe`, Hashes: []string{seenFile}, Time: noon.Add(-2 * time.Hour)},
			{DeviceID: 7, Name: `C:\Temp\A.exe`, Hashes: []string{strings.ToUpper(seenFile)}, Time: noon.Add(-3 * time.Hour)},
			{DeviceID: 7, Name: `C:\Temp\B.exe`, Hashes: []string{seenFile}, Time: noon.Add(-time.Hour)},
			{DeviceID: 7, Name: `C:\host.exe`, Time: noon.Add(-5 * time.Hour), Events: []cbctest.Event{
				{Type: "modload", Name: `C:\Temp\A.exe`, SHA256: seenFile, Time: noon.Add(-4 * time.Hour)},
				{Type: "filemod", Name: `C:\Temp\C.exe`, SHA256: seenFile},
			}},
			{DeviceID: 8, Name: `C:\later.exe`, Hashes: []string{seenFile}, Time: noon.Add(time.Hour)},
		},
	}
}

func TestBinarySummaries(t *testing.T) {
	t.Parallel()
	c := newConsole(t, store())
	one := ubs + "/sha256/" + strings.ToUpper(seenFile)
	for path, want := range map[string]map[string]any{
		one + "/summary/device": {
			"sha256": seenFile, "num_devices": 2.0,
			"first_seen_device_timestamp": "2025-02-11T08:00:00.000000Z", "first_seen_device_id": 7.0,
			"first_seen_device_name": `CORP\LAP-7`, "last_seen_device_timestamp": "2025-02-11T11:00:00.000000Z",
			"last_seen_device_id": 7.0, "last_seen_device_name": `CORP\LAP-7`,
		},
		ubs + "/sha256/" + unseenFile + "/summary/device": {
			"sha256": unseenFile, "num_devices": 0.0,
			"first_seen_device_timestamp": nil, "first_seen_device_id": nil, "first_seen_device_name": nil,
			"last_seen_device_timestamp": nil, "last_seen_device_id": nil, "last_seen_device_name": nil,
		},
		one + "/summary/file_path": {
			"sha256": seenFile, "file_path_count": 2.0, "total_file_path_count": 4.0, "file_paths": []any{
				map[string]any{"count": 2.0, "file_path": `c:\temp\a.exe`, "first_seen_timestamp": "2025-02-11T08:00:00.000000Z"},
				map[string]any{"count": 2.0, "file_path": `c:\temp\b.exe`, "first_seen_timestamp": "2025-02-11T10:00:00.000000Z"},
			},
		},
		one + "/summary/file_path?rows=1": {
			"sha256": seenFile, "file_path_count": 2.0, "total_file_path_count": 4.0, "file_paths": []any{
				map[string]any{"count": 2.0, "file_path": `c:\temp\a.exe`, "first_seen_timestamp": "2025-02-11T08:00:00.000000Z"},
			},
		},
		one + "/summary/signature": {
			"sha256": seenFile, "signature_count": 2.0, "total_signature_count": 4.0, "signature_summaries": []any{
				map[string]any{"count": 3.0, "signed_by": "Example Tools Ltd", "certificate_authority": "Example CA"},
				map[string]any{"count": 1.0, "signed_by": "Nobody", "certificate_authority": nil},
			},
		},
	} {
		if diff := cmp.Diff(want, c.call("GET", path, "", 200)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestBinaryStrict(t *testing.T) {
	t.Parallel()
	world := store()
	world.Keys = []cbctest.Key{
		{ID: "ALL", Secret: "S"},
		{ID: "META", Secret: "S", Permissions: []string{"ubs.org.sha256:READ"}},
		{ID: "FILE", Secret: "S", Permissions: []string{"ubs.org.file:READ"}},
	}
	c := newConsole(t, world)
	one, other := ubs+"/sha256/"+seenFile, ubs+"/sha256/"+strings.Repeat("1", 64)
	many := `"` + strings.Repeat(seenFile+`","`, 100) + seenFile + `"`
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
		reason                  string
	}{
		{"ALL", "GET", other + "/summary/device", "", 404, "NOT_FOUND"},
		{"ALL", "GET", other + "/summary/signature", "", 404, "NOT_FOUND"},
		{"ALL", "GET", other + "/summary/file_path", "", 404, "NOT_FOUND"},
		{"ALL", "GET", ubs + "/sha256/abc/summary/device", "", 400, "64"},
		{"ALL", "GET", one + "/summary/device?rows=5", "", 400, "rows"},
		{"ALL", "GET", one + "/summary/signature?rows=101", "", 400, "100"},
		{"ALL", "GET", one + "/summary/file_path?rows=0", "", 400, "100"},
		{"ALL", "POST", ubs + "/file/_download", `{"sha256":[]}`, 400, "between 1 and 100"},
		{"ALL", "POST", ubs + "/file/_download", `{"sha256":[` + many + `]}`, 400, "between 1 and 100"},
		{"ALL", "POST", ubs + "/file/_download", `{"sha256":["abc"]}`, 400, "64"},
		{"ALL", "POST", ubs + "/file/_download", `{"sha256":["` + seenFile + `"],"expiration_seconds":0}`, 400, "expiration"},
		{"ALL", "POST", ubs + "/file/_download", `{"hashes":["` + seenFile + `"]}`, 400, "hashes"},
		{"FILE", "GET", one + "/metadata", "", 403, "ubs.org.sha256:READ"},
		{"FILE", "GET", one + "/summary/device", "", 403, "ubs.org.sha256:READ"},
		{"META", "POST", ubs + "/file/_download", `{"sha256":["` + seenFile + `"]}`, 403, "ubs.org.file:READ"},
		{"META", "GET", one + "/summary/file_path", "", 200, "file_paths"},
	} {
		c.token = "S/" + tt.key
		if got := string(c.raw(tt.method, tt.path, tt.body, tt.status)); !strings.Contains(got, tt.reason) {
			t.Errorf("%s %s as %s = %s, want one with %q", tt.method, tt.path, tt.key, got, tt.reason)
		}
	}
}

// fetch asks for a pre-signed address with the given headers.
func fetch(t *testing.T, client *http.Client, address string, header http.Header) (status int, body []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// links are the addresses in an answer to a request for downloads.
func links(answer map[string]any) []string {
	out := []string{}
	list, _ := answer["found"].([]any)
	for _, one := range list {
		m, _ := one.(map[string]any)
		out = append(out, fmt.Sprint(m["url"]))
	}
	return out
}

func TestBinaryDownload(t *testing.T) {
	t.Parallel()
	c := newConsole(t, store())
	other := strings.Repeat("1", 64)
	body := fmt.Sprintf(`{"sha256":[%q,%q,%q,%q],"expiration_seconds":60}`, seenFile, unseenFile, largeFile, other)
	got := c.call("POST", ubs+"/file/_download", body, 200)
	if diff := cmp.Diff([]any{unseenFile, largeFile, other}, got["not_found"]); diff != "" {
		t.Errorf("not_found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{}, got["error"]); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	addresses := links(got)
	if len(addresses) != 1 || strings.HasPrefix(addresses[0], cbctest.URL) || !strings.Contains(addresses[0], "X-Amz-Expires=60") {
		t.Fatalf("addresses = %q, want one of another origin", addresses)
	}
	client := c.srv.Client()
	status, zipped := fetch(t, client, addresses[0], http.Header{})
	if status != 200 {
		t.Fatalf("download = %d %s", status, zipped)
	}
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil || len(z.File) != 1 || z.File[0].Name != "filedata" {
		t.Fatalf("the archive: %v, %+v", err, z)
	}
	member, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(member); err != nil || string(data) != "MZ!!" {
		t.Errorf("filedata = %q, %v", data, err)
	}
	for _, secret := range []string{"X-Auth-Token", "Authorization"} {
		if status, _ := fetch(t, client, addresses[0], http.Header{secret: {"x"}}); status != 400 {
			t.Errorf("with %s: %d, want 400", secret, status)
		}
	}
	for _, forged := range []string{
		strings.Replace(addresses[0], seenFile, unseenFile, 1), strings.Replace(addresses[0], "Expires=60", "Expires=6000", 1),
		strings.Split(addresses[0], "?")[0],
	} {
		if status, _ := fetch(t, client, forged, http.Header{}); status != 403 {
			t.Errorf("%s = %d, want 403", forged, status)
		}
	}
	c.wait(time.Minute)
	if status, _ := fetch(t, client, addresses[0], http.Header{}); status != 403 {
		t.Errorf("after a minute: %d, want 403", status)
	}
}

func TestBinaryDownloadErrors(t *testing.T) {
	t.Parallel()
	world := store()
	world.Switches.UpperHashes = true
	world.Switches.Binaries.DownloadErrors = 2
	c := newConsole(t, world)
	upper := strings.ToUpper(seenFile)
	body := fmt.Sprintf(`{"sha256":[%q]}`, seenFile)
	for i, want := range []int{1, 1, 0} {
		got := c.call("POST", ubs+"/file/_download", body, 200)
		failed, _ := got["error"].([]any)
		if len(failed) != want || len(links(got)) != 1-want || want == 1 && failed[0] != upper {
			t.Errorf("try %d = %v", i, got)
		}
	}
	if got := c.call("GET", ubs+"/sha256/"+seenFile+"/summary/device", "", 200)["sha256"]; got != upper {
		t.Errorf("the echo = %v, want %s", got, upper)
	}
}

// Over a socket the object store is on the same port, and the address says so.
func TestBinaryDownloadOverTLS(t *testing.T) {
	t.Parallel()
	ts := httptest.NewTLSServer(cbctest.New(store()))
	defer ts.Close()
	body := strings.NewReader(fmt.Sprintf(`{"sha256":[%q]}`, seenFile))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ts.URL+ubs+"/file/_download", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", cbctest.KeySecret+"/"+cbctest.KeyID)
	r.Header.Set("Content-Type", "application/json")
	res, err := ts.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	decodeJSON(t, res.Body, &answer)
	addresses := links(answer)
	if len(addresses) != 1 || !strings.HasPrefix(addresses[0], ts.URL) {
		t.Fatalf("addresses = %q, want one under %s", addresses, ts.URL)
	}
	if status, zipped := fetch(t, ts.Client(), addresses[0], http.Header{}); status != 200 || !bytes.HasPrefix(zipped, []byte("PK")) {
		t.Errorf("download = %d %s", status, zipped)
	}
}
