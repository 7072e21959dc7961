package proofpointtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pphunt/pphunt/proofpoint/proofpointtest"
)

// signed makes one call with a credential.
func signed(t *testing.T, srv *proofpointtest.Server, principal, secret, pathAndQuery string) answer {
	t.Helper()
	return send(t, srv, http.MethodGet, pathAndQuery, "", "", principal, secret)
}

// send makes one call; without a principal it is not signed.
func send(t *testing.T, srv *proofpointtest.Server, method, pathAndQuery, contentType, body, principal, secret string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, proofpointtest.URL+pathAndQuery, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if principal != "" {
		req.SetBasicAuth(principal, secret)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// decodeURLs asks for links to be decoded, with a credential.
func decodeURLs(t *testing.T, srv *proofpointtest.Server, urls ...string) []map[string]any {
	t.Helper()
	body, err := json.Marshal(map[string]any{"urls": urls})
	if err != nil {
		t.Fatal(err)
	}
	a := send(t, srv, http.MethodPost, "/v2/url/decode", "application/json", string(body), proofpointtest.Principal, proofpointtest.Secret)
	var out struct{ URLs []map[string]any }
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != http.StatusOK || len(out.URLs) != len(urls) {
		t.Fatalf("answer %d %s: %v", a.status, a.body, err)
	}
	return out.URLs
}

func TestDecodeURLs(t *testing.T) {
	t.Parallel()
	const unrecognized, broken = "Invalid URL - encoded URL is not a URL Defense URL", "Invalid URL - encoded URL cannot be decoded"
	srv := proofpointtest.New(proofpointtest.World{Now: stopped})
	for _, tc := range []struct{ name, link, want, err string }{
		{"first version", "https://urldefense.proofpoint.com/v1/url?u=http://files.example/a%2Fb%3Fc%3D1%26d&k=x", "http://files.example/a/b?c=1&d", ""},
		{"second version", "https://urldefense.proofpoint.com/v2/url?u=http-3A__files.example_a-2Db-5Fc-3Fq-3D1-26r&d=Dw&c=x&e=", "http://files.example/a-b_c?q=1&r", ""},
		{"third version", "https://urldefense.com/v3/__https://files.example/a*b__;Kw!!x!y$", "https://files.example/a+b", ""},
		{"run of characters", "https://urldefense.com/v3/__https://files.example/**Bx*y__;w6TDtsO8IQ!!x!y$", "https://files.example/äöüx!y", ""},
		{"one slash lost", "https://urldefense.com/v3/__https:/files.example/x__;!!x!y$", "https://files.example/x", ""},
		{"no rewrite", "https://files.example/plain", "", unrecognized},
		{"no link", "hello", "", unrecognized},
		{"another host", "https://urldefense.com.evil.example/v3/__https://x__;!!x!y$", "", unrecognized},
		{"unknown version", "https://urldefense.com/v9/__https://x__;!!x!y$", "", unrecognized},
		{"entity left in", "https://urldefense.proofpoint.com/v2/url?u=http-3A__x.example&amp;d=Dw", "", unrecognized},
		{"line break left in", "https://urldefense.proofpoint.com/v2/url?u=http-3A__x.ex=\r\nample&d=Dw", "", unrecognized},
		{"no parameter u", "https://urldefense.proofpoint.com/v2/url?d=Dw", "", broken},
		{"bad escape", "https://urldefense.proofpoint.com/v2/url?u=http-3A__x-ZZ&d=Dw", "", broken},
		{"cut off", "https://urldefense.com/v3/__https://files.example/a*b__;K", "", broken},
		{"characters missing", "https://urldefense.com/v3/__https://files.example/a**Zb__;Kw!!x!y$", "", broken},
		{"bad base64", "https://urldefense.com/v3/__https://files.example/a*b__;K(w!!x!y$", "", broken},
	} {
		want := map[string]any{"encodedUrl": tc.link, "success": tc.err == ""}
		if tc.err != "" {
			want["error"] = tc.err
		} else {
			want["decodedUrl"] = tc.want
		}
		if diff := cmp.Diff(want, decodeURLs(t, srv, tc.link)[0]); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestRewritesComeBack(t *testing.T) {
	t.Parallel()
	srv := proofpointtest.New(proofpointtest.World{Now: stopped})
	links := []string{
		"http://files.example/", "https://a-b_c.example:8080/x/y?q=1&r=%20+#frag", "https://wörk.example/本" + strings.Repeat("ü", 70) + "*(x)", "ftp://u@files.example/~x",
	}
	var asked, want, got []string
	for _, l := range links {
		for _, rewrite := range []func(string) string{proofpointtest.RewriteV1, proofpointtest.RewriteV2, proofpointtest.RewriteV3} {
			asked, want = append(asked, rewrite(l)), append(want, l)
		}
	}
	for _, u := range decodeURLs(t, srv, asked...) {
		s, _ := u["decodedUrl"].(string)
		got = append(got, s)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded mismatch (-want +got):\n%s", diff)
	}
	shuffled := proofpointtest.New(proofpointtest.World{Now: stopped, Switches: proofpointtest.Switches{ShuffleDecoded: true}})
	if u := decodeURLs(t, shuffled, asked...); u[0]["encodedUrl"] == asked[0] {
		t.Error("ShuffleDecoded keeps the order")
	}
}

func TestDecodeWithAndWithoutCredential(t *testing.T) {
	t.Parallel()
	link := proofpointtest.RewriteV3("https://files.example/x")
	srv := proofpointtest.New(proofpointtest.World{
		Now: stopped, Quotas: proofpointtest.Quotas{Decode: 2, AnonymousDecode: 1},
		Links: []proofpointtest.Link{{URL: link, MessageGUID: "guid", Cluster: "corp_hosted", Recipient: "ada@corp.example"}},
	})
	body := `{"urls":["` + link + `"]}`
	post := func(body, contentType, principal, secret string) answer {
		t.Helper()
		return send(t, srv, http.MethodPost, "/v2/url/decode", contentType, body, principal, secret)
	}
	anonymous := `{"urls":[{"encodedUrl":"` + link + `","decodedUrl":"https://files.example/x","success":true}]}`
	known := strings.Replace(anonymous, `,"success"`, `,"messageGuid":"guid","clusterName":"corp_hosted","recipientEmail":"ada@corp.example","success"`, 1)
	if a := post(body, "application/json", "", ""); a.body != anonymous {
		t.Errorf("without a credential %d %s, want %s", a.status, a.body, anonymous)
	}
	if a := post(body, "application/json", proofpointtest.Principal, proofpointtest.Secret); a.body != known {
		t.Errorf("with a credential %d %s, want %s", a.status, a.body, known)
	}
	var got []int
	for range 2 {
		got = append(got, post(body, "application/json", proofpointtest.Principal, proofpointtest.Secret).status)
	}
	got = append(got, post(body, "application/json", "", "").status)
	if want := []int{200, 429, 429}; !slices.Equal(got, want) {
		t.Errorf("until the pools are empty %v, want %v", got, want)
	}
	if used := srv.QuotaUsed("", proofpointtest.PoolAnonymousDecode); used != 1 {
		t.Errorf("%d anonymous calls, want 1", used)
	}
	srv = proofpointtest.New(proofpointtest.World{Now: stopped})
	for _, tc := range []struct {
		name, body, contentType, secret string
		want                            int
	}{
		{"wrong secret", body, "application/json", "wrong", 401},
		{"no label", body, "", proofpointtest.Secret, 400},
		{"unknown member", `{"urls":["x"],"url":"x"}`, "application/json", proofpointtest.Secret, 400},
		{"no links", `{"urls":[]}`, "application/json", proofpointtest.Secret, 400},
		{"null", `null`, "application/json", proofpointtest.Secret, 400},
		{"not JSON", `urls=x`, "application/json", proofpointtest.Secret, 400},
	} {
		if a := post(tc.body, tc.contentType, proofpointtest.Principal, tc.secret); a.status != tc.want {
			t.Errorf("%s = %d %q, want %d", tc.name, a.status, a.body, tc.want)
		}
	}
	if a := send(t, srv, http.MethodGet, "/v2/url/decode", "", "", proofpointtest.Principal, proofpointtest.Secret); a.status != 405 {
		t.Errorf("GET = %d, want 405", a.status)
	}
}

// FuzzRewrites looks for links that do not come back from a rewrite.
func FuzzRewrites(f *testing.F) {
	for _, seed := range []string{"http://files.example/", "https://a-b_c.example/x?q=1&r=%20#y", "https://wörk.example/**A*", "x", ":/\x01ep\x10lle.fxam://"} {
		f.Add(seed)
	}
	srv := proofpointtest.New(proofpointtest.World{Quotas: proofpointtest.Quotas{Decode: -1}})
	f.Fuzz(func(t *testing.T, link string) {
		if link == "" || !utf8.ValidString(link) {
			return
		}
		for _, rewritten := range []string{proofpointtest.RewriteV1(link), proofpointtest.RewriteV2(link), proofpointtest.RewriteV3(link)} {
			got := decodeURLs(t, srv, rewritten)[0]
			// Version 3 gives a link back the second slash that some quoting takes away.
			_, after, scheme := strings.Cut(link, ":/")
			lost := strings.Contains(rewritten, "/v3/") && scheme && !strings.HasPrefix(after, "/")
			if got["decodedUrl"] != link && !lost && !strings.Contains(link, "&amp;") {
				t.Errorf("%s of %q comes back as %v", rewritten, link, got)
			}
		}
	})
}

// A link is rewritten as mail gateways do it, for a client that is to find out what it was.
func ExampleRewriteV3() {
	rewritten := proofpointtest.RewriteV3("https://files.example/a+b")
	u, err := url.Parse(rewritten)
	fmt.Println(u.Host, err)
	fmt.Println(rewritten)

	// Output:
	// urldefense.com <nil>
	// https://urldefense.com/v3/__https://files.example/a*b__;Kw!!AbCdEf!gHiJkL$
}
