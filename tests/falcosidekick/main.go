// Decodes alerts as falcosidekick does, one JSON object a line, and prints what it understood.
//
// The payload has the fields and types that falcosidekick documents for its input. Any other key is an error
// here, though it would be ignored there: a misspelt one would be lost without a word.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"
)

// payload is what falcosidekick takes.
type payload struct {
	UUID         string         `json:"uuid,omitempty"`
	Output       string         `json:"output"`
	Priority     priority       `json:"priority"`
	Rule         string         `json:"rule"`
	Time         time.Time      `json:"time"`
	OutputFields map[string]any `json:"output_fields"`
	Source       string         `json:"source"`
	Tags         []string       `json:"tags,omitempty"`
	Hostname     string         `json:"hostname,omitempty"`
}

// priority is a number from 1, debug, to 8, emergency.
type priority int

var names = []string{"debug", "informational", "notice", "warning", "error", "critical", "alert", "emergency"}

func (p *priority) UnmarshalJSON(b []byte) error {
	var name string
	if err := json.Unmarshal(b, &name); err != nil {
		return err
	}
	for i, known := range names {
		if strings.EqualFold(name, known) {
			*p = priority(i + 1)
			return nil
		}
	}
	return fmt.Errorf("unknown priority %q", name)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		var alert payload
		if err := decoder.Decode(&alert); err != nil {
			fmt.Fprintf(os.Stderr, "line %d: %v\n", n, err)
			os.Exit(1)
		}
		// What falcosidekick refuses.
		if alert.Output == "" || alert.Rule == "" || alert.Priority == 0 || alert.Time.IsZero() || len(alert.OutputFields) == 0 {
			fmt.Fprintf(os.Stderr, "line %d: incomplete\n", n)
			os.Exit(1)
		}
		fields := make([]string, 0, len(alert.OutputFields))
		for name := range alert.OutputFields {
			fields = append(fields, name)
		}
		sort.Strings(fields)
		fmt.Printf("%d %s %s %s %s %v %s\n", alert.Priority, alert.Rule, alert.Source, alert.Hostname,
			alert.Time.UTC().Format(time.RFC3339Nano), alert.Tags, strings.Join(fields, ","))
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
