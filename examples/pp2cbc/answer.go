package main

import (
	"io"
	"strings"
)

// answer watches what a command prints as JSON, and what it complains of.
type answer struct {
	out, complaints io.Writer
	begun           bool
	errors          []string
}

// Write passes on what is printed.
func (a *answer) Write(b []byte) (int, error) {
	a.begun = a.begun || len(b) > 0
	return a.out.Write(b)
}

// end prints an object that says what is wrong, if the command has come to an end without anything.
func (a *answer) end(code int) int {
	if a.begun || code == exitDone {
		return code
	}
	err := encode(a.out, struct {
		Errors   []string `json:"errors"`
		ExitCode int      `json:"exit_code"`
	}{append([]string{}, a.errors...), code})
	if err != nil {
		return exitFailed
	}
	return code
}

// mostErrors is the most complaints that an answer repeats.
const mostErrors = 1000

// complaints is an answer that is written to in other words: each line is a complaint.
type complaints answer

func (c *complaints) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		text := strings.TrimPrefix(strings.TrimSpace(line), "pp2cbc: ")
		if text != "" && !strings.HasPrefix(text, "warning: ") && len(c.errors) < mostErrors {
			c.errors = append(c.errors, text)
		}
	}
	return c.complaints.Write(b)
}
