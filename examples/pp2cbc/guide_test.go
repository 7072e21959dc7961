package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const guide = "README.md"

// TestGuide keeps the tables of the guide as the program has them; UPDATE_GOLDEN=1 writes them.
func TestGuide(t *testing.T) {
	t.Parallel()
	text := contents(t, guide)
	for _, part := range []struct{ name, table string }{{"permissions", permissionTable()}, {"changes", changeTable()}} {
		begin, end := "<!-- "+part.name+": kept by TestGuide -->\n", "<!-- end of "+part.name+" -->\n"
		before, rest, ok := strings.Cut(text, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no place for the %s", guide, part.name)
		}
		text = before + begin + "\n" + part.table + "\n" + end + after
	}
	if text == contents(t, guide) {
		return
	}
	if os.Getenv("UPDATE_GOLDEN") == "" {
		t.Fatalf("%s has other tables; UPDATE_GOLDEN=1 writes them", guide)
	}
	if err := os.WriteFile(guide, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func permissionTable() string {
	var table strings.Builder
	table.WriteString("| for | service | permission | calls |\n|---|---|---|---|\n")
	for _, p := range permissions() {
		name := "`" + p.name + "`"
		if len(p.operations) > 0 {
			name += " " + strings.Join(p.operations, ", ")
		}
		if p.without != "" {
			name += "; without it " + p.without
		}
		fmt.Fprintf(&table, "| %s | %s | %s | `%s` |\n", p.use, p.service, name, strings.Join(p.calls, "`, `"))
	}
	return table.String()
}

func changeTable() string {
	var table strings.Builder
	table.WriteString("| key | the script | pp2cbc |\n|---|---|---|\n")
	for _, c := range changes() {
		key := "in general"
		if c.Key != "" {
			key = "`" + c.Key + "`"
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", key, escaped(c.Then), escaped(c.Now))
	}
	return table.String()
}

// escaped keeps a text from ending its cell.
func escaped(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
