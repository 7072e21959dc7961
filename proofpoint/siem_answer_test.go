package proofpoint_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint"
)

func TestAnswersThatAreNotWhole(t *testing.T) {
	t.Parallel()
	const one = `{"GUID":"a"}`
	tests := []struct {
		name, body string
		records    int
		want       string // part of the error; empty: the answer is whole
	}{
		{"an empty list is an empty answer", `{"queryEndTime":"2026-03-05T09:00:00Z","messagesDelivered":[]}`, 0, ""},
		{"white space everywhere", " \r\n\t{ \"messagesDelivered\" : [ " + one + " ] } \n ", 1, ""},
		{"unknown members before and behind", `{"new":[[{"messagesDelivered":[1]}]],"messagesDelivered":[` + one + `],"newer":{"a":null}}`, 1, ""},
		{"the list of another category is not ours", `{"messagesBlocked":[{"GUID":"b"}],"messagesDelivered":[` + one + `]}`, 1, ""},
		{"an error that says nothing", `{"messagesDelivered":[],"error":null}`, 0, ""},
		{"no body at all", ``, 0, "incomplete after 0 records: unexpected EOF"},
		{"only white space", " \n ", 0, "incomplete after 0 records: unexpected EOF"},
		{"an empty object is no empty answer", `{}`, 0, "it has no list messagesDelivered"},
		{"an end time alone is no empty answer", `{"queryEndTime":"2026-03-05T09:00:00Z"}`, 0, "it has no list messagesDelivered"},
		{"only another category", `{"messagesBlocked":[]}`, 0, "it has no list messagesDelivered"},
		{"null is no list", `{"messagesDelivered":null}`, 0, "it has no list messagesDelivered, but null in its place"},
		{"an object is no list", `{"messagesDelivered":{}}`, 0, "but an object in its place"},
		{"an error with 200", `{"error":"backend timeout"}`, 0, "200 OK: backend timeout"},
		{"an error of any shape with 200", `{"error":{"code":17}}`, 0, `200 OK: {"code":17}`},
		{"an error object with a sentence in it", `{"error":{"message":"backend timeout"}}`, 0, "200 OK: backend timeout"},
		{"a message instead of an answer", `{"message":"come back later"}`, 0, "200 OK: come back later"},
		{"a message beside an answer is none of our business", `{"message":"hello","messagesDelivered":[]}`, 0, ""},
		{"an error beside an answer", `{"messagesDelivered":[` + one + `],"error":"cut at 1"}`, 1, "200 OK: cut at 1"},
		{"cut before the list", `{"messagesDelivered":`, 0, "incomplete after 0 records"},
		{"cut in a record", `{"messagesDelivered":[` + one + `,{"GUID":"b`, 1, "incomplete after 1 records"},
		{"cut between records", `{"messagesDelivered":[` + one + `,`, 1, "incomplete after 1 records"},
		{"cut behind a record", `{"messagesDelivered":[` + one, 1, "incomplete after 1 records"},
		{"cut behind the list", `{"messagesDelivered":[` + one + `]`, 1, "incomplete after 1 records"},
		{"cut in a member behind the list", `{"messagesDelivered":[` + one + `],"queryEndTime":"20`, 1, "incomplete after 1 records"},
		{"more behind the end", `{"messagesDelivered":[` + one + `]} {}`, 1, "more follows after its end"},
		{"rubbish behind the end", `{"messagesDelivered":[` + one + `]}}`, 1, "incomplete after 1 records"},
		{"the list twice", `{"messagesDelivered":[` + one + `],"messagesDelivered":[]}`, 1, "it has the list messagesDelivered twice"},
		{"a name twice in a record", `{"messagesDelivered":[` + one + `,{"a":1,"a":2},{"GUID":"b","x":{"a":1,"a":2}},` + one + `]}`, 2, "2 records could not be read"},
		{"no comma", `{"messagesDelivered":[` + one + one + `]}`, 1, "incomplete after 1 records"},
		{"a list at the top", `[]`, 0, "200 OK: []"},
		{"the page of a proxy", "<html><head><title>Sign in</title><style>a{}</style></head><body>to  continue</body></html>", 0, "200 OK: Sign in to continue"},
		{"syslog", "<38>1 2026-03-05T08:31:00Z - ProofpointTAP - MSGDLV [tapmsg@21139]", 0, "200 OK: <38>1"},
		{"too deep", `{"messagesDelivered":[` + strings.Repeat("[", 20000), 0, "incomplete after 0 records"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, saying(http.StatusOK, tt.body))
			messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}))
			if len(messages) != tt.records {
				t.Errorf("got %d messages, want %d", len(messages), tt.records)
			}
			if tt.want == "" {
				if err != nil {
					t.Errorf("the answer is whole, and the error is %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error = %v, want one with %q", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "proofpoint: siem.messages_delivered: ") {
				t.Errorf("the error does not begin with package and operation: %v", err)
			}
			_, bad := errors.AsType[*proofpoint.MalformedError](err)
			if retryable, ok := errors.AsType[interface {
				error
				Retryable() bool
			}](err); bad == ok || ok && !retryable.Retryable() {
				t.Errorf("nothing says that the window can be asked for again: %#v", err)
			}
		})
	}
}

func TestAllTellsTheCategories(t *testing.T) {
	t.Parallel()
	client := newClient(t, saying(http.StatusOK, string(sample(t, "all.json"))))
	messages, err := collect(t, client.SIEM.All(t.Context(), proofpoint.MessageQuery{Window: hour}))
	if err != nil {
		t.Fatalf("All() = %v", err)
	}
	type record struct {
		ID       string
		Category proofpoint.Category
	}
	var got []record
	for _, m := range messages {
		got = append(got, record{m.ID, m.Category})
	}
	want := []record{{"b-1", proofpoint.Blocked}, {"d-1", proofpoint.Delivered}, {"d-2", proofpoint.Delivered}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("All() mismatch (-want +got):\n%s", diff)
	}

	client = newClient(t, saying(http.StatusOK, `{"messagesDelivered":[]}`))
	if _, err := collect(t, client.SIEM.All(t.Context(), proofpoint.MessageQuery{Window: hour})); err == nil {
		t.Error("All() took an answer without blocked messages for a whole one")
	}
}

func TestRecordsTellsTheKinds(t *testing.T) {
	t.Parallel()
	client := newClient(t, saying(http.StatusOK, string(sample(t, "all.json"))))
	type record struct {
		Identity string
		Category proofpoint.Category
		Message  bool
	}
	want := []record{
		{"11111111-aaaa-4bbb-8ccc-222222222222", proofpoint.ClicksPermitted, false},
		{"b-1", proofpoint.Blocked, true},
		{"d-1", proofpoint.Delivered, true},
		{"d-2", proofpoint.Delivered, true},
	}
	var got []record
	var end time.Time
	query := proofpoint.Query{Window: hour, OnEnd: func(at time.Time) { end = at }}
	for r, err := range client.SIEM.Records(t.Context(), proofpoint.FeedAll, query) {
		if err != nil {
			t.Fatalf("Records() = %v", err)
		}
		if (r.Message == nil) == (r.Click == nil) || !strings.HasPrefix(string(r.Raw()), "{") || r.Created().IsZero() || !end.IsZero() {
			t.Errorf("Records() gave %+v before the end at %v", r, end)
		}
		got = append(got, record{r.Identity(), r.Category(), r.Message != nil})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Records() mismatch (-want +got):\n%s", diff)
	}
	if want := time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC); !end.Equal(want) {
		t.Errorf("OnEnd was told %v, want %v", end, want)
	}
	clicks, err := collect(t, client.SIEM.AllClicks(t.Context(), proofpoint.Query{Window: hour}))
	if err != nil || len(clicks) != 1 || clicks[0].Category != proofpoint.ClicksPermitted {
		t.Errorf("AllClicks() = %+v, %v", clicks, err)
	}
}

func TestEachFeedWantsItsLists(t *testing.T) {
	t.Parallel()
	lists := []proofpoint.Category{proofpoint.ClicksPermitted, proofpoint.ClicksBlocked, proofpoint.Delivered, proofpoint.Blocked}
	for feed, want := range map[proofpoint.Feed][]proofpoint.Category{
		proofpoint.FeedAll:               lists,
		proofpoint.FeedIssues:            {proofpoint.ClicksPermitted, proofpoint.Delivered},
		proofpoint.FeedMessagesDelivered: {proofpoint.Delivered},
		proofpoint.FeedMessagesBlocked:   {proofpoint.Blocked},
		proofpoint.FeedClicksPermitted:   {proofpoint.ClicksPermitted},
		proofpoint.FeedClicksBlocked:     {proofpoint.ClicksBlocked},
	} {
		for _, left := range lists {
			var answer []string
			for _, c := range lists {
				if c != left {
					answer = append(answer, fmt.Sprintf("%q:[{}]", c))
				}
			}
			client := newClient(t, saying(http.StatusOK, "{"+strings.Join(answer, ",")+"}"))
			records, err := collect(t, client.SIEM.Records(t.Context(), feed, proofpoint.Query{Window: hour}))
			if needed := slices.Contains(want, left); needed != (err != nil) || !needed && len(records) != len(want) {
				t.Errorf("%s without %s: %d records, %v", feed, left, len(records), err)
			}
		}
	}
}

func TestAFeedThatThereIsNotIsNotAsked(t *testing.T) {
	t.Parallel()
	client := newClient(t, roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, errors.New("no")
	}))
	_, err := collect(t, client.SIEM.Records(t.Context(), "messages", proofpoint.Query{Window: hour}))
	if err == nil || err.Error() != `proofpoint: siem.records: there is no feed "messages"` {
		t.Errorf("Records() = %v", err)
	}
}

func TestABadClickCostsOnlyItself(t *testing.T) {
	t.Parallel()
	const answer = `{"clicksPermitted":[{"GUID":"a"},7,{"clickTime":"soon"},{"GUID":"b"}]`
	var bad []proofpoint.Malformed
	query := proofpoint.Query{Window: hour, OnMalformed: func(m proofpoint.Malformed) { bad = append(bad, m) }}
	clicks, err := collect(t, newClient(t, saying(http.StatusOK, answer)).SIEM.ClicksPermitted(t.Context(), query))
	cut, ok := errors.AsType[*proofpoint.IncompleteError](err)
	if len(clicks) != 2 || !ok || cut.Records != 4 || cut.Op != "siem.clicks_permitted" {
		t.Errorf("ClicksPermitted() = %+v, %v", clicks, err)
	}
	if len(bad) != 2 || bad[0].Category != proofpoint.ClicksPermitted || string(bad[1].Raw) != `{"clickTime":"soon"}` {
		t.Errorf("OnMalformed was told %+v", bad)
	}
}

func TestNothingMatchedIsNoError(t *testing.T) {
	t.Parallel()
	client := newClient(t, saying(http.StatusNoContent, ""))
	messages, err := collect(t, client.SIEM.MessagesBlocked(t.Context(), proofpoint.MessageQuery{Window: hour}))
	if len(messages) > 0 || err != nil {
		t.Errorf("MessagesBlocked() = %v, %v after 204", messages, err)
	}
}

func TestOneBadRecordCostsOnlyItself(t *testing.T) {
	t.Parallel()
	const answer = `{"messagesDelivered":[{"GUID":"a"},"bad",{"GUID":"b"},{"messageTime":"bad"},{"GUID":"c"}]}`
	guids := func(messages []proofpoint.Message) string {
		var all []string
		for _, m := range messages {
			all = append(all, m.GUID)
		}
		return strings.Join(all, "")
	}

	t.Run("told at once", func(t *testing.T) {
		t.Parallel()
		var raw []string
		q := proofpoint.MessageQuery{Window: hour, OnMalformed: func(m proofpoint.Malformed) {
			if m.Category != proofpoint.Delivered || m.Err == nil {
				t.Errorf("OnMalformed(%+v)", m)
			}
			raw = append(raw, string(m.Raw))
		}}
		messages, err := collect(t, newClient(t, saying(http.StatusOK, answer)).SIEM.MessagesDelivered(t.Context(), q))
		if guids(messages) != "abc" || err != nil {
			t.Errorf("MessagesDelivered() = %v, %v", guids(messages), err)
		}
		if diff := cmp.Diff([]string{`"bad"`, `{"messageTime":"bad"}`}, raw); diff != "" {
			t.Errorf("OnMalformed mismatch (-want +got):\n%s", diff)
		}
	})
	t.Run("collected", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, saying(http.StatusOK, answer))
		messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}))
		bad, ok := errors.AsType[*proofpoint.MalformedError](err)
		if guids(messages) != "abc" || !ok || bad.Total != 2 || len(bad.Records) != 2 {
			t.Fatalf("MessagesDelivered() = %v, %v", guids(messages), err)
		}
		const want = "proofpoint: siem.messages_delivered: 2 records could not be read, the first because of a text where an object belongs"
		if got := bad.Error(); got != want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
	})
	t.Run("collected from an answer that was cut", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, saying(http.StatusOK, answer[:len(answer)-1]))
		messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}))
		bad, isBad := errors.AsType[*proofpoint.MalformedError](err)
		cut, isCut := errors.AsType[*proofpoint.IncompleteError](err)
		if guids(messages) != "abc" || !isBad || bad.Total != 2 || !isCut || cut.Records != 5 {
			t.Errorf("MessagesDelivered() = %v, %v", guids(messages), err)
		}
	})
	t.Run("collected within bounds", func(t *testing.T) {
		t.Parallel()
		big := `"` + strings.Repeat("x", 700<<10) + `"`
		client := newClient(t, saying(http.StatusOK, `{"messagesDelivered":[`+big+`,`+big+strings.Repeat(`,7`, 100)+`]}`))
		_, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}))
		bad, ok := errors.AsType[*proofpoint.MalformedError](err)
		if !ok || bad.Total != 102 || len(bad.Records) != 20 || len(bad.Records[0].Raw) != len(big) || bad.Records[1].Raw != nil || string(bad.Records[2].Raw) != "7" {
			t.Errorf("MessagesDelivered() = %v", err)
		}
	})
}

func TestATransportErrorStaysWhatItIs(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset by peer")
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		return response(r, http.StatusOK, io.MultiReader(strings.NewReader(`{"messagesDelivered":[{"GUID":"a"},`), failing{reset})), nil
	}))
	messages, err := collect(t, client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}))
	cut, ok := errors.AsType[*proofpoint.IncompleteError](err)
	if len(messages) != 1 || !ok || cut.Records != 1 || !errors.Is(err, reset) {
		t.Errorf("MessagesDelivered() = %d messages, %v", len(messages), err)
	}
}

func TestStoppingEndsTheAnswer(t *testing.T) {
	t.Parallel()
	body := &watched{Reader: strings.NewReader(`{"messagesDelivered":[{"GUID":"a"},{"GUID":"b"}]}`)}
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		resp := response(r, http.StatusOK, nil)
		resp.Body = body
		return resp, nil
	}))
	count := 0
	for range client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour}) {
		count++
		break
	}
	if count != 1 || !body.closed {
		t.Errorf("after one message of %d the body is closed: %t", count, body.closed)
	}
}

func TestNothingIsSentBeforeTheLoop(t *testing.T) {
	t.Parallel()
	sent := 0
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		sent++
		return response(r, http.StatusOK, strings.NewReader(`{"messagesDelivered":[]}`)), nil
	}))
	seq := client.SIEM.MessagesDelivered(t.Context(), proofpoint.MessageQuery{Window: hour})
	if sent != 0 {
		t.Errorf("%d requests were sent before the sequence was ranged over", sent)
	}
	_, first := collect(t, seq)
	_, second := collect(t, seq)
	if sent != 2 || first != nil || second != nil {
		t.Errorf("two loops sent %d requests: %v, %v", sent, first, second)
	}
}

func TestACanceledContextEndsTheAnswer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		context.AfterFunc(r.Context(), func() { _ = writer.CloseWithError(r.Context().Err()) })
		go func() { _, _ = io.WriteString(writer, `{"messagesDelivered":[{"GUID":"a"},`) }()
		return response(r, http.StatusOK, reader), nil
	}))
	count := 0
	var last error
	for _, err := range client.SIEM.MessagesDelivered(ctx, proofpoint.MessageQuery{Window: hour}) {
		if err != nil {
			last = err
			continue
		}
		count++
		cancel()
	}
	if count != 1 || !errors.Is(last, context.Canceled) {
		t.Errorf("after %d messages: %v", count, last)
	}
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// watched is a body that knows whether it was closed.
type watched struct {
	io.Reader
	closed bool
}

func (w *watched) Close() error {
	w.closed = true
	return nil
}
