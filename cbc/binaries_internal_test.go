package cbc

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestDecodeBinaries(t *testing.T) {
	t.Parallel()
	hash, _ := parseSHA256("b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c")
	md5 := [16]byte{0x0f, 0x34, 0x3b, 0x09, 0x31, 0x12, 0x6a, 0x20, 0xf1, 0x33, 0xd6, 0x7c, 0x2b, 0x01, 0x8a, 0x3b}
	want := Binary{
		SHA256: hash, MD5: md5, Architectures: []string{"x86"}, OS: "WINDOWS", Size: 184320, Available: true, AvailableSize: 184320,
		OriginalFilename: "invview.exe", FileDescription: "Invoice viewer", FileVersion: "1.0.0.4", ProductName: "Invoice Viewer",
		ProductVersion: "1.0", CompanyName: "Example Tools Ltd", LanguageID: 1033,
	}
	if diff := cmp.Diff(want, decode[wireBinary](t, sample(t, "ubs/metadata.json")).binary(hash)); diff != "" {
		t.Errorf("metadata mismatch (-want +got):\n%s", diff)
	}
	seen := time.Date(2025, 2, 10, 19, 2, 11, 100200000, time.UTC)
	devices := BinaryDevices{
		Devices: 2, First: BinarySighting{seen, 4571602, `CORP\LAP-0417`}, Last: BinarySighting{time.Date(2025, 2, 11, 8, 15, 30, 0, time.UTC), 4571777, ""},
	}
	if diff := cmp.Diff(devices, decode[wireBinaryDevices](t, sample(t, "ubs/device.json")).devices()); diff != "" {
		t.Errorf("devices mismatch (-want +got):\n%s", diff)
	}
	paths := BinaryPaths{Total: 40, Paths: []BinaryPath{{`c:\users\pat\downloads\invview.exe`, 3, seen}}}
	if diff := cmp.Diff(paths, decode[wireBinaryPaths](t, sample(t, "ubs/file_path.json")).paths()); diff != "" {
		t.Errorf("paths mismatch (-want +got):\n%s", diff)
	}
	signatures, err := decode[signatureSummary](t, sample(t, "ubs/signature.json")).signatures("op")
	if err != nil || len(signatures) != 2 || signatures[0].CertificateAuthority != "Example CA" || signatures[1].SignedBy != "" || signatures[1].Count != 1 {
		t.Errorf("signatures = %+v, %v", signatures, err)
	}
	third, _ := parseSHA256("cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc")
	var links FileLinks
	failed := decode[wireFileLinks](t, sample(t, "ubs/download.json")).sort([][32]byte{hash, third, {1}}, &links)
	if len(links.Links) != 1 || links.Links[0].SHA256 != hash || !cmp.Equal(links.Missing, [][32]byte{third}) || !cmp.Equal(failed, [][32]byte{{1}}) {
		t.Errorf("links = %+v, failed %v", links, failed)
	}
}

func FuzzBinaries(f *testing.F) {
	for _, name := range []string{"metadata.json", "device.json", "file_path.json", "signature.json", "download.json"} {
		f.Add(sample(f, "ubs/"+name))
	}
	hash, _ := parseSHA256("b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c")
	f.Fuzz(func(t *testing.T, data []byte) {
		raw := jsontext.Value(data)
		if !raw.IsValid(jsontext.AllowInvalidUTF8(true)) {
			return
		}
		var binary wireBinary
		if decodeValue("op", raw, &binary) == nil && binary.binary(hash).SHA256 != hash {
			t.Errorf("%s changes the hash that was asked for", data)
		}
		var devices wireBinaryDevices
		if decodeValue("op", raw, &devices) == nil {
			_ = devices.devices()
		}
		var paths wireBinaryPaths
		if decodeValue("op", raw, &paths) == nil {
			if p := paths.paths(); p.Total < int64(len(p.Paths)) {
				t.Errorf("%s has more paths than there are", data)
			}
		}
		var signatures signatureSummary
		if decodeValue("op", raw, &signatures) == nil {
			_, _ = signatures.signatures("op")
		}
		var answer wireFileLinks
		if decodeValue("op", raw, &answer) == nil {
			asked := [][32]byte{hash, {1}}
			var links FileLinks
			failed := answer.sort(asked, &links)
			if len(links.Links)+len(links.Missing)+len(failed) != len(asked) {
				t.Errorf("%s: %d hashes became %d links, %d missing, %d failed", data, len(asked), len(links.Links), len(links.Missing), len(failed))
			}
		}
	})
}
