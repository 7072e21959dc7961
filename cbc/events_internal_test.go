package cbc

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sampleMD5 is the other hash of the samples in testdata.
var sampleMD5 = func() (h [16]byte) {
	_, _ = hex.Decode(h[:], []byte("0f343b0931126a20f133d67c2b018a3b"))
	return h
}()

var addresses = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })

func TestDecodeEvents(t *testing.T) {
	t.Parallel()
	var page struct{ Results []json.RawMessage }
	if err := json.Unmarshal(sample(t, "investigate/events.json"), &page); err != nil {
		t.Fatal(err)
	}
	raws := append(page.Results, sample(t, "investigate/event_odd.json"))
	want := []Event{
		{
			Type: "filemod", GUID: "q1w2e3r4T5y6U7i8O9p0Aa", Hash: "zZ9yY8xX7wW6vV5uU4tT3s",
			Time: time.Date(2025, 2, 11, 8, 15, 31, 1e6, time.UTC), Backend: time.Date(2025, 2, 11, 8, 17, 2, 410e6, time.UTC),
			Created: time.Date(2025, 2, 11, 8, 20, 0, 0, time.UTC), ProcessGUID: "7QRST4UV-0045c1d2-00000f10-00000000-1db7c3e0000aa01", ProcessPID: 3856,
			Detail: FileMod{[]string{"ACTION_FILE_CREATE", "ACTION_FILE_LAST_WRITE"}, `c:\users\pat\downloads\invoice_0417.exe`, sampleHash, sampleMD5},
		},
		{Type: "modload", ProcessPID: 3856, Detail: ModLoad{Actions: []string{"ACTION_LOAD_MODULE"}, Path: `c:\windows\a.dll`, MD5: sampleMD5}},
		{Type: "scriptload", Detail: ScriptLoad{Path: `c:\a.js`, ContentLength: 512, PublisherStates: []string{"FILE_SIGNATURE_STATE_NOT_SIGNED"}}},
		{Type: "fileless_scriptload", Detail: FilelessScriptLoad{CommandLine: "iex $a", SHA256: sampleHash}},
		{Type: "childproc", Detail: ChildProc{
			GUID: "G-2", PID: 6912, Path: `c:\windows\cmd.exe`, CommandLine: "cmd /c", Username: `CORP\pat`, SHA256: sampleHash, MD5: sampleMD5,
		}},
		{Type: "crossproc", Detail: CrossProc{Actions: []string{"ACTION_OPEN_PROCESS_HANDLE"}, GUID: "G-3", Path: `c:\windows\lsass.exe`}},
		{Type: "netconn", Detail: NetConn{
			Actions: []string{"ACTION_CONNECTION_CREATE"}, Domain: "evil.example", Protocol: "PROTO_TCP",
			Remote: netip.MustParseAddrPort("192.0.2.2:443"), Local: netip.MustParseAddrPort("192.0.2.17:50000"),
		}},
		{Type: "netconn", Detail: NetConn{Remote: netip.MustParseAddrPort("[2001:db8::1]:53"), Inbound: true}},
		{Type: "netconn_proxy", Detail: NetConn{Domain: "proxied.example", Remote: netip.AddrPortFrom(netip.Addr{}, 8080), Proxied: true}},
		{Type: "regmod", Detail: RegMod{Actions: []string{"ACTION_WRITE_VALUE"}, Path: `\REGISTRY\MACHINE\RUN`}},
		{Type: "something_new"},
		{
			Type: "filemod", Time: time.Date(2025, 2, 11, 8, 15, 31, 1e6, time.UTC), ProcessPID: 3856,
			Detail: FileMod{Path: `c:\a.txt`},
		},
	}
	for i, raw := range raws {
		got, err := decodeEvent(jsontext.Value(raw), forgiving())
		if err != nil {
			t.Errorf("decodeEvent(%s) = %v", raw, err)
			continue
		}
		if diff := cmp.Diff(want[i], got, addresses, cmpopts.IgnoreFields(Event{}, "Raw")); diff != "" {
			t.Errorf("decodeEvent(%s) (-want +got):\n%s", raw, diff)
		}
		if string(got.Raw) != string(raw) {
			t.Errorf("Raw = %s, want the event as it came", got.Raw)
		}
	}
	for _, raw := range []string{`{}`, `null`, `[]`, `{"event_type":""}`, `{"event_type":"filemod"`} {
		if got, err := decodeEvent(jsontext.Value(raw), forgiving()); err == nil {
			t.Errorf("decodeEvent(%s) = %+v, want an error", raw, got)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	var page struct{ Results []json.RawMessage }
	if err := json.Unmarshal(sample(f, "investigate/events.json"), &page); err != nil {
		f.Fatal(err)
	}
	for _, raw := range page.Results {
		f.Add([]byte(raw))
	}
	f.Add(sample(f, "investigate/event_odd.json"))
	f.Add([]byte(`{"event_type":"netconn","netconn_ipv4":"1e300","netconn_port":-1,"netconn_inbound":[[]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := decodeEvent(raw, forgiving())
		if err != nil {
			if !cmp.Equal(e, Event{}) {
				t.Errorf("decodeEvent(%q) = %+v together with %v", raw, e, err)
			}
			return
		}
		if e.Type == "" || len(e.Raw) == 0 {
			t.Errorf("decodeEvent(%q) accepted an event without a type", raw)
		}
		if _, ok := e.Detail.(FileMod); ok != (e.Type == "filemod") {
			t.Errorf("decodeEvent(%q): the type is %q, the detail %T", raw, e.Type, e.Detail)
		}
	})
}
