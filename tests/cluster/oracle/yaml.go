package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	apiyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// document is what sigs.k8s.io/yaml makes of one document of a stream.
type document struct {
	// JSON is the document as YAMLToJSON converts it; absent when that failed.
	JSON json.RawMessage `json:"json,omitempty"`
	// Error says why YAMLToJSON refused it.
	Error string `json:"error,omitempty"`
	// StrictError says why YAMLToJSONStrict refuses it (a duplicate key, besides all of Error).
	StrictError string `json:"strictError,omitempty"`
}

// stream is a whole source, cut into documents as apimachinery's YAMLReader cuts it.
type stream struct {
	Documents []document `json:"documents"`
	// Error says where the reader itself stopped: documents before that are listed.
	Error string `json:"error,omitempty"`
}

func readYAML(source []byte) stream {
	reader := apiyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(source)))
	result := stream{Documents: []document{}}
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return result
		}
		if err != nil {
			result.Error = err.Error()
			return result
		}
		result.Documents = append(result.Documents, readDocument(text))
	}
}

func readDocument(text []byte) document {
	var d document
	converted, err := yaml.YAMLToJSON(text)
	if err != nil {
		d.Error = err.Error()
	} else {
		d.JSON = converted
	}
	if _, err := yaml.YAMLToJSONStrict(text); err != nil {
		d.StrictError = err.Error()
	}
	return d
}
