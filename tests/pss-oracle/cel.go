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

// validator evaluates expressions as the apiserver's ValidatingAdmissionPolicy plugin does.
type validator struct {
	compiler plugincel.ConditionCompiler
	compiled map[string]plugincel.ConditionEvaluator
}

func newValidator() *validator {
	environment := environment.MustBaseEnvSet(oldest)
	return &validator{plugincel.NewConditionCompiler(environment), map[string]plugincel.ConditionEvaluator{}}
}

// evaluate returns true, false, or the error that the apiserver would report.
func (v *validator) evaluate(expression string, pod *corev1.Pod) any {
	condition, ok := v.compiled[expression]
	if !ok {
		accessors := []plugincel.ExpressionAccessor{validation(expression)}
		condition = v.compiler.CompileCondition(accessors, plugincel.OptionalVariableDeclarations{}, environment.NewExpressions)
		v.compiled[expression] = condition
	}
	if errs := condition.CompilationErrors(); len(errs) > 0 {
		return fmt.Sprint(errs)
	}
	attributes := &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(pod, nil, corev1.SchemeGroupVersion.WithKind("Pod"), "default", pod.Name,
			corev1.SchemeGroupVersion.WithResource("pods"), "", admission.Create, nil, false, nil),
		VersionedKind:   corev1.SchemeGroupVersion.WithKind("Pod"),
		VersionedObject: admission.NewLazyObject(pod),
	}
	kind, resource := metav1.GroupVersionKind(attributes.VersionedKind), metav1.GroupVersionResource(attributes.GetResource())
	request := plugincel.CreateAdmissionRequest(attributes.Attributes, resource, kind)
	results, _, err := condition.ForInput(context.Background(), attributes, request,
		plugincel.OptionalVariableBindings{}, nil, celconfig.RuntimeCELCostBudget)
	switch {
	case err != nil:
		return err.Error()
	case results[0].Error != nil:
		return results[0].Error.Error()
	}
	return results[0].EvalResult.Value()
}
