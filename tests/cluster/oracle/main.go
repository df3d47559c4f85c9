// Command oracle answers, one JSON object a line, how upstream's own code reads YAML and audit policies.
//
// A request is {"op": OP, ...} on stdin; its answer is one line on stdout, in the order asked. Asking
// for what upstream refuses is no failure: the refusal is the answer, in "error".
//
//	{"op":"yaml","source":BASE64}                            -> stream
//	{"op":"audit-policy","source":BASE64}                    -> loaded
//	{"op":"audit-eval","source":BASE64,"requests":[request]} -> decisions
//
// Sources are base64, since a hostile one need not be UTF-8.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/klog/v2"
)

// question is one line of stdin; which fields it needs follows from Op.
type question struct {
	Op       string    `json:"op"`
	Source   []byte    `json:"source"`
	Requests []request `json:"requests"`
}

func answer(q question) (reply any, err error) {
	// Upstream's parsers are fed hostile input here; a panic of theirs is an answer, not the end of the run.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	switch q.Op {
	case "yaml":
		return readYAML(q.Source), nil
	case "audit-policy":
		return loadPolicy(q.Source), nil
	case "audit-eval":
		return evaluate(q.Source, q.Requests), nil
	default:
		return nil, fmt.Errorf("unknown op %q: expected yaml, audit-policy or audit-eval", q.Op)
	}
}

func serve(in io.Reader, out io.Writer) error {
	questions := json.NewDecoder(bufio.NewReader(in))
	lines := bufio.NewWriter(out)
	answers := json.NewEncoder(lines)
	answers.SetEscapeHTML(false)
	for {
		var q question
		if err := questions.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a question: %w", err)
		}
		reply, err := answer(q)
		if err != nil {
			reply = map[string]string{"error": err.Error()}
		}
		if err := answers.Encode(reply); err != nil {
			return fmt.Errorf("answer %q: %w", q.Op, err)
		}
		if err := lines.Flush(); err != nil {
			return err
		}
	}
}

func main() {
	// The loader's warnings would interleave with the answers of a test that merges both streams.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(2)
	}
}
