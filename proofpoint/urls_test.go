package proofpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pphunt/pphunt/proofpoint"
	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

func TestURLsAreMatchedByWhatTheyWere(t *testing.T) {
	t.Parallel()
	const answer = `{"urls":[
		{"encodedUrl":"c","success":false,"error":"Invalid URL - encoded URL is not a URL Defense URL"},
		{"encodedUrl":"stranger","decodedUrl":"http://stranger.example","success":true},
		{"encodedUrl":"b","decodedUrl":"http://b.example","success":"true","messageGuid":"g","clusterName":"lab_hosted","recipientEmail":"mia@lab.example"},
		{"encodedUrl":"d","success":true},
		{"encodedUrl":"a","decodedUrl":"http://a.example","success":true}]}`
	var sent []string
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		sent = append(sent, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(body))
		return response(r, http.StatusOK, strings.NewReader(answer)), nil
	}))
	got, err := client.URLs.Decode(t.Context(), "a", "b", "c", "a", "", "d")
	if err != nil {
		t.Fatalf("Decode() = %v", err)
	}
	a := proofpoint.DecodedURL{Encoded: "a", URL: "http://a.example"}
	want := []proofpoint.DecodedURL{
		a,
		{Encoded: "b", URL: "http://b.example", MessageGUID: "g", Cluster: "lab_hosted", Recipient: "mia@lab.example"},
		{Encoded: "c", Err: proofpoint.ErrNotDecoded},
		a,
		{Err: proofpoint.ErrNotDecoded},
		{Encoded: "d", Err: proofpoint.ErrNotDecoded},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("Decode() mismatch (-want +got):\n%s", diff)
	}
	if text := got[2].Err.Error(); text != "the URL could not be decoded: Invalid URL - encoded URL is not a URL Defense URL" {
		t.Errorf("Err = %q", text)
	}
	if diff := cmp.Diff([]string{`POST /v2/url/decode application/json {"urls":["a","b","c","d"]}`}, sent); diff != "" {
		t.Errorf("requests mismatch (-want +got):\n%s", diff)
	}
	if got, err := client.URLs.Decode(t.Context()); len(got) > 0 || err != nil || len(sent) > 1 {
		t.Errorf("Decode() of nothing = %v, %v", got, err)
	}
}

func TestURLsGoInBatches(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		var sizes []int
		client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			var asked struct{ URLs []string }
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				return nil, err
			}
			sizes = append(sizes, len(asked.URLs))
			if fails && len(sizes) == 2 {
				return response(r, http.StatusTooManyRequests, strings.NewReader("")), nil
			}
			var all []string
			for _, u := range asked.URLs {
				all = append(all, fmt.Sprintf(`{"encodedUrl":%q,"decodedUrl":"was %s","success":true}`, u, u))
			}
			return response(r, http.StatusOK, strings.NewReader(`{"urls":[`+strings.Join(all, ",")+`]}`)), nil
		}))
		var urls []string
		for i := range 2*proofpoint.URLBatch + 1 {
			urls = append(urls, fmt.Sprint("u", i))
		}
		got, err := client.URLs.Decode(t.Context(), urls...)
		if len(got) != len(urls) || (err != nil) != fails || fails && !errors.Is(err, proofpoint.ErrRateLimited) {
			t.Fatalf("Decode() = %d entries, %v", len(got), err)
		}
		wantSizes := []int{proofpoint.URLBatch, proofpoint.URLBatch, 1}
		if fails {
			wantSizes = wantSizes[:2]
		}
		if diff := cmp.Diff(wantSizes, sizes); diff != "" {
			t.Errorf("batches mismatch (-want +got):\n%s", diff)
		}
		for i, d := range got {
			lost := fails && i >= proofpoint.URLBatch
			if d.Encoded != urls[i] || (d.URL == "was "+urls[i]) == lost || errors.Is(d.Err, proofpoint.ErrRateLimited) != lost {
				t.Errorf("entry %d is %+v", i, d)
			}
		}
	}
}

func TestAnswersThatDoNotDecode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		err    string
	}{
		"a URL is left out":     {200, `{"urls":[{"encodedUrl":"a","decodedUrl":"x","success":true}]}`, "does not name every URL"},
		"an entry is malformed": {200, `{"urls":[{"encodedUrl":"a","decodedUrl":"x","success":true},{"encodedUrl":7}]}`, "1 record could not be read"},
		"no list":               {200, `{}`, "it has no list urls"},
		"no answer":             {204, ``, "incomplete"},
	} {
		got, err := newClient(t, saying(tt.status, tt.body)).URLs.Decode(t.Context(), "a", "b")
		if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "proofpoint: urls.decode: ") {
			t.Errorf("%s: Decode() = %v, want an error with %q", name, err, tt.err)
		}
		whole := strings.Contains(tt.body, `"a"`)
		if len(got) != 2 || (got[0].URL == "x") != whole || (got[0].Err == nil) != whole || got[1].Err == nil {
			t.Errorf("%s: Decode() = %+v", name, got)
		}
	}
}

func TestAnAnswerThatIsUnreadableInPartCostsOnlyThatPart(t *testing.T) {
	t.Parallel()
	calls := 0
	client := newClient(t, roundTripper(func(r *http.Request) (*http.Response, error) {
		if calls++; calls == 1 {
			return response(r, http.StatusOK, strings.NewReader(`{"urls":[7]}`)), nil
		}
		return response(r, http.StatusOK, strings.NewReader(`{"urls":[{"encodedUrl":"last","decodedUrl":"x","success":true}]}`)), nil
	}))
	var urls []string
	for i := range proofpoint.URLBatch {
		urls = append(urls, fmt.Sprint("u", i))
	}
	got, err := client.URLs.Decode(t.Context(), append(urls, "last")...)
	if _, ok := errors.AsType[*proofpoint.MalformedError](err); !ok || calls != 2 || got[proofpoint.URLBatch].URL != "x" || got[0].Err == nil {
		t.Errorf("Decode() = %+v, %v after %d calls", got[proofpoint.URLBatch], err, calls)
	}
}

func TestCleanURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://urldefense.com/v3/__http://a.example/__;!!x!y$": "https://urldefense.com/v3/__http://a.example/__;!!x!y$",
		" <https://a.example/>\r\n":                              "https://a.example/",
		"https://a.example/?u=3Dhttp=\r\n-3A__b&amp;d=\n=3Dx":    "https://a.example/?u=http-3A__b&d=x",
		"https://a.example/?u=3Dhttp&d=3Dx":                      "https://a.example/?u=3Dhttp&d=3Dx", // may be meant so
		"https://a.example/?u=http=\r\n-3A__b&amp;d=3Dx":         "https://a.example/?u=http-3A__b&d=3Dx",
		"https://a.example/?a=1&amp;b=2&amp;amp;c=3":             "https://a.example/?a=1&b=2&amp;c=3",
		"":  "",
		"<": "",
	} {
		if got := proofpoint.CleanURL(in); got != want {
			t.Errorf("CleanURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestURLsOnTheFake(t *testing.T) {
	t.Parallel()
	const was = "https://files.example/a?b=c&d=e"
	rewritten := []string{proofpointtest.RewriteV1(was), proofpointtest.RewriteV2(was), proofpointtest.RewriteV3(was)}
	for _, shuffle := range []bool{false, true} {
		world := proofpointtest.World{Links: []proofpointtest.Link{{URL: rewritten[2], MessageGUID: "g-1", Cluster: "lab_hosted", Recipient: "mia@lab.example"}}}
		world.Switches.ShuffleDecoded = shuffle
		srv := proofpointtest.New(world)
		signed := connect(t, srv, nil)
		anonymous, err := proofpoint.New(proofpoint.Config{BaseURL: proofpointtest.URL, HTTPClient: srv.Client(), Credentials: proofpoint.Anonymous()})
		if err != nil {
			t.Fatal(err)
		}
		for name, client := range map[string]*proofpoint.Client{"signed": signed, "anonymous": anonymous} {
			got, err := client.URLs.Decode(t.Context(), append(rewritten, "https://files.example/plain")...)
			if err != nil || len(got) != 4 {
				t.Fatalf("%s: Decode() = %+v, %v", name, got, err)
			}
			for i, d := range got[:3] {
				if d.Encoded != rewritten[i] || d.URL != was || d.Err != nil {
					t.Errorf("%s: Decode() = %+v", name, d)
				}
			}
			if !errors.Is(got[3].Err, proofpoint.ErrNotDecoded) || got[3].URL != "" {
				t.Errorf("%s: Decode() = %+v of a URL that was not rewritten", name, got[3])
			}
			if told := got[2].MessageGUID == "g-1" && got[2].Cluster == "lab_hosted" && got[2].Recipient == "mia@lab.example"; told != (name == "signed") {
				t.Errorf("%s: Decode() = %+v", name, got[2])
			}
		}
		before := len(srv.Requests())
		_, err = anonymous.Threats.Summary(t.Context(), offer)
		_, err2 := collect(t, anonymous.SIEM.All(t.Context(), proofpoint.Query{Since: proofpoint.MaxWindow}))
		if !errors.Is(err, proofpoint.ErrUnauthorized) || !errors.Is(err2, proofpoint.ErrUnauthorized) || len(srv.Requests()) != before {
			t.Errorf("without credentials: %v, %v", err, err2)
		}
	}
}

func ExampleURLs_Decode() {
	client := exampleClientOf(proofpointtest.World{})
	fromSource := "https://urldefense.com/v3/__https://files.exam=\r\nple/report?a=3D1&amp;b=3D2__;!!x!y$"
	decoded, err := client.URLs.Decode(context.Background(), proofpoint.CleanURL(fromSource), "https://files.example/plain")
	if err != nil {
		fmt.Println(err)
	}
	for _, d := range decoded {
		if d.Err != nil {
			fmt.Println("not decoded:", errors.Is(d.Err, proofpoint.ErrNotDecoded))
			continue
		}
		fmt.Println(d.URL)
	}
	// Output:
	// https://files.example/report?a=1&b=2
	// not decoded: true
}
