// Package bench has no code of its own: its tests count what a hunt costs, in calls and in time that passes at the services, and its
// benchmarks measure what it costs the machine, each beside the way of the script that this module replaces.
//
// Calls and latencies are counted under a test clock, against the fakes, so that they come out the same on every machine. They are kept in
// testdata/calls.golden, which go test ./internal/bench -update writes anew.
package bench
