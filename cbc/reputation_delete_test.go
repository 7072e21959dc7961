package cbc_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

const opDeleteMany = "POST /appservices/v6/orgs/{org_key}/reputations/overrides/_delete"

func TestDeleteMany(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		switches cbctest.OverrideSwitches
		missing  bool // a missing one is told
	}{{"200 with the ids", cbctest.OverrideSwitches{}, true}, {"204", cbctest.OverrideSwitches{DeleteAnswers: true}, false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := cbctest.New(cbctest.World{
				Switches:  cbctest.Switches{Overrides: tt.switches},
				Overrides: []cbctest.Override{{ID: "x1", SHA256: evil}, {ID: "x2", SHA256: other}, {ID: "x3", SHA256: third}},
			})
			client := connect(t, srv.Client())
			deleted, err := client.Reputation.DeleteMany(t.Context(), "x1", "none", "x3", "x1")
			if want := []cbc.OverrideID{"x1", "x3"}; tt.missing && !slices.Equal(deleted, want) {
				t.Errorf("DeleteMany = %v, want %v", deleted, want)
			}
			failed, ok := errors.AsType[*cbc.OverridesError](err)
			if ok != tt.missing || ok && (!slices.Equal(failed.IDs, []cbc.OverrideID{"none"}) || err.Error() != "cbc: reputation.delete_many: override none: not deleted") {
				t.Errorf("DeleteMany = %v, want an error for the missing one: %v", err, tt.missing)
			}
			if left := srv.Overrides(); len(left) != 1 || left[0].ID != "x2" {
				t.Errorf("%+v are left, want x2", left)
			}
			if body, want := string(srv.Requests()[0].Body), `["x1","none","x3"]`; body != want {
				t.Errorf("sent %s, want %s", body, want)
			}
		})
	}
}

func TestDeleteManyReadsEveryFormOfError(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opDeleteMany: {platformSample(t, "overrides_deleted.json"), `{"results":["x1"],"errors":null}`, `{}`}})
	deleted, err := client.Reputation.DeleteMany(t.Context(), "x1", "x2", "x3", "x4", "x5")
	if !slices.Equal(deleted, []cbc.OverrideID{"x1"}) || !errors.Is(err, cbc.ErrNotFound) {
		t.Errorf("DeleteMany = %v, %v", deleted, err)
	}
	want := "cbc: reputation.delete_many: override x2: not deleted\n" +
		"cbc: reputation.delete_many: override x3: not deleted: no such override: not found\n" +
		"cbc: reputation.delete_many: override x4: not deleted\n" +
		"cbc: reputation.delete_many: override x5: 200 OK: not the documented answer: it does not say what became of it"
	if err == nil || err.Error() != want {
		t.Errorf("DeleteMany = %v, want %s", err, want)
	}
	if deleted, err := client.Reputation.DeleteMany(t.Context(), "x1"); len(deleted) != 1 || err != nil {
		t.Errorf("DeleteMany = %v, %v", deleted, err)
	}
	if deleted, err := client.Reputation.DeleteMany(t.Context(), "x1"); len(deleted) != 0 || err == nil {
		t.Errorf("DeleteMany = %v, %v, want an error for an answer that says nothing", deleted, err)
	}
}

func TestDeleteManyFailsByChunk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ids := make([]cbc.OverrideID, 1001)
		for i := range ids {
			ids[i] = cbc.OverrideID(fmt.Sprintf("x%d", i))
		}
		client, srv := scripted(t, map[string][]string{opDeleteMany: {`503 {}`, `{"results":["x1000"],"errors":[]}`}})
		deleted, err := client.Reputation.DeleteMany(t.Context(), ids...)
		failed, ok := errors.AsType[*cbc.OverridesError](err)
		if !slices.Equal(deleted, ids[1000:]) || !ok || len(failed.IDs) != 1000 || len(srv.Requests()) != 2 {
			t.Errorf("DeleteMany = %v, %v after %d calls, want the second chunk, and no repetition of the first", deleted, err, len(srv.Requests()))
		}
		if want := "cbc: reputation.delete_many: override x0, x1, x2 and 997 more: 503 Service Unavailable"; err == nil || err.Error() != want {
			t.Errorf("DeleteMany = %v, want %q", err, want)
		}
		if deleted, err := client.Reputation.DeleteMany(t.Context()); deleted != nil || err != nil {
			t.Errorf("DeleteMany of nothing = %v, %v", deleted, err)
		}
		if _, err := client.Reputation.DeleteMany(t.Context(), "x1", " "); err == nil || len(srv.Requests()) != 2 {
			t.Errorf("DeleteMany of an empty id = %v", err)
		}
	})
}

func TestOverrideConstructors(t *testing.T) {
	t.Parallel()
	client := connect(t, cbctest.New(cbctest.World{}).Client())
	tool := cbc.AllowTool(`C:\tools\**`, "deployment")
	tool.IncludeChildProcesses = true
	for _, override := range []cbc.Override{
		cbc.BanOf(hash(t, evil), "a.exe", "bad"), cbc.AllowOf(hash(t, other), "b.exe", "good"),
		cbc.AllowCertificate("Example Tools Ltd", "Example CA", "ours"), cbc.AllowCertificate("Example Tools Ltd", "", ""), tool,
	} {
		made, err := client.Reputation.Create(t.Context(), override)
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.Reputation.Get(t.Context(), made.ID)
		override.ID, override.CreatedBy, override.CreateTime = made.ID, cbctest.KeyID, made.CreateTime
		if diff := cmp.Diff(override, got); err != nil || diff != "" {
			t.Errorf("Get: %v (-want +got):\n%s", err, diff)
		}
	}
}

func TestOverridesThatCannotBe(t *testing.T) {
	t.Parallel()
	client, srv := scripted(t, map[string][]string{opCreate: {`{}`}})
	change := func(o cbc.Override, f func(*cbc.Override)) cbc.Override {
		f(&o)
		return o
	}
	ban, certificate, tool := cbc.BanOf(hash(t, evil), "", ""), cbc.AllowCertificate("Example", "", ""), cbc.AllowTool(`C:\a.exe`, "")
	for want, override := range map[string]cbc.Override{
		"SignedBy does not belong":              change(ban, func(o *cbc.Override) { o.SignedBy = "Example" }),
		"Path does not belong":                  change(ban, func(o *cbc.Override) { o.Path = "x" }),
		"IncludeChildProcesses does not belong": change(certificate, func(o *cbc.Override) { o.IncludeChildProcesses = true }),
		"Hash does not belong":                  change(certificate, func(o *cbc.Override) { o.Hash = evil }),
		"CertificateAuthority does not":         change(tool, func(o *cbc.Override) { o.CertificateAuthority = "x" }),
		"FileName does not belong":              change(tool, func(o *cbc.Override) { o.FileName = "x" }),
		"only a hash can be banned":             change(tool, func(o *cbc.Override) { o.List = cbc.Banned }),
		"nothing but wildcards":                 cbc.AllowTool(`**\*`, ""),
		"SignedBy is empty":                     cbc.AllowCertificate(" ", "", ""),
		"no SHA-256":                            cbc.AllowOf([32]byte{}, "", ""),
	} {
		if _, err := client.Reputation.Create(t.Context(), override); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Create(%+v) = %v, want %q", override, err, want)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

func TestOverridesSearchSorted(t *testing.T) {
	t.Parallel()
	srv := cbctest.New(cbctest.World{Overrides: []cbctest.Override{
		{ID: "x1", SHA256: evil, Filename: "b"}, {ID: "x2", SHA256: other, Filename: "c"}, {ID: "x3", SHA256: third, Filename: "a"},
	}})
	client := connect(t, srv.Client())
	var got []cbc.OverrideID
	for o, err := range client.Reputation.Search(t.Context(), cbc.OverrideQuery{Sort: "filename", Descending: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.ID)
	}
	if diff := cmp.Diff([]cbc.OverrideID{"x2", "x1", "x3"}, got); diff != "" {
		t.Errorf("Search mismatch (-want +got):\n%s", diff)
	}
	calls := len(srv.Requests())
	for want, query := range map[string]cbc.OverrideQuery{
		"no field name": {Sort: "a b"}, "no list": {List: "GREY_LIST"}, "no type": {Type: "MD5"}, "want 1 to 10000": {Rows: 10001},
	} {
		for o, err := range client.Reputation.Search(t.Context(), query) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Search(%+v) yields %+v, %v, want %q", query, o, err, want)
			}
		}
	}
	if n := len(srv.Requests()); n != calls {
		t.Errorf("%d calls, want none", n-calls)
	}
}

func TestOverrideSamples(t *testing.T) {
	t.Parallel()
	client, _ := scripted(t, map[string][]string{opOverrides: {platformSample(t, "overrides.json")}, opOverride: {`{"id":"x2"}`, `{}`}})
	certificate, tool := cbc.AllowCertificate("Example Tools Ltd", "Example CA", ""), cbc.AllowTool(`C:\tools\**`, "")
	at := time.Date(2025, 2, 11, 8, 21, 9, 114e6, time.UTC)
	certificate.ID, certificate.CreatedBy, certificate.CreateTime = "c0ffee12a35b11ef8d210242ac120002", "it@corp.example", at
	tool.ID, tool.CreateTime, tool.IncludeChildProcesses = "c0ffee12a35b11ef8d210242ac120003", at, true
	want := []cbc.Override{certificate, tool, {ID: "c0ffee12a35b11ef8d210242ac120004", List: "GREY_LIST", Type: cbc.ByHash, Hash: strings.ToUpper(evil)}}
	var got []cbc.Override
	for o, err := range client.Reputation.Search(t.Context(), cbc.OverrideQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Search mismatch (-want +got):\n%s", diff)
	}
	for range 2 {
		if o, err := client.Reputation.Get(t.Context(), "x1"); err == nil || o.ID != "" {
			t.Errorf("Get(x1) = %+v, %v, want an error for an answer about another", o, err)
		}
	}
}
