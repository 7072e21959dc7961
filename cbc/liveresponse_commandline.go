package cbc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// CommandLine is a program with its arguments in one text, which is the only form in which the vendor takes them. A text that is
// known as a whole can be converted; where arguments come from elsewhere, [WindowsCommandLine], [POSIXCommandLine] or
// [Session.CommandLine] put it together, so that none of them becomes two, or another option.
type CommandLine string

// WindowsCommandLine writes a program and its arguments so that CommandLineToArgvW, and with it the C runtime and most programs,
// reads them as they are. It cannot promise that of programs that read the line by rules of their own: cmd.exe, which takes its
// operators even from quoted arguments at times, msiexec, cscript, or anything with a switch for a whole command, such as
// powershell -Command. A batch file is refused, because cmd.exe runs it. An argument that begins with a hyphen or slash is still an
// option to the program.
func WindowsCommandLine(program string, args ...string) (CommandLine, error) {
	if err := checkWords(program, args); err != nil {
		return "", err
	}
	// The first word has no escapes.
	if strings.Contains(program, `"`) {
		return "", errors.New("cbc: command line: the program's name has a quotation mark")
	}
	name := strings.ToLower(strings.TrimRight(program, " ."))
	if strings.HasSuffix(name, ".bat") || strings.HasSuffix(name, ".cmd") {
		return "", errors.New("cbc: command line: a batch file is run by cmd.exe, which reads arguments in a way that nothing is safe from")
	}
	var b strings.Builder
	b.WriteString(quoteProgram(program))
	for _, arg := range args {
		b.WriteByte(' ')
		quoteWindows(&b, arg)
	}
	return CommandLine(b.String()), nil
}

// POSIXCommandLine writes a program and its arguments so that a POSIX shell reads them as they are. Whether the sensor has a shell
// read the line is not documented. Words of letters, digits and the characters %+,-./:=@_ alone are written without quotes, so that
// they stay what they are in any case; for others, as those with spaces, it cannot promise that. An argument that begins with a
// hyphen is still an option to the program.
func POSIXCommandLine(program string, args ...string) (CommandLine, error) {
	if err := checkWords(program, args); err != nil {
		return "", err
	}
	if strings.Contains(program, "=") {
		return "", errors.New("cbc: command line: a shell takes a program with an equals sign in its name for a variable")
	}
	words := make([]string, 0, 1+len(args))
	for _, word := range append([]string{program}, args...) {
		words = append(words, quotePOSIX(word))
	}
	return CommandLine(strings.Join(words, " ")), nil
}

// CommandLine is [WindowsCommandLine] or [POSIXCommandLine], as the device needs it. A session whose sensor has not joined yet does
// not know its device.
func (s *Session) CommandLine(program string, args ...string) (CommandLine, error) {
	windows, known := s.system()
	switch {
	case !known:
		return "", fmt.Errorf("cbc: live_response.command_line: device %d does not say what system it has", s.DeviceID)
	case windows:
		return WindowsCommandLine(program, args...)
	}
	return POSIXCommandLine(program, args...)
}

// system tells what the session says about its device.
func (s *Session) system() (windows, known bool) {
	info := s.Info()
	for _, p := range append([]string{info.WorkingDirectory}, info.Drives...) {
		switch {
		case strings.HasPrefix(p, "/"):
			return false, true
		case len(p) > 1 && p[1] == ':', strings.HasPrefix(p, `\\`):
			return true, true
		}
	}
	if slices.ContainsFunc(info.SupportedCommands, func(c string) bool { return strings.HasPrefix(strings.ToLower(c), "reg ") }) {
		return true, true
	}
	return false, false
}

func checkWords(program string, args []string) error {
	if strings.TrimSpace(program) == "" {
		return errors.New("cbc: command line: the program is missing")
	}
	for _, word := range append([]string{program}, args...) {
		if strings.ContainsRune(word, 0) {
			return errors.New("cbc: command line: a word has a zero byte")
		}
	}
	return nil
}

func quoteProgram(program string) string {
	if strings.ContainsAny(program, " \t\n\v\f\r") {
		return `"` + program + `"`
	}
	return program
}

// quoteWindows doubles backslashes where a quotation mark follows, and escapes that.
func quoteWindows(b *strings.Builder, arg string) {
	if arg != "" && !strings.ContainsAny(arg, " \t\n\v\f\r\"") {
		b.WriteString(arg)
		return
	}
	b.WriteByte('"')
	backslashes := 0
	for i := range len(arg) {
		switch arg[i] {
		case '\\':
			backslashes++
			b.WriteByte('\\')
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, backslashes+1))
		}
		backslashes = 0
		b.WriteByte(arg[i])
	}
	b.WriteString(strings.Repeat(`\`, backslashes))
	b.WriteByte('"')
}

func quotePOSIX(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("%+,-./:=@_", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
