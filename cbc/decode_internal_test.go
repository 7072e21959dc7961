package cbc

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sampleHash is the hash of the samples in testdata.
var sampleHash = func() (h [32]byte) {
	_, _ = hex.Decode(h[:], []byte("b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"))
	return h
}()

func TestDecodeProcess(t *testing.T) {
	t.Parallel()
	const guid = "7QRST4UV-0045c1d2-00001a2c-00000000-1db7c3f1a2b4c5d"
	for _, tt := range []struct {
		file string
		has  bool
		want Process
	}{
		{"process_default.json", true, Process{
			GUID: guid, PIDs: []int64{6700},
			Hashes: []string{"0f343b0931126a20f133d67c2b018a3b", "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"},
			Name:   `c:\users\pat\downloads\invoice_0417.exe`, Usernames: []string{`CORP\pat`},
			EffectiveReputation: "NOT_LISTED", Reputation: "NOT_LISTED",
			ParentGUID: "7QRST4UV-0045c1d2-00000f10-00000000-1db7c3e0000aa01", ParentPID: 3856,
			DeviceID: 4571602, DeviceName: `corp\lap-0417`, DevicePolicyID: 88231,
			Time:    time.Date(2025, 2, 11, 8, 15, 30, 123e6, time.UTC),
			Backend: time.Date(2025, 2, 11, 8, 17, 2, 410e6, time.UTC),
			Ingress: time.Date(2025, 2, 11, 8, 16, 30, 555e6, time.UTC),
		}},
		{"process_scalars.json", true, Process{
			GUID: guid, PIDs: []int64{6700},
			Hashes:       []string{"B5BB9D8014A0F9B1D61E21E796D78DCCDF1352F23CD32812F4850B878AE4944C"},
			CommandLines: []string{`"C:\Users\pat\Downloads\invoice_0417.exe" /s`}, Usernames: []string{`CORP\pat`},
			Start: time.Date(2025, 2, 11, 7, 15, 29, 1, time.UTC), ParentPID: 3856,
			DeviceID: 4571602, DeviceName: "lap-0417.corp.example", DeviceOS: "WINDOWS",
			Time:     time.Date(2025, 2, 11, 8, 15, 30, 0, time.UTC),
			Ingress:  time.Date(2025, 2, 11, 8, 16, 30, 555e6, time.UTC),
			Enriched: true, EnrichedEventTypes: []string{"SYSTEM_API_CALL"}, WatchlistHits: []string{"a1:b2:7"},
		}},
		{"process_nulls.json", false, Process{GUID: guid, Hashes: []string{""}, DeviceID: 4571602}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			raw := sample(t, tt.file)
			got, err := decodeProcess(raw, forgiving())
			if err != nil {
				t.Fatalf("decodeProcess = %v", err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Process{}, "Raw")); diff != "" {
				t.Errorf("decodeProcess mismatch (-want +got):\n%s", diff)
			}
			if !bytes.Equal(got.Raw, raw) {
				t.Errorf("Raw = %s, want the row as it came", got.Raw)
			}
			if got.HasSHA256(sampleHash) != tt.has {
				t.Errorf("HasSHA256 = %v, want %v", !tt.has, tt.has)
			}
			if hash, ok := got.SHA256(); ok != tt.has || ok && hash != sampleHash {
				t.Errorf("SHA256() = %x, %v, want %v", hash, ok, tt.has)
			}
		})
	}
}

func TestDecodeProcessHashes(t *testing.T) {
	t.Parallel()
	md5, sha := strings.Repeat("a", 32), hex.EncodeToString(sampleHash[:])
	other := strings.Repeat("c", 64)
	for _, tt := range []struct {
		name, hashes string
		has, any     bool
	}{
		{"MD5 first", `"process_hash":["` + md5 + `","` + sha + `"]`, true, true},
		{"SHA-256 first", `"process_hash":["` + sha + `","` + md5 + `"]`, true, true},
		{"only SHA-256, as a scalar", `"process_hash":"` + sha + `"`, true, true},
		{"only MD5", `"process_hash":["` + md5 + `"]`, false, false},
		{"none", `"process_hash":null`, false, false},
		{"a second SHA-256 counts", `"process_hash":["` + other + `","` + sha + `"]`, true, true},
		{"another file's", `"process_hash":["` + other + `"]`, false, true},
		{"the field of detailed rows", `"process_sha256":"` + sha + `"`, true, true},
		{"64 characters that are no digits", `"process_hash":["` + strings.Repeat("z", 64) + `"]`, false, false},
		{"somewhere else in the row", `"parent_hash":["` + sha + `"],"blocked_hash":"` + sha + `"`, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := decodeProcess([]byte(`{"process_guid":"G","device_id":7,`+tt.hashes+`}`), forgiving())
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := p.SHA256(); ok != tt.any || p.HasSHA256(sampleHash) != tt.has {
				t.Errorf("SHA256 ok = %v, HasSHA256 = %v, want %v, %v", ok, p.HasSHA256(sampleHash), tt.any, tt.has)
			}
		})
	}
}

func TestDecodeProcessRefuses(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"no GUID":            `{"device_id":7}`,
		"no device":          `{"process_guid":"G"}`,
		"device zero":        `{"process_guid":"G","device_id":0}`,
		"half a device":      `{"process_guid":"G","device_id":7.5}`,
		"a device too large": `{"process_guid":"G","device_id":92233720368547758080}`,
		"no object":          `["G",7]`,
		"no JSON":            `{"process_guid":"G","device_id":7`,
		"two devices":        `{"process_guid":"G","device_id":7,"device_id":8}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p, err := decodeProcess([]byte(raw), forgiving()); err == nil {
				t.Errorf("decodeProcess(%s) = %+v, want an error", raw, p)
			}
		})
	}
}

func TestDecodeDevice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		live bool
		host string
		want Device
	}{
		{"device.json", true, "lap-0417", Device{
			ID: 4571602, Name: `CORP\LAP-0417`, Status: "REGISTERED", OrgID: 1204, OS: "WINDOWS", OSVersion: "Windows 11 x64", SensorVersion: "4.0.3.1234",
			SensorStates: []string{"ACTIVE", "LIVE_RESPONSE_NOT_RUNNING", "LIVE_RESPONSE_NOT_KILLED", "LIVE_RESPONSE_ENABLED"},
			PolicyID:     88231, PolicyName: "Standard", CurrentSensorPolicy: "Standard",
			AssetGroups:    []AssetGroup{{ID: "7f6d8a4e-1f7e-4d39-8a51-1f2f3a4b5c6d", Name: "Laptops", MembershipType: "DYNAMIC"}},
			DeploymentType: "ENDPOINT", VirtualizationProvider: "UNKNOWN",
			MACAddress: "02005e100001", InternalIP: "192.0.2.17",
			LastContact: time.Date(2025, 2, 11, 8, 18, 44, 902e6, time.UTC),
		}},
		{"device_nulls.json", false, "lap-0418", Device{ID: 4571603, Name: "LAP-0418", Status: "PENDING", OrgID: 1204}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			var got Device
			if err := json.Unmarshal(sample(t, tt.file), &got, forgiving()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("device mismatch (-want +got):\n%s", diff)
			}
			if got.LiveResponse() != tt.live || got.Host() != tt.host {
				t.Errorf("LiveResponse, Host = %v, %q, want %v, %q", got.LiveResponse(), got.Host(), tt.live, tt.host)
			}
		})
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want time.Time
		ok   bool
	}{
		{"2025-02-11T08:15:30Z", time.Date(2025, 2, 11, 8, 15, 30, 0, time.UTC), true},
		{"2025-02-11T08:15:30.123456789Z", time.Date(2025, 2, 11, 8, 15, 30, 123456789, time.UTC), true},
		{" 2025-02-11T08:15:30.1Z ", time.Date(2025, 2, 11, 8, 15, 30, 1e8, time.UTC), true},
		{"2025-02-11T08:15:30+02:00", time.Date(2025, 2, 11, 6, 15, 30, 0, time.UTC), true},
		{"2025-02-11T08:15:30+0000", time.Date(2025, 2, 11, 8, 15, 30, 0, time.UTC), true},
		{"2025-02-11T08:15:30.5", time.Date(2025, 2, 11, 8, 15, 30, 5e8, time.UTC), true},
		{"1739261790555", time.Date(2025, 2, 11, 8, 16, 30, 555e6, time.UTC), true},
		{"1.739261790555e12", time.Date(2025, 2, 11, 8, 16, 30, 555e6, time.UTC), true},
		{"0", time.Time{}, false},
		{"-1", time.Time{}, false},
		{"9223372036854775807", time.Time{}, false},
		{"", time.Time{}, false},
		{"yesterday", time.Time{}, false},
		{"2025-02-11", time.Time{}, false},
		{"2025-13-11T08:15:30Z", time.Time{}, false},
	} {
		got, ok := parseTime(tt.in)
		if ok != tt.ok || ok && !got.Equal(tt.want) {
			t.Errorf("parseTime(%q) = %v, %v, want %v, %v", tt.in, got, ok, tt.want, tt.ok)
		}
		if ok && got.Location() != time.UTC {
			t.Errorf("parseTime(%q) is in %v, want UTC", tt.in, got.Location())
		}
	}
}

func FuzzDecodeProcess(f *testing.F) {
	for _, name := range []string{"process_default.json", "process_scalars.json", "process_nulls.json"} {
		f.Add(sample(f, name))
	}
	f.Add([]byte(`{"process_guid":["G"],"device_id":[[],{"a":1},"7"],"process_hash":{"x":"y"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := decodeProcess(raw, forgiving())
		if err != nil {
			if !cmp.Equal(p, Process{}) {
				t.Errorf("decodeProcess(%q) = %+v together with %v", raw, p, err)
			}
			return
		}
		if p.GUID == "" || p.DeviceID <= 0 {
			t.Errorf("decodeProcess(%q) accepted a row without an identity", raw)
		}
		if h, ok := p.SHA256(); ok != p.HasSHA256(h) && ok {
			t.Errorf("decodeProcess(%q): SHA256 and HasSHA256 disagree", raw)
		}
		again, err := json.Marshal(p)
		if err != nil {
			if strings.Contains(err.Error(), "UTF-8") {
				return
			}
			t.Fatalf("the decoded row %+v cannot be written: %v", p, err)
		}
		back, err := decodeProcess(again, forgiving())
		if diff := cmp.Diff(p, back, cmpopts.IgnoreFields(Process{}, "Raw"), cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("written and read again (-first +second), error %v:\n%s", err, diff)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2025-02-11T08:15:30.123Z", "1739261790555", "2025-02-11T08:15:30+0100", "1e300", "-1", "9999-12-31T23:59:59.999999999-23:59"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseTime(s)
		if !ok {
			return
		}
		if _, err := json.Marshal(got); err != nil || got.Location() != time.UTC {
			t.Errorf("parseTime(%q) = %v, which cannot be written: %v", s, got, err)
		}
	})
}
