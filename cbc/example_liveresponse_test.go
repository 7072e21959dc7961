package cbc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/pphunt/pphunt/cbc"
	"github.com/pphunt/pphunt/cbc/cbctest"
)

// laptop is a session with a made-up machine whose programs all say "done".
func laptop(ctx context.Context) *cbc.Session {
	world := cbctest.World{Devices: []cbctest.Device{{ID: 7, Name: "LAB-7", Files: []cbctest.File{
		{Path: `C:\Users\kim\plan.txt`, Content: "plan"},
		{Path: `C:\Users\kim\Downloads\invoice.exe`, Content: "MZ"},
		{Path: `C:\Windows\Temp\setup.log`, Content: "ok"},
	}}}}
	world.Switches.LiveResponse.ProcessOutput = "done\r\n"
	session, err := newClient(world).LiveResponse.Open(ctx, 7, cbc.OpenOptions{})
	if err != nil {
		panic(err)
	}
	return session
}

// Put a tool on a device, run it and read what it says. Nothing stays: neither the upload nor the output.
func ExampleSession_RunOutput() {
	ctx := context.Background()
	session := laptop(ctx)
	defer session.Close(ctx)

	const tool = `C:\Windows\Temp\collect.exe`
	if err := session.PutFile(ctx, tool, strings.NewReader("MZ tool")); err != nil {
		fmt.Println(err)
		return
	}
	line, err := session.CommandLine(tool, "--user", `CORP\kim "the boss"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var out bytes.Buffer
	result, err := session.RunOutput(ctx, cbc.ProcessSpec{CommandLine: line}, &out)
	fmt.Println(line)
	fmt.Printf("exit code %d: %s %v\n", result.ExitCode, strings.TrimSpace(out.String()), err)
	fmt.Println("deleted:", session.DeleteFile(ctx, tool) == nil)
	// Output:
	// C:\Windows\Temp\collect.exe --user "CORP\kim \"the boss\""
	// exit code 0: done <nil>
	// deleted: true
}

// Go through the files of a user. Directories that cannot be listed do not end the walk.
func ExampleSession_Walk() {
	ctx := context.Background()
	session := laptop(ctx)
	defer session.Close(ctx)

	for entry, err := range session.Walk(ctx, `C:\Users`, cbc.WalkOptions{MaxDepth: 5}) {
		if err != nil {
			fmt.Println("not listed:", entry.Path, err)
			continue
		}
		if !entry.IsDir() {
			fmt.Println(entry.Path, entry.Size)
		}
	}
	// Output:
	// C:\Users\kim\Downloads\invoice.exe 2
	// C:\Users\kim\plan.txt 4
}

// List what fits a pattern.
func ExampleSession_ListDirectory() {
	ctx := context.Background()
	session := laptop(ctx)
	defer session.Close(ctx)

	files, err := session.ListDirectory(ctx, `C:\Users\kim\Downloads\*.exe`)
	for _, f := range files {
		fmt.Println(f.Name, f.Size, err)
	}
	// Output: invoice.exe 2 <nil>
}

// Look at the head of a file without fetching all of it.
func ExampleSession_GetFilePart() {
	ctx := context.Background()
	session := laptop(ctx)
	defer session.Close(ctx)

	part, err := session.GetFilePart(ctx, `C:\Users\kim\plan.txt`, 0, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer part.Close()
	head, err := io.ReadAll(part)
	fmt.Printf("%s %v\n", head, err)
	// Output: pl <nil>
}

// Write a value, read it back with its type, and take it away.
func ExampleSession_SetRegistryValue() {
	ctx := context.Background()
	session := laptop(ctx)
	defer session.Close(ctx)

	const key = `HKLM\SOFTWARE\Demo`
	err := errors.Join(
		session.CreateRegistryKey(ctx, key),
		session.SetRegistryValue(ctx, key, "Enabled", cbc.RegistryNumber(1)),
		session.SetRegistryValue(ctx, key, "Servers", cbc.RegistryList("a", "b")),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := session.EnumRegistryKey(ctx, key)
	for _, v := range found.Values {
		fmt.Println(v.Name, v.Type, v.Number, v.Items, err)
	}
	fmt.Println(session.DeleteRegistryValue(ctx, key, "Enabled"))
	_, err = session.QueryRegistryValue(ctx, key, "Enabled")
	fmt.Println("gone:", errors.Is(err, cbc.ErrRegistryNotFound))
	// Output:
	// Enabled REG_DWORD 1 [] <nil>
	// Servers REG_MULTI_SZ 0 [a b] <nil>
	// <nil>
	// gone: true
}

// Keep a copy of the memory. It is streamed; the device keeps nothing.
func ExampleSession_MemoryDump() {
	ctx := context.Background()
	session := laptop(ctx)
	defer session.Close(ctx)

	dump, err := session.MemoryDump(ctx, cbc.MemoryOptions{Compress: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dump.Close()
	n, err := io.Copy(io.Discard, dump)
	fmt.Println(n, err)
	// Output: 8 <nil>
}

// Upload once, put twice, and delete the vendor's copy.
func ExampleSession_Upload() {
	ctx := context.Background()
	session := laptop(ctx)
	defer session.Close(ctx)

	tool, err := session.Upload(ctx, "tool.exe", strings.NewReader("MZ tool"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{`C:\Windows\Temp\a.exe`, `C:\Windows\Temp\b.exe`} {
		fmt.Println(session.PutTransfer(ctx, path, tool.ID))
	}
	held, err := session.Transfers(ctx)
	fmt.Println(len(held), err)
	again, err := session.Transfer(ctx, tool.ID)
	fmt.Println(again.Name, err)
	fmt.Println(tool.Size, session.DeleteTransfer(ctx, tool.ID))

	commands, err := session.Commands(ctx)
	fmt.Println(len(commands), commands[0].Name, err)
	// Output:
	// <nil>
	// <nil>
	// 1 <nil>
	// tool.exe <nil>
	// 7 <nil>
	// 2 put file <nil>
}

// Arguments from elsewhere become arguments, whatever is in them.
func ExampleWindowsCommandLine() {
	line, err := cbc.WindowsCommandLine(`C:\Program Files\Tool\tool.exe`, "--name", `a" & calc "b`)
	fmt.Println(line, err)
	_, err = cbc.WindowsCommandLine(`C:\run.bat`, "x")
	fmt.Println(err != nil)
	// Output:
	// "C:\Program Files\Tool\tool.exe" --name "a\" & calc \"b" <nil>
	// true
}

// The same for a POSIX shell.
func ExamplePOSIXCommandLine() {
	line, err := cbc.POSIXCommandLine("/bin/ls", "-l", "/tmp/it's $(id)")
	fmt.Println(line, err)
	// Output: /bin/ls -l '/tmp/it'\''s $(id)' <nil>
}

// Do something on many devices, on ten at once. The errors name their devices.
func ExampleSessionPool_Each() {
	ctx := context.Background()
	world := cbctest.World{}
	for id := range int64(3) {
		world.Devices = append(world.Devices, cbctest.Device{ID: id + 1, Name: "LAB", Files: []cbctest.File{{Path: `C:\evil.exe`}}})
	}
	pool, err := newClient(world).LiveResponse.Pool(cbc.PoolConfig{Sessions: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close(ctx)

	var deleted atomic.Int64
	err = pool.Each(ctx, []cbc.DeviceID{1, 2, 3, 4711}, func(ctx context.Context, s *cbc.Session) error {
		err := s.DeleteFile(ctx, `C:\evil.exe`)
		if err == nil {
			deleted.Add(1)
		}
		return err
	})
	fmt.Println(deleted.Load(), errors.Is(err, cbc.ErrNotFound))
	// Output: 3 true
}

// Share the session of a device between the jobs of a program. What is given back stays open for a minute.
func ExampleLiveResponse_Pool() {
	ctx, client := context.Background(), exampleClient()
	pool, err := client.LiveResponse.Pool(cbc.PoolConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close(ctx)

	var ids []cbc.SessionID
	for range 2 {
		session, err := pool.Open(ctx, 7, cbc.OpenOptions{})
		if err != nil {
			fmt.Println(err)
			return
		}
		ids = append(ids, session.ID)
		session.Close(ctx)
	}
	fmt.Println(ids[0] == ids[1])
	// Output: true
}
