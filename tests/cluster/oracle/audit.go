package main

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// loaded is the outcome of the apiserver's own policy loader.
type loaded struct {
	// Error: the apiserver would not start with this policy.
	Error string `json:"error,omitempty"`
	// Lenient: strict decoding failed, and the loader decoded again, ignoring what it does not know.
	Lenient bool `json:"lenient"`
	// StrictError: what strict decoding objected to.
	StrictError string `json:"strictError,omitempty"`
}

func loadPolicy(source []byte) loaded {
	var result loaded
	// The loader only logs that it fell back, so its first step is repeated here.
	strict := serializer.NewCodecFactory(audit.Scheme, serializer.EnableStrict).UniversalDecoder()
	if _, _, err := strict.Decode(source, nil, &auditinternal.Policy{}); err != nil {
		result.StrictError = err.Error()
		result.Lenient = runtime.IsStrictDecodingError(err)
	}
	if _, err := policy.LoadPolicyFromBytes(source); err != nil {
		result.Error = err.Error()
	}
	return result
}

// request holds the attributes that a policy looks at.
type request struct {
	// User is absent for a request without a user.
	User            *string  `json:"user"`
	Groups          []string `json:"groups"`
	Verb            string   `json:"verb"`
	ResourceRequest bool     `json:"resourceRequest"`
	APIGroup        string   `json:"apiGroup"`
	Resource        string   `json:"resource"`
	Subresource     string   `json:"subresource"`
	Namespace       string   `json:"namespace"`
	Name            string   `json:"name"`
	Path            string   `json:"path"`
}

func (r request) attributes() authorizer.Attributes {
	record := authorizer.AttributesRecord{
		Verb: r.Verb, ResourceRequest: r.ResourceRequest, APIGroup: r.APIGroup, Resource: r.Resource,
		Subresource: r.Subresource, Namespace: r.Namespace, Name: r.Name, Path: r.Path,
	}
	if r.User != nil {
		record.User = &user.DefaultInfo{Name: *r.User, Groups: r.Groups}
	}
	return record
}

// decision is what the apiserver's evaluator says of one request.
type decision struct {
	Level             string   `json:"level"`
	OmitStages        []string `json:"omitStages"`
	OmitManagedFields bool     `json:"omitManagedFields"`
	// Rule is the index of the rule that matched; absent when none did.
	Rule *int `json:"rule,omitempty"`
}

type decisions struct {
	Decisions []decision `json:"decisions"`
	Error     string     `json:"error,omitempty"`
}

func evaluate(source []byte, requests []request) decisions {
	result := decisions{Decisions: []decision{}}
	rules, err := policy.LoadPolicyFromBytes(source)
	if err != nil {
		result.Error = err.Error()
		return result
	}
	// The evaluator does not tell which rule matched. A copy whose rules have their own index as
	// level does: it is asked the same question.
	numbered := rules.DeepCopy()
	indexOf := map[auditinternal.Level]int{}
	for i := range numbered.Rules {
		numbered.Rules[i].Level = auditinternal.Level(fmt.Sprintf("rule %d", i))
		indexOf[numbered.Rules[i].Level] = i
	}
	levels, indices := policy.NewPolicyRuleEvaluator(rules), policy.NewPolicyRuleEvaluator(numbered)
	for _, r := range requests {
		attributes := r.attributes()
		config := levels.EvaluatePolicyRule(attributes)
		d := decision{Level: string(config.Level), OmitStages: []string{}, OmitManagedFields: config.OmitManagedFields}
		for _, stage := range config.OmitStages {
			d.OmitStages = append(d.OmitStages, string(stage))
		}
		slices.Sort(d.OmitStages)
		if i, matched := indexOf[indices.EvaluatePolicyRule(attributes).Level]; matched {
			d.Rule = &i
		}
		result.Decisions = append(result.Decisions, d)
	}
	return result
}
