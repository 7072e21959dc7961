package cbc

import (
	"bytes"
	"errors"
	"iter"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ProcessNode is a process in a summary or a tree. Any field may be missing, but for the GUID.
type ProcessNode struct {
	Process
	// Filename is the last part of the process's path.
	Filename string `json:"_process_filename,omitzero"`
	// HasChildren tells that the process started others, whether or not they are in Children.
	HasChildren bool `json:"has_children,omitzero"`
	// Hits tells that a watchlist has hit the process.
	Hits bool `json:"hits,omitzero"`
	// Children are the processes that it started, in a tree alone.
	Children []ProcessNode `json:"-"`
}

// Walk yields the node and all below it, parents before their children, each with its depth: 0 for the node itself.
func (n ProcessNode) Walk() iter.Seq2[int, ProcessNode] {
	return func(yield func(int, ProcessNode) bool) { n.walk(0, yield) }
}

func (n ProcessNode) walk(depth int, yield func(int, ProcessNode) bool) bool {
	if !yield(depth, n) {
		return false
	}
	for _, kid := range n.Children {
		if !kid.walk(depth+1, yield) {
			return false
		}
	}
	return true
}

// ProcessSummary is a process with those around it.
type ProcessSummary struct {
	Process ProcessNode
	// Parent has no GUID if the parent is not known.
	Parent ProcessNode
	// Children were started by the process, Siblings by its parent.
	Children []ProcessNode
	Siblings []ProcessNode
	// Raw is the summary as it came, as evidence.
	Raw []byte
}

// wireNode is a process in a summary or a tree, with the nodes below it.
type wireNode struct {
	ProcessNode
	Kids wireNodes `json:"children"`
}

// wireNodes are nodes. What is no object among them counts as absent.
type wireNodes []wireNode

// UnmarshalJSONFrom reads a list, or a single node.
func (l *wireNodes) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '{':
		var one wireNode
		if err := json.UnmarshalDecode(dec, &one); err != nil {
			return err
		}
		*l = append(*l, one)
		return nil
	case '[':
	default:
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		if err := l.UnmarshalJSONFrom(dec); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// nodes are those of l that say which process they are about.
func (l wireNodes) nodes() []ProcessNode {
	var nodes []ProcessNode
	for _, w := range l {
		if w.GUID != "" {
			nodes = append(nodes, w.node())
		}
	}
	return nodes
}

func (w wireNode) node() ProcessNode {
	w.Children = w.Kids.nodes()
	return w.ProcessNode
}

// summaryAnswer is an answer about a summary or a tree.
type summaryAnswer struct {
	Exception string         `json:"exception"`
	Summary   jsontext.Value `json:"summary"`
	Tree      jsontext.Value `json:"tree"`
	progress
}

func decodeSummary(op string, raw jsontext.Value) (ProcessSummary, error) {
	var w struct {
		Process  wireNodes `json:"process"`
		Parent   wireNodes `json:"parent"`
		Children wireNodes `json:"children"`
		Siblings wireNodes `json:"siblings"`
	}
	if err := decodeValue(op, raw, &w); err != nil {
		return ProcessSummary{}, err
	}
	s := ProcessSummary{Children: w.Children.nodes(), Siblings: w.Siblings.nodes(), Raw: bytes.Clone(raw)}
	if process := w.Process.nodes(); len(process) > 0 {
		s.Process = process[0]
	} else {
		return ProcessSummary{}, answerError(op, http.StatusOK, raw, errors.New("a summary without a process"))
	}
	if parent := w.Parent.nodes(); len(parent) > 0 {
		s.Parent = parent[0]
	}
	return s, nil
}

func decodeTree(op string, raw jsontext.Value) (ProcessNode, error) {
	var w wireNodes
	if err := decodeValue(op, raw, &w); err != nil {
		return ProcessNode{}, err
	}
	roots := w.nodes()
	if len(roots) == 0 {
		return ProcessNode{}, answerError(op, http.StatusOK, raw, errors.New("a tree without a process"))
	}
	roots[0].Raw = bytes.Clone(raw)
	return roots[0], nil
}
