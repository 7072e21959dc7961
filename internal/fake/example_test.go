package fake_test

import (
	"fmt"
	"io"
	"net/http"

	"github.com/pphunt/pphunt/internal/fake"
)

// A fake of one route, and a fault for its first caller.
func Example() {
	s := fake.New(fake.Config{Name: "greettest", URL: "https://greet.invalid"})
	s.Handle("GET /greet/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s.", r.PathValue("name"))
	})
	s.Inject(nil, 1, fake.Fail(http.StatusServiceUnavailable))

	for range 2 {
		res, err := s.Client().Get("https://greet.invalid/greet/Ada")
		if err != nil {
			fmt.Println(err)
			return
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		fmt.Printf("%d %q\n", res.StatusCode, text)
	}
	for _, r := range s.Requests() {
		fmt.Println(r.Operation, r.Path, r.Status)
	}

	// Output:
	// 503 "Service Unavailable (injected fault)\n"
	// 200 "Hello, Ada."
	// GET /greet/{name} /greet/Ada 503
	// GET /greet/{name} /greet/Ada 200
}
