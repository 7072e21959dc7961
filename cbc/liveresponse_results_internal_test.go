package cbc

import (
	"errors"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestDecodeDirectory(t *testing.T) {
	t.Parallel()
	got, err := decode[wireCommand](t, sample(t, "edr/command_directory.json")).listing(`\/`)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 5, 14, 9, 12, 40, 0, time.UTC)
	want := []FileInfo{
		{Name: "Application Data", ShortName: "APPLIC~1", Attributes: []string{"DIRECTORY", "HIDDEN", "REPARSE_POINT"}, Created: at, Accessed: at, Modified: at},
		{Name: "Downloads", ShortName: "DOWNLO~1", Attributes: []string{"DIRECTORY"}, Created: at, Accessed: at, Modified: at},
		{Name: "Zebra.txt", Attributes: []string{"ARCHIVE"}, Size: 12, Created: at, Modified: at.Add(time.Second)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list mismatch (-want +got):\n%s", diff)
	}
	if !got[0].IsLink() || !got[0].IsDir() || got[1].IsLink() || got[2].IsDir() {
		t.Errorf("links and directories are not told apart: %+v", got)
	}
	for _, none := range []string{`{"files":[]}`, `{"files":null}`, `{}`} {
		if got, err := decode[wireCommand](t, []byte(none)).listing("/"); err != nil || len(got) != 0 {
			t.Errorf("list of %s = %+v, %v, want none", none, got, err)
		}
	}
	for _, bad := range []string{`{"files":[{"filename":""}]}`, `{"files":[{"filename":"../x"}]}`, `{"files":[{}]}`, `{"files":[{"filename":"a\u0000b"}]}`} {
		if got, err := decode[wireCommand](t, []byte(bad)).listing("/"); err == nil {
			t.Errorf("list of %s = %+v, want an error", bad, got)
		}
	}
}

func TestDecodeRegistry(t *testing.T) {
	t.Parallel()
	got, err := decode[wireCommand](t, sample(t, "edr/command_registry.json")).key("op")
	if err != nil {
		t.Fatal(err)
	}
	want := RegistryKey{Keys: []string{"Run", "RunOnce"}, Values: []RegistryValue{
		{Type: RegistrySZ, Text: "default"},
		{Name: "Enabled", Type: RegistryDWORD, Text: "1", Number: 1},
		{Name: "Servers", Type: RegistryMultiSZ, Text: "a,b", Items: []string{"a", "b"}},
		{Name: "Stamp", Type: RegistryQWORD, Text: "133600123456789012", Number: 133600123456789012},
		{Name: "Link", Type: "REG_LINK", Text: "x"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("key mismatch (-want +got):\n%s", diff)
	}
	old, err := decode[wireCommand](t, sample(t, "edr/command_registry_v3.json")).Value.is.value()
	if diff := cmp.Diff(RegistryValue{Name: "Servers", Type: RegistryMultiSZ, Text: "a,1,b", Items: []string{"a,1", "b"}}, old); err != nil || diff != "" {
		t.Errorf("value: %v, mismatch (-want +got):\n%s", err, diff)
	}
}

// TestRegistryValuesThatCannotBeRead keeps a value that is not what its type says from passing for zero.
func TestRegistryValuesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const some = `{"sub_keys":["a"],"values":[{"registry_name":"x","registry_type":"pbREG_DWORD","registry_data":"many"},
		{"registry_name":"y","registry_type":"pbREG_DWORD","registry_data":"7"},{"registry_name":"z","registry_data":"7"}]}`
	got, err := decode[wireCommand](t, []byte(some)).key("op")
	want := RegistryKey{Keys: []string{"a"}, Values: []RegistryValue{{Name: "y", Type: RegistryDWORD, Text: "7", Number: 7}}}
	if diff := cmp.Diff(want, got); err == nil || diff != "" {
		t.Errorf("key: %v, mismatch (-want +got):\n%s", err, diff)
	}
	if _, ok := errors.AsType[*APIError](err); !ok {
		t.Errorf("error = %v, want an APIError", err)
	}
}

func TestRegistryNumbers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		kind RegistryType
		want uint64
		ok   bool
	}{
		{"0", RegistryDWORD, 0, true},
		{"4294967295", RegistryDWORD, 1<<32 - 1, true},
		{"-1", RegistryDWORD, 1<<32 - 1, true},
		{"-1", RegistryQWORD, 1<<64 - 1, true},
		{"0x10", RegistryDWORD, 16, true},
		{" 7 ", RegistryQWORD, 7, true},
		{"18446744073709551615", RegistryQWORD, 1<<64 - 1, true},
		{"4294967296", RegistryDWORD, 0, false},
		{"-2147483649", RegistryDWORD, 0, false},
		{"", RegistryDWORD, 0, false},
		{"0x", RegistryDWORD, 0, false},
		{"1.5", RegistryQWORD, 0, false},
		{"one", RegistryQWORD, 0, false},
	} {
		if got, ok := registryNumber(tt.text, tt.kind); got != tt.want || ok != tt.ok {
			t.Errorf("registryNumber(%q, %s) = %d, %t, want %d, %t", tt.text, tt.kind, got, ok, tt.want, tt.ok)
		}
	}
}

func TestDecodeStartedProcess(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"command_process.json", "command_process_v3.json"} {
		w := decode[wireCommand](t, sample(t, "edr/"+file))
		if got, want := w.started(), (ProcessResult{PID: 4711, ExitCode: 3}); got != want {
			t.Errorf("%s: process %+v, want %+v", file, got, want)
		}
		info, err := w.info("op")
		if err != nil || info.ID != 6 || info.Object != "cmd.exe /c ver" || info.Created.IsZero() || !info.Finished.After(info.Created) {
			t.Errorf("%s: command %+v, %v", file, info, err)
		}
	}
}

func TestDecodeTransfers(t *testing.T) {
	t.Parallel()
	wire, err := decodeList[wireTransfer]("op", sample(t, "edr/transfers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got []Transfer
	for _, w := range wire {
		one, err := w.transfer("op")
		if err != nil {
			t.Error(err)
		}
		got = append(got, one)
	}
	want := []Transfer{
		{ID: "7c3d9a52-8f11-4b2e-9d1f-0e6a5b4c3d21", Name: "tool.exe", Size: 1024, Uploaded: 512},
		{ID: "0b6f2c1e-55aa-4f0e-8c7d-9a8b7c6d5e4f", Name: "x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("transfers mismatch (-want +got):\n%s", diff)
	}
	if _, err := (wireTransfer{Name: "x"}).transfer("op"); err == nil {
		t.Error("a file without an id is taken for one")
	}
}

func TestDevicePaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct{ base, parent string }{
		`C:\a\b.txt`: {"b.txt", `C:\a`}, `C:\a`: {"a", `C:\`}, `C:\a\`: {"a", `C:\`}, `C:\`: {"", ""}, `C:`: {"", ""},
		`C:/a/b`: {"b", "C:/a"}, `\\server\share\x`: {"x", `\\server\share`}, `\\server\share`: {"share", ""}, `\\server\share\x\y`: {"y", `\\server\share\x`},
		"/a/b": {"b", "/a"}, "/a": {"a", "/"}, "/": {"/", ""}, `/a\b/c`: {"c", `/a\b`},
	} {
		if got := base(path); got != want.base {
			t.Errorf("base(%s) = %q, want %q", path, got, want.base)
		}
		if got, ok := parent(path); ok != (want.parent != "") || ok && got != want.parent {
			t.Errorf("parent(%s) = %q, want %q", path, got, want.parent)
		}
	}
	for dir, want := range map[string]string{`C:\a`: `C:\a\x`, `C:\`: `C:\x`, "C:/a/": "C:/a/x", "/": "/x", "/a": "/a/x", `/a\`: `/a\/x`} {
		if got := join(dir, "x"); got != want {
			t.Errorf("join(%s, x) = %q, want %q", dir, got, want)
		}
	}
	for dir, want := range map[string]string{`C:\Windows\system32`: `C:\Windows\Temp`, `D:\WINNT\System32`: `D:\WINNT\Temp`, "": `C:\Windows\Temp`, `C:\`: `C:\Windows\Temp`} {
		if got := windowsTemp(dir); got != want {
			t.Errorf("windowsTemp(%s) = %s, want %s", dir, got, want)
		}
	}
}

func TestWin32Codes(t *testing.T) {
	t.Parallel()
	for code, want := range map[uint32]uint16{0x80070002: 2, 0x800700B7: 183, 0x80004005: 0, 2: 0, 0: 0} {
		got, ok := (&CommandError{Code: code}).Win32()
		if ok != (want != 0) || ok && got != want {
			t.Errorf("Win32 of %#x = %d, %t, want %d", code, got, ok, want)
		}
	}
}

func FuzzResults(f *testing.F) {
	for _, name := range []string{
		"command_directory.json", "command_registry.json", "command_registry_v3.json", "command_process.json", "command_process_v3.json", "command_get_file.json",
	} {
		f.Add(sample(f, "edr/"+name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var w wireCommand
		if decodeValue("op", jsontext.Value(data), &w) != nil {
			return
		}
		if files, err := w.listing("/"); err == nil {
			for _, file := range files {
				if p := join("/dir", file.Name); file.Size < 0 || base(p) != file.Name || file.Name == ".." {
					t.Errorf("%s has the file %+v", data, file)
				}
			}
		}
		key, _ := w.key("op")
		for _, v := range append(key.Values, first(w.Value.is.value())) {
			if v.Type == RegistryDWORD && v.Number > 1<<32-1 {
				t.Errorf("%s has the value %+v", data, v)
			}
		}
		_ = w.started()
		if info, err := w.info("op"); err == nil && info.ID < 0 {
			t.Errorf("%s has the id %d", data, info.ID)
		}
	})
}

func first[T any](v T, _ error) T { return v }

func FuzzTransfers(f *testing.F) {
	f.Add(sample(f, "edr/transfers.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		wire, err := decodeList[wireTransfer]("op", data)
		if err != nil {
			return
		}
		for _, w := range wire {
			if got, err := w.transfer("op"); err == nil && (got.ID == "" || got.Size < 0 || got.Uploaded < 0) {
				t.Errorf("%s has the file %+v", data, got)
			}
		}
	})
}
