package sqlitededupe_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pphunt/pphunt/dedupe"
	"github.com/pphunt/pphunt/dedupe/sqlitededupe"
)

// What is wrong in the middle of a file shows only to those who read it all, or too late.
func TestOpenFindsDamageAnywhere(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "app.sql")
	s, err := sqlitededupe.Open(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	var keys []dedupe.Key
	for i := range 2000 {
		keys = append(keys, dedupe.Key(fmt.Sprintf("isolate/device/%d", i)))
	}
	if _, err := s.Claim(t.Context(), "owner", noon(), time.Minute, keys...); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for name, c := range map[string]struct {
		content []byte
		kind    error
	}{
		"a page in the middle":            {overwritten(whole, len(whole)/page/2*page, bytes.Repeat([]byte{0xa5}, page)), sqlitededupe.ErrDamaged},
		"the middle of a page":            {overwritten(whole, len(whole)/page/2*page+page/2, bytes.Repeat([]byte{0xa5}, 300)), sqlitededupe.ErrDamaged},
		"the end is missing":              {whole[:len(whole)-page], sqlitededupe.ErrDamaged},
		"a few bytes that are no header":  {[]byte("x"), sqlitededupe.ErrForeign},
		"a header, and nothing behind it": {whole[:100], sqlitededupe.ErrForeign},
	} {
		path := filepath.Join(t.TempDir(), "app.sql")
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := sqlitededupe.Open(t.Context(), path); !errors.Is(err, c.kind) {
			t.Errorf("%s: Open = %v, %v; want the error %v", name, s, err, c.kind)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, c.content) {
			t.Errorf("%s: the file was changed, or %v", name, err)
		}
		if left, err := filepath.Glob(path + "-*"); err != nil || len(left) > 0 {
			t.Errorf("%s: Open left %q, %v", name, left, err)
		}
	}
}

func overwritten(b []byte, at int, with []byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	return b
}
