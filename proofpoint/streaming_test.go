package proofpoint_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/pphunt/pphunt/proofpoint"
)

// flood is the body of an answer that makes its records as they are read, so that the test itself holds none of them.
type flood struct {
	record  []byte // the record behind its GUID
	left    int
	made    int64 // bytes handed out
	pending []byte
	state   int
}

func (f *flood) Read(p []byte) (int, error) {
	if len(f.pending) == 0 {
		switch {
		case f.state == 0:
			f.pending = []byte(`{"queryEndTime":"2026-03-05T09:00:00Z","messagesDelivered":[`)
			f.state = 1
		case f.left > 0:
			if f.state == 2 {
				f.pending = append(f.pending, ',')
			}
			f.state = 2
			f.pending = append(f.pending, `{"GUID":"g`...)
			f.pending = strconv.AppendInt(f.pending, int64(f.left), 10)
			f.pending = append(f.pending, `",`...)
			f.pending = append(f.pending, f.record...)
			f.left--
		case f.state < 3:
			f.pending = []byte(`]}`)
			f.state = 3
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, f.pending)
	f.pending = f.pending[n:]
	f.made += int64(n)
	return n, nil
}

// newFlood repeats a sample.
func newFlood(t testing.TB, file string, messages int) *flood {
	var record map[string]any
	if err := json.Unmarshal(sample(t, file), &record); err != nil {
		t.Fatal(err)
	}
	delete(record, "GUID")
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return &flood{record: text[1:], left: messages}
}

func (f *flood) client(t testing.TB) *proofpoint.Client {
	return newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, f), nil
	}))
}

// TestMessagesComeBeforeTheAnswerEnds is about structure, not speed: how far reading runs ahead of what was handed out.
func TestMessagesComeBeforeTheAnswerEnds(t *testing.T) {
	t.Parallel()
	const messages = 1000
	body := newFlood(t, "record_full.json", messages)
	size := int64(len(body.record)) + 20
	count, ahead := int64(0), int64(0)
	for _, err := range body.client(t).SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
		ahead = max(ahead, body.made-count*size)
	}
	if count != messages {
		t.Errorf("got %d messages, want %d", count, messages)
	}
	if most := int64(128 << 10); ahead > most {
		t.Errorf("reading was up to %d bytes ahead of the loop, more than %d", ahead, most)
	}
}

// TestAnswerIsNotHeldInMemory must not run beside other tests: it looks at the heap of the whole process.
func TestAnswerIsNotHeldInMemory(t *testing.T) { //nolint:paralleltest // it measures the heap
	const messages = 50_000
	// Small records: the race detector makes each member and each byte dear.
	body := &flood{left: messages, record: []byte(`"recipient":["mia@lab.example"],"subject":"` + strings.Repeat("long ", 40) + `","threatsInfoMap":[{}]}`)}
	client := body.client(t)
	before := liveHeap()
	count, most := 0, uint64(0)
	for m, err := range client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Threats) != 1 {
			t.Fatalf("a message has %d threats, want 1", len(m.Threats))
		}
		if count++; count%10_000 == 0 {
			most = max(most, liveHeap())
		}
	}
	if count != messages || body.made < 12<<20 {
		t.Errorf("read %d messages of %d bytes, want %d messages of more than 12 MiB", count, body.made, messages)
	}
	if grown := int64(most) - int64(before); grown > 2<<20 {
		t.Errorf("the heap grew by %d bytes while an answer of %d was read", grown, body.made)
	}
}

func liveHeap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestOneValueBeyondAllReasonIsRefused(t *testing.T) {
	t.Parallel()
	huge := func(head, tail string, piece string, pieces int) *proofpoint.Client {
		return newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			body := io.MultiReader(strings.NewReader(head), &repeated{piece: piece, left: pieces}, strings.NewReader(tail))
			return response(r, http.StatusOK, body), nil
		}))
	}
	const pieces = 9 * 16
	piece := strings.Repeat("x", 64<<10) // as much as a connection reads at once: with less the race detector takes minutes
	t.Run("a record", func(t *testing.T) {
		t.Parallel()
		client := huge(`{"messagesDelivered":[{"GUID":"a"},{"subject":"`, `"}]}`, piece, pieces)
		messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}))
		if _, ok := errors.AsType[*proofpoint.IncompleteError](err); !ok || len(messages) != 1 || !strings.Contains(err.Error(), "more than 8388608 bytes") {
			t.Errorf("MessagesDelivered() = %d messages, %v", len(messages), err)
		}
	})
	t.Run("not a list of others", func(t *testing.T) {
		t.Parallel()
		client := huge(`{"clicksPermitted":[""`, `],"messagesDelivered":[{"GUID":"a"}]}`, `,"`+piece+`"`, pieces)
		messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}))
		if len(messages) != 1 || err != nil {
			t.Errorf("MessagesDelivered() = %d messages, %v", len(messages), err)
		}
	})
}

// repeated reads as one piece many times over.
type repeated struct {
	piece string
	at    int
	left  int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.piece[r.at:])
	if r.at += n; r.at == len(r.piece) {
		r.at, r.left = 0, r.left-1
	}
	return n, nil
}

// BenchmarkMessages reads an hour of 50,000 messages of the size that real ones have.
func BenchmarkMessages(b *testing.B) {
	b.ReportAllocs()
	var read int64
	most := uint64(0)
	for b.Loop() {
		body := newFlood(b, "record_full.json", 50_000)
		count := 0
		for _, err := range body.client(b).SIEM.MessagesDelivered(b.Context(), proofpoint.MessageQuery{Window: hour}) {
			if err != nil {
				b.Fatal(err)
			}
			if count++; count == 25_000 {
				most = max(most, liveHeap())
			}
		}
		read = body.made
	}
	b.SetBytes(read)
	b.ReportMetric(float64(most)/(1<<20), "MiB-live")
}
