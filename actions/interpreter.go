package actions

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// dialect is how a program that runs code is told its code: by an option, or else by its first operand.
type dialect struct {
	// code are the letters of options whose value is code, or a file of it; value those of options with any other value, and glued
	// those of options whose value stands in the same argument or nowhere. The rest are taken for switches.
	code, value, glued string
	// codeLong and valueLong are the same for the names of long options.
	codeLong, valueLong []string
	// shell tells that the letter of code has no value itself: the first operand is the code then.
	shell bool
	// last tells that everything behind the code is an argument of it, what looks like an option included.
	last bool
}

// dialectOf knows interpreters by their names without a version.
func dialectOf(name string) (dialect, bool) {
	switch name {
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "pdksh", "oksh", "rbash", "rksh", "yash", "csh", "tcsh":
		return dialect{shell: true, code: "c", value: "oO", valueLong: []string{"rcfile", "init-file"}}, true
	case "fish", "nu", "xonsh", "elvish", "expect":
		return dialect{code: "cC", codeLong: []string{"command", "commands", "init-command"}, value: "dDf"}, true
	case "python", "pythonw", "pypy", "py":
		return dialect{code: "cm", last: true, value: "WXQ", valueLong: []string{"check-hash-based-pycs"}}, true
	case "perl", "wperl":
		return dialect{code: "eE", value: "I", glued: "MmFiCDxV"}, true
	case "ruby", "rubyw":
		return dialect{code: "e", value: "ICrE", glued: "FiKTWx", valueLong: []string{"encoding", "external-encoding", "internal-encoding"}}, true
	case "node", "nodejs", "bun":
		return dialect{code: "ep", codeLong: []string{"eval", "print"}, value: "rC", valueLong: []string{"require", "import", "conditions", "loader", "experimental-loader"}}, true
	case "php", "php-cli":
		return dialect{
			code: "rRBEfF", codeLong: []string{"run", "process-begin", "process-code", "process-end", "file", "process-file"},
			value: "cdztS", valueLong: []string{"php-ini", "define", "zend-extension", "docroot", "server"},
		}, true
	case "lua", "luajit", "osascript", "Rscript", "rscript", "julia":
		return dialect{code: "eE", codeLong: []string{"eval", "print"}, value: "lsLpJ"}, true
	case "awk", "gawk", "mawk", "nawk", "sed", "gsed":
		return dialect{
			code: "ef", codeLong: []string{"expression", "file", "source"}, value: "vFl", glued: "i",
			valueLong: []string{"assign", "field-separator", "line-length"},
		}, true
	}
	return dialect{}, false
}

// source finds the code: it is within args[:end], and behind that are its own arguments. inline tells that an option named it.
func (d dialect) source(args []string) (end int, inline bool) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			if inline && !d.shell {
				return i + 1, inline
			}
			return min(i+2, len(args)), inline
		case len(arg) < 2 || arg[0] != '-' && (!d.shell || arg[0] != '+'): // an operand
			if inline && !d.shell {
				return i, inline
			}
			return i + 1, inline
		}
		code, more := d.option(arg)
		inline = inline || code
		if more {
			i++
		}
		if code && d.last {
			return min(i+1, len(args)), inline
		}
	}
	return len(args), inline
}

// option tells whether an argument names code, and whether its value is the next argument.
func (d dialect) option(arg string) (code, more bool) {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		name, _, joined := strings.Cut(long, "=")
		code = slices.Contains(d.codeLong, name)
		return code, !joined && (code || slices.Contains(d.valueLong, name))
	}
	letters := arg[1:]
	for k, letter := range letters {
		rest := letters[k+1:]
		switch {
		case strings.ContainsRune(d.code, letter) && d.shell:
			code = true
		case strings.ContainsRune(d.code, letter):
			return true, strings.Trim(rest, d.code) == "" // node -pe
		case strings.ContainsRune(d.value, letter):
			return code, rest == ""
		case strings.ContainsRune(d.glued, letter):
			return code, false
		}
	}
	return code, false
}

// wrapper tells the letters of the options with a value of a program that does no more than run another one.
func wrapper(name string) (value string, ok bool) {
	switch name {
	case "env":
		return "uCP", true
	case "sudo":
		return "ugpCrtThDRU", true
	case "doas":
		return "uC", true
	case "nice", "ionice", "timeout", "stdbuf", "time", "exec", "setsid", "nohup", "command", "busybox", "toybox", "chronic", "unbuffer", "caffeinate":
		return "nkscpioefatw", true
	}
	return "", false
}

// takesCommands tells a program that hands all its arguments to a shell or makes a command of them, here or on another machine.
func takesCommands(name string) bool {
	switch name {
	case "cmd", "ssh", "autossh", "plink", "rsh", "mosh", "eval", "xargs", "parallel", "watch", "su", "runuser", "deno",
		"mshta", "wmic", "schtasks", "forfiles":
		return true
	}
	return false
}

var (
	version    = regexp.MustCompile(`[-.0-9]+$`)
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	duration   = regexp.MustCompile(`^[0-9.]+[smhd]?$`)
	cmdSwitch  = regexp.MustCompile(`(?i)^/(s/)?[ckr]`)
)

// programName is the name of a program without its directory, its .exe and its version, in lower case.
func programName(program string) string {
	name := strings.ToLower(program[strings.LastIndexAny(program, `/\`)+1:])
	name = strings.TrimSuffix(name, ".exe")
	if short := version.ReplaceAllString(name, ""); short != "" {
		name = short
	}
	return name
}

// checkCode refuses a command in which the value of a placeholder could be run: no quoting keeps a path with a quote in it from
// ending the string that it is put into.
func checkCode(command []string) error {
	problem := runsValue(command)
	for i := 1; problem == "" && i < len(command); i++ {
		problem = mentionsCode(command[i:])
	}
	if problem == "" {
		return nil
	}
	return fmt.Errorf("actions: the script has a placeholder where %s takes code: its value would be run; put the code in a file, and the placeholder behind it as an argument of its own", problem)
}

func anyPlaceholder(args []string) bool { return slices.ContainsFunc(args, placeholder.MatchString) }

// runsValue tells which program of a command would run a value, empty if none would.
func runsValue(command []string) string {
	name, args := programName(command[0]), command[1:]
	if value, ok := wrapper(name); ok {
		return wrapsValue(name, args, dialect{value: value})
	}
	bad := false
	if d, ok := dialectOf(name); ok {
		end, _ := d.source(args)
		bad = anyPlaceholder(args[:end])
	} else if name == "powershell" || name == "pwsh" {
		code, _ := powershellCode(args)
		bad = anyPlaceholder(code)
	} else if takesCommands(name) {
		bad = anyPlaceholder(args)
	}
	if bad {
		return name
	}
	return ""
}

// wrapsValue looks at the command of a wrapper. The value of a variable is no code.
func wrapsValue(name string, args []string, d dialect) string {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		option := len(arg) > 1 && arg[0] == '-'
		split := option && name == "env" && (strings.HasPrefix(arg, "--sp") || arg[1] != '-' && strings.Contains(arg, "S"))
		switch {
		case split && anyPlaceholder(args): // it makes several arguments of one, and a command of them
			return name
		case assignment.MatchString(arg):
		case placeholder.MatchString(arg):
			return name
		case option:
			if _, more := d.option(arg); more && i+1 < len(args) && !placeholder.MatchString(args[i+1]) {
				i++
			}
		case !duration.MatchString(arg):
			return runsValue(args[i:])
		}
	}
	return ""
}

// mentionsCode is runsValue for the middle of a command, where a name may mean anything: it must be followed by an option for code.
func mentionsCode(command []string) string {
	name, args := programName(command[0]), command[1:]
	bad := false
	if d, ok := dialectOf(name); ok {
		end, inline := d.source(args)
		bad = inline && anyPlaceholder(args[:end])
	} else if name == "powershell" || name == "pwsh" {
		code, inline := powershellCode(args)
		bad = inline && anyPlaceholder(code)
	} else if name == "cmd" {
		bad = slices.ContainsFunc(args, cmdSwitch.MatchString) && anyPlaceholder(args)
	}
	if bad {
		return name
	}
	return ""
}

// powershellCode are the arguments that are code, with what is before them: all of them, except behind -File and its script. inline
// tells that an option named it.
func powershellCode(args []string) (code []string, inline bool) {
	value := false // the next argument may be the value of an option
	for i, arg := range args {
		if arg == "" || arg[0] != '-' && arg[0] != '/' {
			if !value {
				return args, false
			}
			value = false
			continue
		}
		name := strings.ToLower(strings.TrimLeft(arg, "-/"))
		switch {
		case name == "":
			return args, true // the code comes from elsewhere, and what follows is no script either
		case strings.HasPrefix("file", name):
			return args[:min(i+2, len(args))], false
		case strings.HasPrefix(name, "c") && name != "configurationname" && name != "custompipename", name == "e", name == "ec", strings.HasPrefix(name, "en"):
			return args, true
		}
		value = !strings.HasPrefix(name, "no") && !slices.Contains([]string{"sta", "mta", "l", "login", "i", "interactive"}, name)
	}
	return args, false
}
