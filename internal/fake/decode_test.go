package fake_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/fake"
)

type order struct {
	IDs     []int64 `json:"ids"`
	Options *struct {
		Toggle string `json:"toggle"`
	} `json:"options"`
	Lines []struct {
		Name string `json:"name"`
	} `json:"lines"`
	Free map[string]any  `json:"free"`
	Raw  json.RawMessage `json:"raw"`
	At   time.Time       `json:"at"`
	Skip string          `json:"-"`
}

func TestDecodeStrict(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ body, want string }{
		{`{"ids":[1,2],"options":{"toggle":"ON"},"lines":[{"name":"x"}],"free":{"any":{"thing":1}},"raw":{"a":1},"at":"2026-03-02T12:00:00Z"}`, ""},
		{`{"ids":null,"options":null}`, ""},
		{`{"Ids":[1]}`, `member "Ids" is not known`},
		{`{"options":{"toogle":"ON"}}`, `member "options.toogle" is not known`},
		{`{"lines":[{"name":"x"},{"nam":"x"}]}`, `member "lines[1].nam" is not known`},
		{`{"ids":[],"ids":[]}`, `member "ids" is given twice`},
		{`{"free":{"a":1,"a":2}}`, `member "free.a" is given twice`},
		{`{"Skip":"x"}`, `member "Skip" is not known`},
		{`{} {}`, `there is data after the JSON value`},
		{``, `the body is empty`},
		{`{"ids":"x"}`, `json: cannot unmarshal string into Go struct field order.ids of type []int64`},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		var o order
		got := ""
		if err := fake.DecodeStrict(r, &o); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("DecodeStrict(%s) = %q, want %q", tc.body, got, tc.want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{}`))
	if err := fake.DecodeStrict(r, &order{}); err == nil {
		t.Error("a body without a content type was decoded")
	}
}

func FuzzUnmarshalStrict(f *testing.F) {
	f.Add([]byte(`{"ids":[1,2],"options":{"toggle":"ON"},"lines":[{"name":"x"}]}`))
	f.Add([]byte(`{"options":{"toggle":`))
	f.Add([]byte(`[{}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var o order
		if err := fake.UnmarshalStrict(data, &o); err == nil && !json.Valid(data) {
			t.Errorf("UnmarshalStrict(%q) accepted what is not JSON", data)
		}
	})
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ query, want string }{
		{"format=JSON&threatType=url&threatType=attachment", ""},
		{"Format=JSON", `parameter "Format" is not known`},
		{"format=JSON&format=JSON", `parameter "format" is given 2 times`},
		{"format=%zz", `the query is malformed`},
		{"format=a;b=c", `the query is malformed`},
	} {
		got := ""
		if _, err := fake.Query(httptest.NewRequest(http.MethodGet, "/?"+tc.query, nil), "format", "threatType..."); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("Query(%s) = %q, want %q", tc.query, got, tc.want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	fake.WriteJSON(rec, 201, map[string]string{"url": "https://x.invalid/?a=<1>&b=2"})
	want := "{\"url\":\"https://x.invalid/?a=<1>&b=2\"}\n"
	if diff := cmp.Diff(want, rec.Body.String()); diff != "" || rec.Code != 201 || rec.Header().Get("Content-Type") != "application/json" {
		t.Errorf("WriteJSON = %d %v, mismatch (-want +got):\n%s", rec.Code, rec.Header(), diff)
	}
	rec = httptest.NewRecorder()
	fake.WriteJSON(rec, 200, func() {})
	if rec.Code != 500 {
		t.Errorf("WriteJSON of a func = %d, want 500", rec.Code)
	}
}
