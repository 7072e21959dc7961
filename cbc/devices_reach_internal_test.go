package cbc

import "testing"

func TestWhatAnExpressionCouldFind(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`*`, `*:*`, `name:*`, `name:?*`, `(name:*)`, `((*))`, `name:(*)`, `name:[* TO *]`, `name:{* TO *}`, `_exists_:name`, `name:/.*/`,
		`-name:lap`, `!name:lap`, `NOT name:lap`, `NOT(name:lap)`, `not (name:lap)`, "NOT\tname:lap", `NOT NOT`, `-(name:lap)`, `-name:lap -os:LINUX`, `NOT name:lap AND NOT os:LINUX`,
		`name:* AND NOT name:lap`, `name:* -os:LINUX`, `*:* AND *`,
		`name:lap OR *`, `name:lap OR name:*`, `name:lap || *`, `name:lap or *`, `name:lap OR NOT name:lap`, `name:(lap OR *)`, `name:(lap *)`, `name:lap *`, `name:lap and *`,
		`(name:lap OR (os:LINUX OR *))`, `name:lap AND os:LINUX OR *`,
	} {
		if !findsAnything(Raw(text)) {
			t.Errorf("%s could find everything, and passes for a restriction", text)
		}
	}
	for _, text := range []string{
		`lap`, `name:lap*`, `name:*lap`, `name:lap AND NOT os:LINUX`, `name:lap -os:LINUX`, `name:lap NOT os:LINUX`, `+name:lap`, `name:(lap OR desk)`, `name:lap AND *`,
		`(name:lap)`, `name:\*`, `name:\(\*`, `id:[1 TO 5]`, `name:lap OR name:desk`, `name:lap OR (os:LINUX AND *)`, `_exists_:name AND name:lap`, `name:NOTE`, `ORLANDO`, `name:lap os:LINUX`,
	} {
		if findsAnything(Raw(text)) {
			t.Errorf("%s is a restriction, and passes for everything", text)
		}
	}
	lap, all, none := Field("name").Prefix("lap"), Field("name").Exists(), Expr{}
	for _, tt := range []struct {
		e    Expr
		want bool
	}{
		{none, true},
		{lap, false},
		{all, true},
		{Not(lap), true},
		{Not(all), true},
		{And(), true},
		{Or(), false},
		{And(lap, all), false},
		{And(lap, Not(all)), false},
		{And(Not(lap), all), true},
		{Or(lap, all), true},
		{Or(lap, Not(lap)), true},
		{Or(lap, lap), false},
		{Field("name").AnyOf("*", "AND"), false},
		{Field("name").AnyOf("-x"), false},
	} {
		if got := findsAnything(tt.e); got != tt.want {
			t.Errorf("findsAnything(%s) = %v, want %v", tt.e, got, tt.want)
		}
	}
}

func FuzzWhatAnExpressionCouldFind(f *testing.F) {
	f.Add(`name:lap OR (NOT os:"x y" && [1 TO *])`)
	f.Add(`_exists_:`)
	f.Add(`-`)
	f.Fuzz(func(t *testing.T, text string) {
		e := Raw(text)
		if e.err == nil && !findsAnything(Or(e, Raw("*"))) {
			t.Errorf("%q with everything as an alternative passes for a restriction", text)
		}
	})
}
