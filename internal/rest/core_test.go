package rest_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/internal/rest"
)

func TestPathsAreEscaped(t *testing.T) {
	t.Parallel()
	const route = "/orgs/{org_key}/things/{thing_id}/_detail"
	for _, tc := range []struct {
		base, route string
		args        []string
		query       url.Values
		want        string
	}{
		{base, route, []string{"ABC", "17"}, nil, "/orgs/ABC/things/17/_detail"},
		{base, route, []string{"A/B", "../x"}, nil, "/orgs/A%2FB/things/..%2Fx/_detail"},
		{base, route, []string{"a?b#c", "50% ü"}, nil, "/orgs/a%3Fb%23c/things/50%25%20%C3%BC/_detail"},
		{base, route, []string{`a\b`, "{org_key}"}, nil, "/orgs/a%5Cb/things/%7Borg_key%7D/_detail"},
		{base, "/things", nil, url.Values{"q": {"a&b=c d+e"}, "empty": {""}}, "/things?empty=&q=a%26b%3Dc+d%2Be"},
		{base + "/gate/way/", "/things", nil, nil, "/gate/way/things"},
		{base + "/a%2Fb", "/things/{id}", []string{"%2F"}, nil, "/a%2Fb/things/%252F"},
	} {
		s := play(answer(200, "{}"))
		c := core(t, s, func(c *rest.Config) { c.BaseURL = tc.base })
		if _, err := c.Do(t.Context(), rest.Call{Op: "x", Method: "GET", Route: tc.route, Args: tc.args, Query: tc.query}, nil); err != nil {
			t.Errorf("Do(%q, %q): %v", tc.route, tc.args, err)
			continue
		}
		if got := s.requests()[0].URL; got != base+tc.want {
			t.Errorf("Do(%q, %q, %v) called %q, want %q", tc.route, tc.args, tc.query, got, base+tc.want)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"1", "..", "a/b", "%2e%2e", "?q", "#f", "{x}", "\xff", "a b+c;d=e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		s := play(answer(200, "{}"))
		_, err := core(t, s).Do(t.Context(), rest.Call{Op: "x", Method: "GET", Route: "/a/{id}/b", Args: []string{id}, Query: url.Values{"q": {id}}}, nil)
		if refuse := id == "" || id == "." || id == ".."; refuse != (err != nil) {
			t.Fatalf("Do(%q) = %v", id, err)
		} else if refuse {
			return
		}
		u, err := url.Parse(s.requests()[0].URL)
		if err != nil {
			t.Fatal(err)
		}
		segments := strings.Split(u.EscapedPath(), "/")
		if len(segments) != 4 || segments[2] != url.PathEscape(id) || u.Query().Get("q") != id || len(u.Query()) != 1 || u.Fragment != "" {
			t.Errorf("Do(%q) called %q", id, u)
		}
	})
}

func TestCallsThatMakeNoPathAreRefused(t *testing.T) {
	t.Parallel()
	s := play(answer(200, "{}"))
	c := core(t, s)
	for _, what := range []rest.Call{
		{Route: "/a/{id}"},
		{Route: "/a/{id}", Args: []string{""}},
		{Route: "/a/{id}", Args: []string{"."}},
		{Route: "/a/{id}", Args: []string{".."}},
		{Route: "/a/{id}", Args: []string{"1", "2"}},
		{Route: "/a", Args: []string{"1"}},
		{Route: "/a/{id", Args: []string{"1"}},
		{Route: "a"},
		{Route: ""},
		{Route: "/a?b=c"},
		{Route: "/a#b"},
		{Route: "/a", Body: 1, Form: url.Values{"a": {"b"}}},
		{Route: "/a", Body: func() {}},
		{Route: "/a", Body: "\xff"},
		{Route: "/a", Method: "GET /"},
	} {
		what.Op = "x"
		if what.Method == "" {
			what.Method = "POST"
		}
		if _, err := c.Do(t.Context(), what, nil); err == nil || !strings.HasPrefix(err.Error(), "svc: x: ") {
			t.Errorf("Do(%q, %q) = %v, want an error that names the operation", what.Route, what.Args, err)
		}
	}
	if got := len(s.requests()); got != 0 {
		t.Errorf("%d requests were sent, want none", got)
	}
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	ua := func(c *rest.Config) { c.UserAgent = "svc/1" }
	for _, tc := range []struct {
		name string
		call rest.Call
		want seen
	}{
		{"nothing", rest.Call{Method: "GET"}, seen{Method: "GET", Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"svc/1"}}}},
		{"JSON", rest.Call{Method: "PUT", Body: map[string]any{"a": []string(nil)}}, seen{Method: "PUT", Body: `{"a":[]}`, Header: http.Header{
			"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {"svc/1"},
		}}},
		{"a form", rest.Call{Method: "POST", Form: url.Values{"p": {"a+b&c"}}}, seen{Method: "POST", Body: "p=a%2Bb%26c", Header: http.Header{
			"Accept": {"application/json"}, "Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"svc/1"},
		}}},
		{"own headers", rest.Call{Method: "GET", Header: http.Header{"accept": {"text/csv"}, "X-Own": {"1"}}}, seen{Method: "GET", Header: http.Header{
			"Accept": {"text/csv"}, "X-Own": {"1"}, "User-Agent": {"svc/1"},
		}}},
	} {
		s := play(answer(200, ""))
		tc.call.Op, tc.call.Route = "x", "/v1"
		if _, err := core(t, s, ua).Do(t.Context(), tc.call, nil); err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		got := s.requests()[0]
		tc.want.At, tc.want.URL = got.At, base+"/v1"
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestAnswersOfSuccess(t *testing.T) {
	t.Parallel()
	type thing struct {
		Name string `json:"name"`
	}
	for _, tc := range []struct {
		name string
		step step
		want thing
		err  string
	}{
		{"JSON", answer(200, `{"name":"a","more":1}`), thing{"a"}, ""},
		{"bytes that are no UTF-8", answer(201, "{\"name\":\"a\xff\"}"), thing{"a\ufffd"}, ""},
		{"204", answer(204, ""), thing{"before"}, ""},
		{"nothing", answer(200, " \n"), thing{"before"}, "svc: x: 200 : the answer is empty"},
		{"a page", answer(200, "<html>"), thing{"before"}, "svc: x: 200 <html>: jsontext: invalid character '<' at start of value"},
		{"something after it", answer(200, `{"name":"a"} x`), thing{}, `svc: x: 200 {"name":"a"} x: jsontext: invalid character 'x' after top-level value after offset 13`},
		{"half of it", answer(200, `{"name":"a`), thing{}, `svc: x: 200 {"name":"a: jsontext: unexpected EOF within "/name" after offset 10`},
	} {
		got := thing{"before"}
		res, err := core(t, play(tc.step)).Do(t.Context(), rest.Call{Op: "x", Method: "GET", Route: "/"}, &got)
		text := ""
		if err != nil {
			text = err.Error()
			if _, ok := errors.AsType[*apiError](err); !ok {
				t.Errorf("%s: error %v is not the client's own", tc.name, err)
			}
			got = tc.want
		}
		if got != tc.want || text != tc.err || res.Status/100 != 2 {
			t.Errorf("%s: Do = %v, %+v, %q; want %+v, %q", tc.name, res, got, text, tc.want, tc.err)
		}
	}
}

func TestOtherStatusesCanBeASuccess(t *testing.T) {
	t.Parallel()
	s := play(answer(302, "moved", "Location", "https://store.invalid/x"))
	out := "before"
	res, err := core(t, s).Do(t.Context(), rest.Call{Op: "x", Method: "GET", Route: "/", OK: []int{302}}, &out)
	if err != nil || res.Status != 302 || res.Header.Get("Location") != "https://store.invalid/x" || out != "before" {
		t.Errorf("Do = %v, %v, %q; want 302, its Location, and out as it was", res, err, out)
	}
}

func TestAnswersAreBoundedAndNotCut(t *testing.T) {
	t.Parallel()
	small := func(c *rest.Config) { c.MaxBody = 10 }
	var out string
	what := rest.Call{Op: "x", Method: "GET", Route: "/", Repeatable: true}
	if _, err := core(t, play(answer(200, `"12345678"`)), small).Do(t.Context(), what, &out); err != nil || out != "12345678" {
		t.Errorf("10 bytes: %v, %q", err, out)
	}
	s := play(answer(200, `"123456789"`))
	_, err := core(t, s, small).Do(t.Context(), what, &out)
	if err == nil || err.Error() != "svc: x: the answer is larger than 10 bytes" || len(s.requests()) != 1 {
		t.Errorf("11 bytes: %v after %d requests, want an error after 1", err, len(s.requests()))
	}
	_, err = core(t, play(answer(400, strings.Repeat("x", 1<<20)))).Do(t.Context(), what, &out)
	if e, ok := errors.AsType[*apiError](err); !ok || len(e.Body) != 64<<10 {
		t.Errorf("an error keeps %v, want 64 KiB", err != nil)
	}
}

func TestAnActionThatWasDoneIsDoneThoughItsAnswerIsCut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := play(spoken(200, part{text: "{"}, part{err: errRefused}))
		if _, err := core(t, s).Do(t.Context(), post(), nil); err != nil {
			t.Errorf("Do = %v, want success: the status said so and the body is not asked for", err)
		}
	})
}

func TestErrorMustNotBeNil(t *testing.T) {
	t.Parallel()
	c := core(t, play(answer(500, "")), func(c *rest.Config) { c.Error = func(rest.Answer) error { return nil } })
	if _, err := c.Do(t.Context(), post(), nil); err == nil {
		t.Error("an answer without success is one, since Config.Error made no error of it")
	}
}

func TestATransportThatGivesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []*script{
		play(func(*http.Request) (*http.Response, error) { return nil, nil }),
		play(func(r *http.Request) (*http.Response, error) { return response(r, 200, nil), nil }),
	} {
		var out any
		if _, err := core(t, s).Do(t.Context(), post(), &out); err == nil {
			t.Error("no answer and an empty one are no success")
		}
	}
}
