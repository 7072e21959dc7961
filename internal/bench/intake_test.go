package bench_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pphunt/pphunt/hunt"
	"github.com/pphunt/pphunt/hunt/proofpointhunt"
	"github.com/pphunt/pphunt/proofpoint"
)

// flood is an answer with very many messages, one in ten with a condemned attachment. It is made as it is read.
type flood struct {
	bad, good []byte // records without their GUIDs
	messages  int
}

func newFlood(t testing.TB, messages int) *flood {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "proofpoint", "testdata", "record_full.json"))
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.Unmarshal(raw, &record); err != nil {
		t.Fatal(err)
	}
	delete(record, "GUID")
	delete(record, "id")
	text := func() []byte {
		text, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		return text[1:]
	}
	f := &flood{messages: messages, bad: text()}
	threat := record["threatsInfoMap"].([]any)[0].(map[string]any)
	threat["threatType"], threat["threat"] = "url", "http://bad.example/offer"
	for _, part := range record["messageParts"].([]any) {
		part.(map[string]any)["sandboxStatus"] = nil
	}
	f.good = text()
	return f
}

func (f *flood) write(w io.Writer) error {
	if _, err := io.WriteString(w, `{"queryEndTime":"2026-03-05T09:00:00Z","messagesDelivered":[`); err != nil {
		return err
	}
	buf := make([]byte, 0, 64<<10)
	for n := range f.messages {
		if n > 0 {
			buf = append(buf, ',')
		}
		buf = strconv.AppendInt(append(buf, `{"id":"i`...), int64(n), 10)
		buf = strconv.AppendInt(append(buf, `","GUID":"g`...), int64(n), 10)
		buf = append(buf, `",`...)
		if n%10 == 0 {
			buf = append(buf, f.bad...)
		} else {
			buf = append(buf, f.good...)
		}
		if len(buf) > 60<<10 || n == f.messages-1 {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err := io.WriteString(w, "]}")
	return err
}

// counter counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// BenchmarkIntake reads an hour of a large organization in a process of its own, whose largest resident memory is told. The script's way is
// to decode the whole answer at once.
func BenchmarkIntake(b *testing.B) {
	for _, messages := range []int{50_000, 200_000} {
		for _, way := range []string{"script", "plain", "gzip"} {
			if way == "script" && messages > 50_000 {
				continue // gigabytes
			}
			b.Run(fmt.Sprintf("messages=%d/%s", messages, way), func(b *testing.B) { intake(b, messages, way) })
		}
	}
}

func intake(b *testing.B, messages int, way string) {
	if runtime.GOOS != "linux" {
		b.Skip("the memory of a process is read from /proc")
	}
	f := newFlood(b, messages)
	var size counter
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	if err := f.write(io.MultiWriter(&size, zipped)); err != nil {
		b.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		b.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if way == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
			return
		}
		_ = f.write(w)
	}))
	defer srv.Close()
	b.SetBytes(int64(size))
	var most, took float64
	for b.Loop() {
		seconds, memory := child(b, way, srv.URL)
		took += seconds
		most = max(most, memory)
	}
	b.ReportMetric(took/float64(b.N), "s/answer")
	b.ReportMetric(most, "MiB-peak")
}

const intakeWay, intakeURL = "PPHUNT_BENCH_WAY", "PPHUNT_BENCH_URL"

// child runs one intake in a process of its own, and returns its seconds and its memory.
func child(b *testing.B, way, url string) (seconds, memory float64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestIntakeOfAChild$", "-test.v")
	cmd.Env = append(os.Environ(), intakeWay+"="+way, intakeURL+"="+url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	if _, err := fmt.Sscanf(string(out[bytes.Index(out, []byte("intake:")):]), "intake: %f s, %f MiB", &seconds, &memory); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return seconds, memory
}

// TestIntakeOfAChild is the process that the benchmark of the intake starts.
func TestIntakeOfAChild(t *testing.T) { //nolint:paralleltest // it has the process for itself
	way, url := os.Getenv(intakeWay), os.Getenv(intakeURL)
	if way == "" {
		t.Skip("it is started by BenchmarkIntake")
	}
	begun := time.Now()
	condemned := 0
	if way == "script" {
		condemned = wholeAnswer(t, url)
	} else {
		client, err := proofpoint.New(proofpoint.Config{BaseURL: url, Credentials: proofpoint.Basic("p", "s")})
		if err != nil {
			t.Fatal(err)
		}
		source, err := proofpointhunt.New(client, proofpointhunt.Options{Delivered: true})
		if err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(-time.Minute).Truncate(time.Second)
		for _, err := range source.Indicators(context.Background(), hunt.Ask{Window: hunt.Window{Start: end.Add(-time.Hour), End: end}}) {
			if err != nil {
				t.Fatal(err)
			}
			condemned++
		}
	}
	if condemned == 0 || condemned%1000 != 0 {
		t.Errorf("%d mails have a condemned file", condemned)
	}
	fmt.Printf("intake: %f s, %f MiB\n", time.Since(begun).Seconds(), peak(t))
}

// wholeAnswer is the script's way.
func wholeAnswer(t *testing.T, url string) (condemned int) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := new(http.Client).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	for _, m := range answer["messagesDelivered"].([]any) {
		for _, threat := range m.(map[string]any)["threatsInfoMap"].([]any) {
			if threat.(map[string]any)["threatType"] == "attachment" {
				condemned++
			}
		}
	}
	return condemned
}

// peak is the largest resident memory that the process has had, in MiB.
func peak(t testing.TB) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("the memory of a process is read from /proc")
	}
	memory := highWater(status)
	if memory == 0 {
		t.Fatal("no VmHWM in /proc/self/status")
	}
	return memory
}

// highWater is the largest resident memory that the status of a process tells, in MiB.
func highWater(status []byte) float64 {
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err == nil {
				return kib / 1024
			}
		}
	}
	return 0
}
