package main

import (
	"context"
	"fmt"

	"github.com/google/cel-go/cel"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// oldest is the first version in which ValidatingAdmissionPolicy is v1: expressions must compile there.
var oldest = version.MajorMinor(1, 30)

// validation is an expression of a ValidatingAdmissionPolicy.
type validation string

func (v validation) GetExpression() string { return string(v) }

func (v validation) ReturnTypes() []*cel.Type { return []*cel.Type{cel.BoolType} }

// variable is a named expression that others refer to.
type variable struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

func (v *variable) GetName() string { return v.Name }

func (v *variable) GetExpression() string { return v.Expression }

func (v *variable) ReturnTypes() []*cel.Type { return []*cel.Type{cel.AnyType, cel.DynType} }

// validatingPolicy is the part of a ValidatingAdmissionPolicy's spec that judges.
type validatingPolicy struct {
	Variables   []variable `json:"variables"`
	Validations []struct {
		Expression string `json:"expression"`
	} `json:"validations"`
}

// compile does what the apiserver's ValidatingAdmissionPolicy plugin does when a policy is created.
func (p *validatingPolicy) compile() (plugincel.ConditionEvaluator, error) {
	compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(oldest))
	if err != nil {
		return nil, err
	}
	options := plugincel.OptionalVariableDeclarations{}
	for v := range p.Variables {
		result := compiler.CompileAndStoreVariable(&p.Variables[v], options, environment.NewExpressions)
		if result.Error != nil {
			return nil, fmt.Errorf("variable %s: %w", p.Variables[v].Name, result.Error)
		}
	}
	var accessors []plugincel.ExpressionAccessor
	for _, v := range p.Validations {
		accessors = append(accessors, validation(v.Expression))
	}
	condition := compiler.CompileCondition(accessors, options, environment.NewExpressions)
	if errs := condition.CompilationErrors(); len(errs) > 0 {
		return nil, fmt.Errorf("%v", errs)
	}
	return condition, nil
}

// evaluate judges the creation of a pod: for each validation true, false, or the error that the apiserver would
// report. The cost is what the apiserver's budget of a policy has less.
func evaluate(condition plugincel.ConditionEvaluator, pod *corev1.Pod) (verdicts []any, cost int64, err error) {
	kind := corev1.SchemeGroupVersion.WithKind("Pod")
	attributes := &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(pod, nil, kind, "default", pod.Name,
			corev1.SchemeGroupVersion.WithResource("pods"), "", admission.Create, nil, false, nil),
		VersionedKind:   kind,
		VersionedObject: admission.NewLazyObject(pod),
	}
	request := plugincel.CreateAdmissionRequest(attributes.Attributes, metav1.GroupVersionResource(attributes.GetResource()),
		metav1.GroupVersionKind(kind))
	results, left, err := condition.ForInput(context.Background(), attributes, request,
		plugincel.OptionalVariableBindings{}, nil, celconfig.RuntimeCELCostBudget)
	if err != nil {
		return nil, 0, err
	}
	for _, result := range results {
		if result.Error != nil {
			verdicts = append(verdicts, result.Error.Error())
		} else {
			verdicts = append(verdicts, result.EvalResult.Value())
		}
	}
	return verdicts, celconfig.RuntimeCELCostBudget - left, nil
}
