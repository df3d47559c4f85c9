// pss-oracle answers what Kubernetes' own code says of pods.
//
// A first line of standard input may define ValidatingAdmissionPolicies, as far as they judge:
//
//	{"policies": [{"variables": [{"name": "spec", "expression": "object.spec"}], "validations": [{"expression": "…"}]}]}
//
// Every other line has a Pod, {"pod": {…}}. The line of standard output that answers it has the Pod Security
// controls that deny the pod, by level, from each version of the standards on at which they change, and what each
// policy says of its creation: for each validation true, false or an error's text, and what it costs of the
// apiserver's budget.
//
//	{"changes": [{"since": 0, "baseline": ["privileged"], "restricted": ["privileged", …]}, …],
//	 "policies": [{"verdicts": [true], "cost": 12}]}
//
// or {"error": "…"} where the apiserver would not decode the Pod, or not compile the policies.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	kjson "sigs.k8s.io/json"
)

// newest is the last version that the vendored standards know.
const newest = 37

type change struct {
	Since      int      `json:"since"`
	Baseline   []string `json:"baseline"`
	Restricted []string `json:"restricted"`
}

type question struct {
	Pod      json.RawMessage    `json:"pod"`
	Policies []validatingPolicy `json:"policies"`
}

type judgement struct {
	Verdicts []any `json:"verdicts"`
	Cost     int64 `json:"cost"`
}

type answer struct {
	Changes  []change    `json:"changes,omitempty"`
	Policies []judgement `json:"policies,omitempty"`
	Error    string      `json:"error,omitempty"`
}

// oracle is upstream's evaluator, with checks that note when they deny: its results carry no names.
type oracle struct {
	evaluator policy.Evaluator
	denied    []string
	policies  []plugincel.ConditionEvaluator
}

func newOracle() (*oracle, error) {
	o := &oracle{}
	checks := policy.DefaultChecks()
	for c := range checks {
		id := string(checks[c].ID)
		for v := range checks[c].Versions {
			check := checks[c].Versions[v].CheckPod
			checks[c].Versions[v].CheckPod = func(meta *metav1.ObjectMeta, spec *corev1.PodSpec) policy.CheckResult {
				result := check(meta, spec)
				if !result.Allowed {
					o.denied = append(o.denied, id)
				}
				return result
			}
		}
	}
	evaluator, err := policy.NewEvaluator(checks, nil)
	o.evaluator = evaluator
	return o, err
}

func (o *oracle) controls(level api.Level, minor int, pod *corev1.Pod) []string {
	o.denied = []string{}
	version := api.LevelVersion{Level: level, Version: api.MajorMinorVersion(1, minor)}
	o.evaluator.EvaluatePod(version, &pod.ObjectMeta, &pod.Spec)
	slices.Sort(o.denied)
	return o.denied
}

func (o *oracle) answer(line []byte) answer {
	var question question
	var pod corev1.Pod
	if err := json.Unmarshal(line, &question); err != nil {
		return answer{Error: err.Error()}
	}
	for p := range question.Policies {
		compiled, err := question.Policies[p].compile()
		if err != nil {
			return answer{Error: err.Error()}
		}
		o.policies = append(o.policies, compiled)
	}
	if question.Pod == nil {
		return answer{}
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(question.Pod, &pod); err != nil {
		return answer{Error: err.Error()}
	}
	var answer answer
	for minor := range newest + 1 {
		next := change{minor, o.controls(api.LevelBaseline, minor, &pod), o.controls(api.LevelRestricted, minor, &pod)}
		if n := len(answer.Changes); n == 0 || !same(answer.Changes[n-1], next) {
			answer.Changes = append(answer.Changes, next)
		}
	}
	for _, compiled := range o.policies {
		verdicts, cost, err := evaluate(compiled, &pod)
		if err != nil {
			answer.Error = err.Error()
		}
		answer.Policies = append(answer.Policies, judgement{verdicts, cost})
	}
	return answer
}

func same(a, b change) bool {
	return slices.Equal(a.Baseline, b.Baseline) && slices.Equal(a.Restricted, b.Restricted)
}

func main() {
	o, err := newOracle()
	if err != nil {
		log.Fatal(err)
	}
	questions := bufio.NewScanner(os.Stdin)
	questions.Buffer(nil, 16<<20)
	out := bufio.NewWriter(os.Stdout)
	answers := json.NewEncoder(out)
	for questions.Scan() {
		if err := answers.Encode(o.answer(questions.Bytes())); err != nil {
			log.Fatal(err)
		}
		// One at a time: the other side waits for the answer.
		if err := out.Flush(); err != nil {
			log.Fatal(err)
		}
	}
	if err := questions.Err(); err != nil {
		log.Fatal(err)
	}
}
