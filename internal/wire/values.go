package wire

import (
	"fmt"
	"strings"

	pluginv1 "github.com/strobe-dev/strobe/sdk/proto/strobe/plugin/v1"
)

// maxValueDepth bounds nesting, of what we send and of what we take.
const maxValueDepth = 64

// text makes any string fit for a message: proto3 refuses text that is no UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// toObject turns a config block's values into their message.
func toObject(m map[string]any) (*pluginv1.ObjectValue, error) { return objectAt(m, 0) }

func objectAt(m map[string]any, depth int) (*pluginv1.ObjectValue, error) {
	out := &pluginv1.ObjectValue{Fields: make(map[string]*pluginv1.Value, len(m))}
	for k, v := range m {
		value, err := toValue(v, depth+1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		out.Fields[text(k)] = value
	}
	return out, nil
}

func toValue(v any, depth int) (*pluginv1.Value, error) {
	if depth > maxValueDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxValueDepth)
	}
	switch v := v.(type) {
	case nil:
		return &pluginv1.Value{}, nil
	case string:
		return &pluginv1.Value{Kind: &pluginv1.Value_StringValue{StringValue: text(v)}}, nil
	case bool:
		return &pluginv1.Value{Kind: &pluginv1.Value_BoolValue{BoolValue: v}}, nil
	case int64:
		return &pluginv1.Value{Kind: &pluginv1.Value_IntValue{IntValue: v}}, nil
	case float64:
		return &pluginv1.Value{Kind: &pluginv1.Value_DoubleValue{DoubleValue: v}}, nil
	case []any:
		list := &pluginv1.ListValue{}
		for i, e := range v {
			value, err := toValue(e, depth+1)
			if err != nil {
				return nil, fmt.Errorf("%d: %w", i, err)
			}
			list.Values = append(list.Values, value)
		}
		return &pluginv1.Value{Kind: &pluginv1.Value_ListValue{ListValue: list}}, nil
	case map[string]any:
		object, err := objectAt(v, depth+1)
		return &pluginv1.Value{Kind: &pluginv1.Value_ObjectValue{ObjectValue: object}}, err
	}
	return nil, fmt.Errorf("a value of type %T cannot be sent", v)
}

// fromObject is toObject's way back.
func fromObject(o *pluginv1.ObjectValue) map[string]any {
	out := make(map[string]any, len(o.GetFields()))
	for k, v := range o.GetFields() {
		out[k] = fromValue(v)
	}
	return out
}

func fromValue(v *pluginv1.Value) any {
	switch k := v.GetKind().(type) {
	case *pluginv1.Value_StringValue:
		return k.StringValue
	case *pluginv1.Value_BoolValue:
		return k.BoolValue
	case *pluginv1.Value_IntValue:
		return k.IntValue
	case *pluginv1.Value_DoubleValue:
		return k.DoubleValue
	case *pluginv1.Value_ListValue:
		out := make([]any, 0, len(k.ListValue.GetValues()))
		for _, e := range k.ListValue.GetValues() {
			out = append(out, fromValue(e))
		}
		return out
	case *pluginv1.Value_ObjectValue:
		return fromObject(k.ObjectValue)
	}
	return nil
}
