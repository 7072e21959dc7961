package cbc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// TestRegistry writes values of all types and reads them back, in both forms in which they are answered.
func TestRegistry(t *testing.T) {
	for name, documented := range map[string]bool{"as live data has it": false, "as documented": true} {
		t.Run(name, func(t *testing.T) {
			world := lab(func(w *cbctest.World, _ *cbctest.Device) { w.Switches.LiveResponse.DocumentedRegistry = documented })
			inBubble(t, world, func(t *testing.T, _ *cbctest.Server, client *cbc.Client) {
				s := open(t, client, cbc.OpenOptions{})
				const key = `HKLM\SOFTWARE\Demo`
				if err := s.CreateRegistryKey(t.Context(), key+`\Sub`); !errors.Is(err, cbc.ErrRegistryNotFound) || errors.Is(err, cbc.ErrFileNotFound) {
					t.Errorf("CreateRegistryKey without a parent = %v, want ErrRegistryNotFound", err)
				}
				for range 2 {
					if err := s.CreateRegistryKey(t.Context(), key); err != nil {
						t.Errorf("CreateRegistryKey: %v", err)
					}
				}
				if err := s.CreateRegistryKey(t.Context(), key+`\Sub`); err != nil {
					t.Errorf("CreateRegistryKey: %v", err)
				}
				want := []cbc.RegistryValue{
					{Type: cbc.RegistrySZ, Text: "default"},
					{Name: "Binary", Type: cbc.RegistryBinary, Text: "00ff"},
					{Name: "Big", Type: cbc.RegistryQWORD, Text: "18446744073709551615", Number: 1<<64 - 1},
					{Name: "Expand", Type: cbc.RegistryExpandSZ, Text: `%SystemRoot%\x`},
					{Name: "Multi", Type: cbc.RegistryMultiSZ, Text: "a,b", Items: []string{"a", "b"}},
					{Name: "Number", Type: cbc.RegistryDWORD, Text: "4294967295", Number: 1<<32 - 1},
					{Name: "Zero", Type: cbc.RegistryDWORD, Text: "0"},
				}
				for i, data := range []cbc.RegistryData{
					cbc.RegistryText("default"), cbc.RegistryRaw(cbc.RegistryBinary, "00ff"), cbc.RegistryLong(1<<64 - 1),
					cbc.RegistryExpand(`%SystemRoot%\x`), cbc.RegistryList("a", "b"), cbc.RegistryNumber(1<<32 - 1), cbc.RegistryNumber(0),
				} {
					if err := s.SetRegistryValue(t.Context(), key, want[i].Name, data); err != nil {
						t.Errorf("SetRegistryValue(%s): %v", want[i].Name, err)
					}
				}
				got, err := s.EnumRegistryKey(t.Context(), key+`\`)
				if diff := cmp.Diff(cbc.RegistryKey{Keys: []string{"Sub"}, Values: want}, got); err != nil || diff != "" {
					t.Errorf("EnumRegistryKey: %v, mismatch (-want +got):\n%s", err, diff)
				}
				for _, v := range want {
					if got, err := s.QueryRegistryValue(t.Context(), key, strings.ToLower(v.Name)); err != nil || !cmp.Equal(v, got) {
						t.Errorf("QueryRegistryValue(%s) = %+v, %v, want %+v", v.Name, got, err, v)
					}
				}
				if err := s.AddRegistryValue(t.Context(), key, "Zero", cbc.RegistryNumber(1)); !errors.Is(err, cbc.ErrExists) {
					t.Errorf("AddRegistryValue of one that is there = %v, want ErrExists", err)
				}
				if err := s.AddRegistryValue(t.Context(), key, "One", cbc.RegistryNumber(1)); err != nil {
					t.Errorf("AddRegistryValue: %v", err)
				}
				if err := s.SetRegistryValue(t.Context(), key, "One", cbc.RegistryText("eins")); err != nil {
					t.Errorf("SetRegistryValue: %v", err)
				}
				if got, err := s.QueryRegistryValue(t.Context(), key, "One"); err != nil || got.Text != "eins" || got.Type != cbc.RegistrySZ {
					t.Errorf("QueryRegistryValue(One) = %+v, %v", got, err)
				}
				if err := s.DeleteRegistryValue(t.Context(), key, "One"); err != nil {
					t.Errorf("DeleteRegistryValue: %v", err)
				}
				if err := s.DeleteRegistryKey(t.Context(), key); !errors.Is(err, cbc.ErrAccessDenied) {
					t.Errorf("DeleteRegistryKey with keys under it = %v, want ErrAccessDenied", err)
				}
				if err := errors.Join(s.DeleteRegistryKey(t.Context(), key+`\Sub`), s.DeleteRegistryKey(t.Context(), key)); err != nil {
					t.Errorf("DeleteRegistryKey: %v", err)
				}
				for op, err := range map[string]error{
					"EnumRegistryKey": second(s.EnumRegistryKey(t.Context(), key)), "QueryRegistryValue": second(s.QueryRegistryValue(t.Context(), key, "One")),
					"DeleteRegistryKey": s.DeleteRegistryKey(t.Context(), key), "DeleteRegistryValue": s.DeleteRegistryValue(t.Context(), key, "One"),
					"SetRegistryValue": s.SetRegistryValue(t.Context(), key, "One", cbc.RegistryNumber(1)),
				} {
					if !errors.Is(err, cbc.ErrRegistryNotFound) {
						t.Errorf("%s of what is not there = %v, want ErrRegistryNotFound", op, err)
					}
				}
			})
		})
	}
}

func TestRegistryArguments(t *testing.T) {
	inBubble(t, lab(nil), func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		for name, err := range map[string]error{
			"no key":           second(s.EnumRegistryKey(t.Context(), " ")),
			"no key but a \\":  s.DeleteRegistryValue(t.Context(), `\`, "x"),
			"a zero byte":      s.DeleteRegistryKey(t.Context(), "HKLM\\x\x00y"),
			"no data":          s.SetRegistryValue(t.Context(), `HKLM\SOFTWARE`, "x", cbc.RegistryData{}),
			"too much of it":   s.SetRegistryValue(t.Context(), `HKLM\SOFTWARE`, "x", cbc.RegistryText(strings.Repeat("x", 10_000))),
			"no UTF-8 in them": s.SetRegistryValue(t.Context(), `HKLM\SOFTWARE`, "x", cbc.RegistryText("\xff")),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if n := requests(srv, "POST", commandsOp); n != 0 {
			t.Errorf("%d commands were sent, want none", n)
		}
	})
}

// TestNoRegistryElsewhere refuses on this side what a sensor on Linux does not list.
func TestNoRegistryElsewhere(t *testing.T) {
	world := lab(func(_ *cbctest.World, d *cbctest.Device) { d.OS, d.Files, d.Running = "LINUX", nil, nil })
	inBubble(t, world, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		if slices.Contains(s.Info().SupportedCommands, "reg enum key") {
			t.Fatal("the sensor knows a registry")
		}
		if _, err := s.EnumRegistryKey(t.Context(), `HKLM\SOFTWARE`); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("EnumRegistryKey = %v, want ErrUnsupported", err)
		}
		if n := requests(srv, "POST", commandsOp); n != 0 {
			t.Errorf("%d commands were sent, want none", n)
		}
	})
}

// TestARegistryOfTheWorld looks for what makes a program start with its user, and removes it.
func TestARegistryOfTheWorld(t *testing.T) {
	const run = `HKCU\SOFTWARE\Microsoft\Windows\CurrentVersion\Run`
	world := lab(func(_ *cbctest.World, d *cbctest.Device) {
		d.Registry = []cbctest.RegistryValue{
			{Key: run, Name: "OneDrive", Type: "REG_SZ", Data: `C:\OneDrive.exe`},
			{Key: run, Name: "Invoice", Type: "REG_SZ", Data: invoice},
			{Key: `HKLM\SYSTEM\Demo`, Name: "Start", Type: "REG_DWORD", Data: "4"},
			{Key: `HKLM\SYSTEM\Empty`},
		}
	})
	if err := world.Check(); err != nil {
		t.Fatal(err)
	}
	inBubble(t, world, func(t *testing.T, srv *cbctest.Server, client *cbc.Client) {
		s := open(t, client, cbc.OpenOptions{})
		got, err := s.EnumRegistryKey(t.Context(), run)
		want := cbc.RegistryKey{Values: []cbc.RegistryValue{
			{Name: "OneDrive", Type: cbc.RegistrySZ, Text: `C:\OneDrive.exe`}, {Name: "Invoice", Type: cbc.RegistrySZ, Text: invoice},
		}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("EnumRegistryKey: %v, mismatch (-want +got):\n%s", err, diff)
		}
		if v, err := s.QueryRegistryValue(t.Context(), `HKLM\SYSTEM\Demo`, "Start"); err != nil || v.Number != 4 {
			t.Errorf("QueryRegistryValue = %+v, %v", v, err)
		}
		if err := s.DeleteRegistryValue(t.Context(), run, "Invoice"); err != nil {
			t.Errorf("DeleteRegistryValue: %v", err)
		}
		left := []cbctest.RegistryValue{
			{Key: run, Name: "OneDrive", Type: "REG_SZ", Data: `C:\OneDrive.exe`},
			{Key: `HKLM\SYSTEM\Demo`, Name: "Start", Type: "REG_DWORD", Data: "4"},
			{Key: `HKLM\SYSTEM\Empty`},
		}
		if diff := cmp.Diff(left, srv.Registry(7)); diff != "" {
			t.Errorf("the registry (-want +got):\n%s", diff)
		}
		if d, _ := srv.Device(7); !cmp.Equal(left, d.Registry) {
			t.Errorf("the device has the registry %+v", d.Registry)
		}
	})
}
