package cbc_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
	"github.com/pphunt/pphunt/internal/fake"
)

const ubsOp = "/ubs/v1/orgs/{org_key}/sha256/{sha256}"

func store() cbctest.World {
	return cbctest.World{
		Devices:   []cbctest.Device{{ID: 7, Name: "LAB-7"}, {ID: 8, Name: "LAB-8"}},
		Processes: []cbctest.Process{{DeviceID: 7, Name: `c:\temp\a.exe`, Hashes: []string{evil}}, {DeviceID: 8, Name: `c:\temp\b.exe`, Hashes: []string{evil}}},
		Binaries: []cbctest.Binary{{
			SHA256: evil, MD5: strings.Repeat("0f", 16), Size: 184320, Architecture: []string{"x86"}, Data: []byte("MZ evil"),
			Signatures: []cbctest.BinarySignature{{SignedBy: "Example Tools Ltd", CertificateAuthority: "Example CA"}},
			Extra:      map[string]any{"company_name": "Example Tools Ltd", "lang_id": 1033, "comments": nil},
		}},
	}
}

func TestBinary(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(store()).Client()).Binaries
	want := cbc.Binary{
		SHA256: hash(t, evil), MD5: [16]byte(bytes.Repeat([]byte{0x0f}, 16)), Architectures: []string{"x86"}, OS: "WINDOWS", Size: 184320, Available: true,
		CompanyName: "Example Tools Ltd", LanguageID: 1033,
	}
	got, err := client.Get(t.Context(), hash(t, evil))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(cbc.Binary{}, "AvailableSize")); diff != "" || err != nil {
		t.Errorf("Get: %v, mismatch (-want +got):\n%s", err, diff)
	}
	devices, err := client.Devices(t.Context(), hash(t, evil))
	if err != nil || devices.Devices != 2 || devices.First.DeviceID == 0 || devices.Last.DeviceName == "" {
		t.Errorf("Devices = %+v, %v, want two", devices, err)
	}
	paths, err := client.Paths(t.Context(), hash(t, evil), 1)
	if err != nil || len(paths.Paths) != 1 || paths.Total != 2 || !strings.HasPrefix(paths.Paths[0].Path, `c:\temp\`) {
		t.Errorf("Paths = %+v, %v, want one of two", paths, err)
	}
	signatures, err := client.Signatures(t.Context(), hash(t, evil), 0)
	if err != nil || len(signatures) != 1 || signatures[0].SignedBy != "Example Tools Ltd" || signatures[0].CertificateAuthority != "Example CA" {
		t.Errorf("Signatures = %+v, %v", signatures, err)
	}
	_, get := client.Get(t.Context(), [32]byte{9})
	_, dev := client.Devices(t.Context(), [32]byte{9})
	_, pth := client.Paths(t.Context(), [32]byte{9}, 0)
	_, sig := client.Signatures(t.Context(), [32]byte{9}, 0)
	for call, err := range map[string]error{"Get": get, "Devices": dev, "Paths": pth, "Signatures": sig} {
		if !errors.Is(err, cbc.ErrNotFound) {
			t.Errorf("%s of a program that nobody saw = %v, want ErrNotFound", call, err)
		}
	}
	for _, rows := range []int{-1, 101} {
		if _, err := client.Paths(t.Context(), hash(t, evil), rows); err == nil {
			t.Errorf("%d rows were accepted", rows)
		}
	}
}

func TestABinaryOfAnotherHashIsRefused(t *testing.T) {
	t.Parallel()
	upper := strings.ToUpper(evil)
	client, _ := scripted(t, map[string][]string{
		"GET " + ubsOp + "/metadata":          {`{"sha256":"` + upper + `","md5":null}`, `{"sha256":"` + strings.Repeat("00", 32) + `"}`, `{}`},
		"GET " + ubsOp + "/summary/signature": {`{"sha256":"` + upper + `","signatures":[{"count":"3","signed_by":null}],"other":[1]}`},
	})
	if got, err := client.Binaries.Get(t.Context(), hash(t, evil)); err != nil || got.SHA256 != hash(t, evil) {
		t.Errorf("Get with an answer in capitals = %+v, %v", got, err)
	}
	for range 2 {
		if got, err := client.Binaries.Get(t.Context(), hash(t, evil)); err == nil {
			t.Errorf("an answer about another hash was taken: %+v", got)
		}
	}
	if got, err := client.Binaries.Signatures(t.Context(), hash(t, evil), 5); err != nil || len(got) != 1 || got[0].Count != 3 || got[0].SignedBy != "" {
		t.Errorf("Signatures = %+v, %v, want one of nobody", got, err)
	}
}

func TestAFileIsFetchedWithoutCredentials(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(store())
	client := connect(t, srv.Client()).Binaries
	links, err := client.Links(t.Context(), time.Minute, hash(t, evil), hash(t, evil), [32]byte{9})
	if err != nil || len(links.Links) != 1 || !cmp.Equal(links.Missing, [][32]byte{{9}}) || links.Failed != nil {
		t.Fatalf("Links = %+v, %v, want one link and one missing", links, err)
	}
	if text := fmt.Sprintf("%v %+v %#v", links, links, links); strings.Contains(text, "://") {
		t.Error("printing a link shows its address")
	}
	body, err := client.Open(t.Context(), links.Links[0]) // the store refuses whoever shows it the token
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	member, err := archive.Open("filedata")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(member); string(got) != "MZ evil" || err != nil {
		t.Errorf("the file is %q, %v", got, err)
	}
	if _, err := client.Open(t.Context(), cbc.FileLink{}); err == nil {
		t.Error("an empty link was opened")
	}
}

func TestLinksAreAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := strings.Repeat("01", 32)
		stuck := strings.Repeat("02", 32)
		client, srv := scripted(t, map[string][]string{"POST /ubs/v1/orgs/{org_key}/file/_download": {
			`{"found":[],"not_found":[],"error":["` + strings.ToUpper(h) + `","` + stuck + `"]}`,
			`{"found":[{"sha256":"` + strings.ToUpper(h) + `","url":"https://store.example/1"}],"error":["` + stuck + `"]}`,
			`{"found":null}`,
		}})
		links, err := client.Binaries.Links(t.Context(), 0, hash(t, h), hash(t, stuck))
		if err != nil || len(links.Links) != 1 || links.Links[0].URL() != "https://store.example/1" || !cmp.Equal(links.Failed, [][32]byte{hash(t, stuck)}) || len(srv.Requests()) != 5 {
			t.Errorf("Links = %+v, %v after %d calls, want a link and a failure after 5", links, err, len(srv.Requests()))
		}
	})
}

func TestLinksComeAHundredAtATime(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(store())
	hashes := make([][32]byte, 250)
	for i := range hashes {
		hashes[i] = [32]byte{1, byte(i)}
	}
	links, err := connect(t, srv.Client()).Binaries.Links(t.Context(), 0, hashes...)
	if err != nil || len(links.Missing) != 250 || len(srv.Requests()) != 3 {
		t.Errorf("Links of 250 hashes: %d missing in %d calls, %v; want 250 in 3", len(links.Missing), len(srv.Requests()), err)
	}
	if _, err := connect(t, srv.Client()).Binaries.Links(t.Context(), time.Millisecond, hashes...); err == nil || len(srv.Requests()) != 3 {
		t.Error("links that are dead at once were asked for")
	}
}

func TestTheAddressOfAFileGetsIntoNoError(t *testing.T) {
	t.Parallel()
	srv := fake.New(fake.Config{Name: "store", URL: cbctest.URL})
	srv.Handle("POST /ubs/v1/orgs/{org_key}/file/_download", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"found":[{"sha256":"`+evil+`","url":"http://store.example/x?signature=S3CR3T"}]}`)
	})
	client := connect(t, srv.Client()).Binaries
	links, err := client.Links(t.Context(), 0, hash(t, evil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Open(t.Context(), links.Links[0]); err == nil || strings.Contains(err.Error(), "S3CR3T") {
		t.Errorf("Open without https = %v, want an error without the address", err)
	}
}

func TestLinksThatCannotBeReadGetIntoNoError(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{"POST /ubs/v1/orgs/{org_key}/file/_download": {
		`{"found":[{"sha256":"` + evil + `","url":"https://store.example/x?signature=S3CR3T"}],"found":[]}`, `{"found":[{"url":"https://store.example/x?signature=S3CR3T`,
	}})
	for range 2 {
		_, err := client.Binaries.Links(t.Context(), 0, hash(t, evil))
		e, ok := errors.AsType[*cbc.APIError](err)
		if !ok || strings.Contains(fmt.Sprintf("%v %s", err, e.Body), "S3CR3T") {
			t.Errorf("Links = %v, want an APIError without the link", err)
		}
	}
}
