package fake

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestJournalIsBounded(t *testing.T) {
	t.Parallel()
	j := journal{limits: limits{requests: 100, overhang: 10, body: 8, bodies: 160}}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	for range 30 {
		j.open(r, bytes.Repeat([]byte("x"), 9), false, time.Time{})
	}
	all := j.all()
	if len(all) != 30 || all[9].Body != nil || len(all[10].Body) != 8 {
		t.Errorf("%d entries; body 9 has %d bytes, body 10 has %d; want the bodies of the oldest ten gone, and the others cut", len(all), len(all[9].Body), len(all[10].Body))
	}
	for i := range 500 {
		j.open(r, []byte("y"), false, time.Unix(int64(i), 0))
		total := 0
		for _, e := range j.all() {
			total += len(e.Body)
		}
		if n := len(j.all()); total != j.bodies || total > 160 || n > 110 {
			t.Fatalf("after %d more: %d entries, whose bodies hold %d bytes and count %d", i+1, n, total, j.bodies)
		}
	}
	all = j.all()
	if last := all[len(all)-1]; len(all) < 100 || last.Time.Unix() != 499 || string(last.Body) != "y" {
		t.Errorf("%d entries, the last %v; want the newest hundred at least", len(all), last)
	}
}
