package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/audit"
)

// exampleLog is a log with two decisions.
func exampleLog(ctx context.Context, path string) audit.Head {
	log, err := audit.Open(path)
	if err != nil {
		panic(err)
	}
	defer func() { _ = log.Close() }()
	at := time.Date(2026, time.March, 5, 9, 30, 0, 0, time.UTC)
	err = log.Append(ctx,
		audit.Entry{
			Time: at, Run: "r-1", Key: "isolate/device/4571602", Status: hunt.Done, Evidence: "executed",
			Requests: []hunt.Request{{Op: "devices.quarantine", Status: 204, ID: "fake-1"}},
		},
		audit.Entry{Time: at, Run: "r-1", Key: "isolate/device/4571777", Status: hunt.Held, Detail: "DC-01 is protected by its name"},
	)
	if err != nil {
		panic(err)
	}
	return log.Head()
}

func Example() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "audit.jsonl")
	ctx := context.Background()
	head := exampleLog(ctx, path)

	text, err := os.ReadFile(path)
	fmt.Printf("%s%v\n", text, err)
	summary, err := audit.VerifyFile(ctx, path, head)
	fmt.Println(summary.Entries, summary.Decisions, err)
	// Output:
	// {"seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","time":"2026-03-05T09:30:00Z","run":"r-1","event":"decision","key":"isolate/device/4571602","status":"done","evidence":"executed","requests":[{"op":"devices.quarantine","status":204,"id":"fake-1"}],"request_count":1,"hash":"d4076f44a1e78e1e9de4aea395c010f53721b05a2731e437a1c709a1bb7205c6"}
	// {"seq":2,"prev":"d4076f44a1e78e1e9de4aea395c010f53721b05a2731e437a1c709a1bb7205c6","time":"2026-03-05T09:30:00Z","run":"r-1","event":"decision","key":"isolate/device/4571777","status":"held","detail":"DC-01 is protected by its name","hash":"a2ce5ea7bf25f03d23ab3f673d6accbe6655701ba4e44f5e8ca734eb700872ba"}
	// <nil>
	// 2 map[done:1 held:1] <nil>
}

func ExampleVerify() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "audit.jsonl")
	head := exampleLog(context.Background(), path)
	text, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
		return
	}

	// Somebody makes a decision look different.
	_, err = audit.Verify(bytes.NewReader(bytes.Replace(text, []byte(`"held"`), []byte(`"done"`), 1)))
	fmt.Println(err)
	// Somebody takes the last one away. The chain does not show it, the head that was noted does.
	first := text[:bytes.IndexByte(text, '\n')+1]
	_, err = audit.Verify(bytes.NewReader(first))
	fmt.Println(err)
	_, err = audit.Verify(bytes.NewReader(first), head)
	broken, ok := errors.AsType[*audit.BreakError](err)
	fmt.Println(ok && broken.Kind == audit.KindMissing, err)
	// Output:
	// audit: line 2 (byte 374): altered: the line is not what its hash was made of
	// <nil>
	// true audit: line 2 (byte 374): missing: the log ends with entry 1, and entry 2 was noted
}
