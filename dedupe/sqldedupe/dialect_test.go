package sqldedupe

import "testing"

func TestBind(t *testing.T) {
	t.Parallel()
	const statement = `INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = ?`
	if got := (Dialect{}).bind(statement); got != statement {
		t.Errorf("bind with question marks = %q", got)
	}
	want := `INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT (a) DO UPDATE SET b = $3`
	if got := (Dialect{dollars: true}).bind(statement); got != want {
		t.Errorf("bind with dollars = %q, want %q", got, want)
	}
}
