package cbc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestDecodeFacets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file     string
		finished bool
		want     Facets
	}{
		{"facets.json", true, Facets{
			Terms: []Facet{{Field: "device_id", Values: []FacetValue{{ID: "4571602", Name: "4571602", Total: 12}, {ID: "4571777", Name: "4571777", Total: 3}}}},
			Ranges: []RangeFacet{{
				Field: "backend_timestamp", Start: "2025-02-01T00:00:00Z", End: "2025-02-11T00:00:00Z", BucketSize: "+1DAY",
				Buckets: []FacetBucket{{Name: "2025-02-03T00:00:00Z", Total: 5}},
			}},
			Found: 15,
		}},
		{"facets_odd.json", true, Facets{
			Terms:  []Facet{{Field: "device_os", Values: []FacetValue{{Name: "WINDOWS", Total: 7}}}, {Field: "device_policy"}},
			Ranges: []RangeFacet{{Field: "netconn_count", Start: "0", End: "100", BucketSize: "50", Buckets: []FacetBucket{{Name: "50", Total: 5}}}},
			Found:  7,
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			var answer facetAnswer
			if err := json.Unmarshal(sample(t, "investigate/"+tt.file), &answer, forgiving()); err != nil {
				t.Fatal(err)
			}
			got, err := answer.facets("op")
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("facets, error %v (-want +got):\n%s", err, diff)
			}
			if answer.status().Finished != tt.finished {
				t.Errorf("Finished = %v, want %v", !tt.finished, tt.finished)
			}
		})
	}
	for _, text := range []string{`{"terms":[{"values":[]}]}`, `{"ranges":[{"field":""}]}`, `{"terms":[7]}`} {
		var answer facetAnswer
		if err := json.Unmarshal([]byte(text), &answer, forgiving()); err != nil {
			t.Fatal(err)
		}
		if got, err := answer.facets("op"); err == nil {
			t.Errorf("facets of %s = %+v, want an error", text, got)
		}
	}
}

func TestFacetBucketTime(t *testing.T) {
	t.Parallel()
	got, ok := FacetBucket{Name: "2025-02-03T00:00:00Z"}.Time()
	if want := time.Date(2025, 2, 3, 0, 0, 0, 0, time.UTC); !ok || !got.Equal(want) {
		t.Errorf("Time() = %v, %v, want %v", got, ok, want)
	}
	if got, ok := (FacetBucket{Name: "soon"}).Time(); ok {
		t.Errorf("Time() of no time = %v", got)
	}
}

func TestDecodeSummary(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		want ProcessSummary
	}{
		{"summary.json", ProcessSummary{
			Process: ProcessNode{
				Process: Process{
					GUID: "7QRST4UV-0045c1d2-00001a2c-00000000-1db7c3f1a2b4c5d", PIDs: []int64{6700}, DeviceID: 4571602, DeviceName: `corp\lap-0417`,
					Terminated: true, Start: time.Date(2025, 2, 11, 8, 15, 29, 1e6, time.UTC),
				},
				Filename: "invoice_0417.exe", HasChildren: true, Hits: true,
			},
			Parent: ProcessNode{Process: Process{GUID: "7QRST4UV-0045c1d2-00000f10-00000000-1db7c3e0000aa01"}, HasChildren: true},
			Children: []ProcessNode{{
				Process: Process{GUID: "7QRST4UV-0045c1d2-00001b00-00000000-1db7c3f1a2b4c60", PIDs: []int64{6912}}, Filename: "cmd.exe",
			}},
		}},
		{"summary_odd.json", ProcessSummary{
			Process:  ProcessNode{Process: Process{GUID: "G-1", PIDs: []int64{6700}, Hashes: []string{"0f343b0931126a20f133d67c2b018a3b"}}, Hits: true},
			Children: []ProcessNode{{Process: Process{GUID: "G-2"}}},
			Siblings: []ProcessNode{{Process: Process{GUID: "G-3"}}},
		}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			var answer summaryAnswer
			if err := json.Unmarshal(sample(t, "investigate/"+tt.file), &answer, forgiving()); err != nil {
				t.Fatal(err)
			}
			got, err := decodeSummary("op", answer.Summary)
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(ProcessSummary{}, "Raw")); err != nil || diff != "" {
				t.Errorf("summary, error %v (-want +got):\n%s", err, diff)
			}
			if string(got.Raw) != string(answer.Summary) {
				t.Errorf("Raw = %s, want the summary as it came", got.Raw)
			}
		})
	}
	for _, text := range []string{`{}`, `null`, `{"process":null}`, `{"process":{"process_pid":[1]}}`, `7`, `{"process":{"process_guid":"G"}`} {
		if got, err := decodeSummary("op", []byte(text)); err == nil {
			t.Errorf("decodeSummary(%s) = %+v, want an error", text, got)
		} else if e, ok := errors.AsType[*APIError](err); !ok || e.Op != "op" {
			t.Errorf("decodeSummary(%s) = %v, want an APIError", text, err)
		}
	}
}

func TestDecodeTree(t *testing.T) {
	t.Parallel()
	var answer summaryAnswer
	if err := json.Unmarshal(sample(t, "investigate/tree.json"), &answer, forgiving()); err != nil {
		t.Fatal(err)
	}
	tree, err := decodeTree("op", answer.Tree)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for depth, node := range tree.Walk() {
		got = append(got, strings.Repeat("-", depth)+string(node.GUID)+" "+node.Filename)
	}
	want := []string{"G-1 invoice.exe", "-G-2 cmd.exe", "--G-3 whoami.exe", "--G-4 net.exe", "-G-5 powershell.exe"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Walk (-want +got):\n%s", diff)
	}
	for range tree.Walk() {
		break
	}
	if string(tree.Raw) != string(answer.Tree) || !tree.Children[1].Hits {
		t.Errorf("the tree lacks its raw text, or a hit: %+v", tree)
	}
}

// TestDeepTree has a tree as deep as JSON may be, which must cost neither the stack nor time that grows with the square.
func TestDeepTree(t *testing.T) {
	t.Parallel()
	const depth = 4000
	text := strings.Repeat(`{"process_guid":"G","children":[`, depth) + strings.Repeat(`]}`, depth)
	tree, err := decodeTree("op", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	deepest := 0
	for d := range tree.Walk() {
		deepest = max(deepest, d)
	}
	if deepest != depth-1 {
		t.Errorf("the tree is %d deep, want %d", deepest, depth-1)
	}
}

func FuzzSummary(f *testing.F) {
	for _, name := range []string{"summary.json", "summary_odd.json", "summary_not_found.json", "summary_starting.json", "tree.json", "tree_not_found.json", "facets.json", "facets_odd.json"} {
		f.Add(sample(f, "investigate/"+name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var answer summaryAnswer
		if json.Unmarshal(data, &answer, forgiving()) != nil {
			return
		}
		if s, err := partial(decodeSummary, answer.Summary, nil); err == nil && s.Process.GUID == "" {
			t.Errorf("%s decodes to a summary without a process", data)
		}
		if tree, err := partial(decodeTree, answer.Tree, nil); err == nil {
			for depth, node := range tree.Walk() {
				if node.GUID == "" {
					t.Errorf("%s has a process without a GUID at depth %d", data, depth)
				}
			}
		}
		var counts facetAnswer
		if json.Unmarshal(data, &counts, forgiving()) != nil {
			return
		}
		if facets, err := counts.facets("op"); err == nil {
			for _, facet := range facets.Terms {
				if facet.Field == "" {
					t.Errorf("%s has counts of nothing", data)
				}
			}
		}
	})
}
