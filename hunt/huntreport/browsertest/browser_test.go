package browsertest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/huntreport"
)

// payloads are names that run a script wherever they are not escaped for the place in which they stand.
func payloads() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)' autofocus onfocus='alert(1)`,
		`</style><script>alert(1)</script>`, `</title><svg onload=alert(1)>`, `<iframe srcdoc="<script>parent.alert(1)</script>">`,
		`{{.Run}}<details open ontoggle=alert(1)>`, `<base href="http://127.0.0.1:9/"><link rel=stylesheet href=x>`,
		`<meta http-equiv=refresh content="0;url=javascript:alert(1)">`, strings.Repeat("W", 500),
	}
}

// hostile is a report with a payload in every string that somebody else chooses.
func hostile() *hunt.Report {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	r := &hunt.Report{Run: "20260302T100000Z-abcdefgh", Begun: now, Ended: now, LeftAloneTotal: map[string]int{}}
	for i, p := range payloads() {
		hash := hunt.SHA256{0: byte(i + 1)}
		ind := hunt.Indicator{
			SHA256: hash, Threat: hunt.Threat{ID: p, Status: p, Classification: p, URL: "https://" + p, Comment: p},
			Mails: []hunt.Mail{{ID: p, Subject: p, Sender: p, Recipients: []string{p, "ann@example.com"}, FileName: p, Delivered: true}},
		}
		seen := hunt.Sighting{
			SHA256: hash, Evidence: hunt.Executed, Process: hunt.Process{GUID: p, Path: p, User: p, CommandLine: p}, Device: hunt.Device{ID: int64(i), Name: p},
		}
		task := hunt.Task{
			Action: "isolate", Scope: hunt.ScopeDevice, Target: p, Indicators: []hunt.Indicator{ind}, Sightings: []hunt.Sighting{seen},
		}
		r.Indicators, r.Sightings = append(r.Indicators, ind), append(r.Sightings, seen)
		for _, status := range []hunt.Status{hunt.Held, hunt.Failed, hunt.Done, hunt.Planned, hunt.Undone, hunt.Already} {
			r.Outcomes = append(r.Outcomes, hunt.Outcome{Task: task, Status: status, Detail: p})
		}
		record := hunt.Record{Task: task, Status: hunt.Held, Detail: p}
		r.Open = append(r.Open, record)
		r.Turned = append(r.Turned, hunt.Turned{SHA256: hash, Records: []hunt.Record{record}})
		r.Problems = append(r.Problems, hunt.Problem{Stage: "search", Err: fmt.Errorf("no answer about %s", p)})
		r.LeftAlone = append(r.LeftAlone, hunt.LeftAlone{Subject: p, File: p, Reason: p})
		r.LeftAloneTotal[p] = 1
	}
	return r
}

// browser is a tab, and what a page did in it.
type browser struct {
	ctx     context.Context
	mu      sync.Mutex
	alerts  int
	loaded  []string
	console []string
}

// open starts a browser, and skips the test where there is none, unless PPHUNT_BROWSER says which it is.
func open(t *testing.T) *browser {
	t.Helper()
	path := os.Getenv("PPHUNT_BROWSER")
	if path == "" {
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
			if found, err := exec.LookPath(name); err == nil {
				path = found
				break
			}
		}
	}
	if path == "" {
		t.Skip("there is no Chromium on this machine")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx}
	err := chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *page.EventJavascriptDialogOpening:
			b.alerts++
			go func() {
				_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			}()
		case *network.EventRequestWillBeSent:
			b.loaded = append(b.loaded, e.Request.URL)
		case *runtime.EventExceptionThrown:
			b.console = append(b.console, e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// load opens a page of its own.
func (b *browser) load(t *testing.T, html string) context.Context {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(html), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	t.Cleanup(cancel)
	call(t, ctx, network.Enable, network.EnableParams{})
	if err := chromedp.Do(ctx, chromedp.Navigate("file://"+path), chromedp.WaitReady("body")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func call[P, R any](t *testing.T, ctx context.Context, command cdp.Command[P, R], params P) R {
	t.Helper()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// value is what an expression is in the page.
func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func written(t *testing.T) string {
	t.Helper()
	var html bytes.Buffer
	if err := huntreport.Write(&html, huntreport.HTML, hostile(), huntreport.Options{Title: payloads()[1], Advice: payloads()[0]}); err != nil {
		t.Fatal(err)
	}
	return html.String()
}

func TestNothingOfAStrangerRuns(t *testing.T) {
	b := open(t)
	ctx := b.load(t, written(t))
	scripts := value[int](t, ctx, `document.scripts.length`)
	handlers := value[int](t, ctx, `[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length`)
	frames := value[int](t, ctx, `document.querySelectorAll('iframe, img, svg, object, embed, link, base, form, input').length`)
	text := value[string](t, ctx, `document.body.innerText`)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alerts+scripts+handlers+frames > 0 || len(b.loaded) != 1 || len(b.console) > 0 {
		t.Errorf("%d scripts ran, %d scripts, %d handlers and %d foreign elements are in the page, it loaded %q and threw %q",
			b.alerts, scripts, handlers, frames, b.loaded, b.console)
	}
	for _, p := range payloads() {
		if !strings.Contains(text, p) {
			t.Errorf("the page does not show %q as it is", p)
		}
	}
}

// The test above must be able to fail: an unescaped name runs, and loads.
func TestAnUnescapedNameIsNoticed(t *testing.T) {
	b := open(t)
	b.load(t, "<!DOCTYPE html><body>"+payloads()[0]+payloads()[1]+"</body>")
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alerts == 0 || len(b.loaded) < 2 {
		t.Errorf("%d scripts ran and %q were loaded", b.alerts, b.loaded)
	}
}

// Even if a word were not escaped: the page's own policy stops what it brings.
func TestThePolicyOfThePageStopsScripts(t *testing.T) {
	b := open(t)
	b.load(t, strings.Replace(written(t), "<main>", "<main>"+payloads()[0]+payloads()[1], 1))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alerts > 0 {
		t.Errorf("%d scripts ran", b.alerts)
	}
}

func TestThePageFits(t *testing.T) {
	b := open(t)
	for _, c := range []struct {
		name          string
		width, height int64
		media         string
	}{
		{"a phone", 360, 740, "screen"},
		{"a screen", 1280, 800, "screen"},
		{"paper", 718, 1046, "print"}, // A4 at 96 dpi with margins of 1 cm
	} {
		ctx := b.load(t, written(t))
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(c.width, c.height)); err != nil {
			t.Fatal(err)
		}
		call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: c.media})
		wide, tall := value[int64](t, ctx, `document.documentElement.scrollWidth`), value[int64](t, ctx, `document.documentElement.scrollHeight`)
		if wide > c.width || tall < c.height {
			t.Errorf("on %s the page is %d wide and %d tall, where %d fit", c.name, wide, tall, c.width)
		}
	}
}

func TestThePageIsPrinted(t *testing.T) {
	b := open(t)
	pdf, err := chromedp.Run(b.load(t, written(t)), chromedp.PrintToPDF())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || bytes.Count(pdf, []byte("/Type /Page\n")) < 2 {
		t.Errorf("printed are %d bytes and %d pages", len(pdf), bytes.Count(pdf, []byte("/Type /Page\n")))
	}
}
