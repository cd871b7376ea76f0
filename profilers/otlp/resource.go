package otlp

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

const defaultServiceName = "strobe"

// resourceOf says who recorded: of OTEL_RESOURCE_ATTRIBUTES what it adds, of the rest what is known of the process.
func resourceOf(ctx context.Context, service string, profile profiler.Profile, p *recording.Process) *resourcepb.Resource {
	r := &resourcepb.Resource{}
	add := func(key string, value *commonpb.AnyValue) {
		for _, kv := range r.Attributes {
			if kv.Key == key {
				kv.Value = value
				return
			}
		}
		r.Attributes = append(r.Attributes, &commonpb.KeyValue{Key: key, Value: value})
	}
	text := func(key, value string) {
		if value != "" {
			add(key, &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}})
		}
	}
	integer := func(key string, value int) {
		add(key, &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(value)}})
	}
	text("service.name", defaultServiceName)
	if env, err := resource.New(ctx, resource.WithFromEnv()); err == nil { // a malformed variable is not a profile's end
		for _, kv := range env.Attributes() {
			if kv.Value.Type() == attribute.STRING {
				text(string(kv.Key), kv.Value.AsString())
			}
		}
	}
	text("service.name", service)
	text("service.version", version())
	text("service.instance.id", processKey(p))
	text("host.name", p.Host)
	integer("process.pid", p.PID)
	text("strobe.profile.id", profile.ID)
	text("strobe.profile.label", profile.Label)
	text("strobe.model", modelOf(profile, p))
	text("strobe.process", p.Name)
	switch p.Kind {
	case trace.ProcessCore:
		text("strobe.process_kind", "core")
	case trace.ProcessModel:
		text("strobe.process_kind", "model")
		text("strobe.stage", p.StageName) // as core's spans call it
		integer("strobe.stage_index", p.Stage)
		integer("strobe.rank", p.Rank)
	default:
		text("strobe.process_kind", "profiler")
	}
	if p.Synthetic {
		add("strobe.synthetic", &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}})
	}
	text(attrDeviceEvents, deviceEvents(p))
	return r
}

// attrDeviceEvents is the resource's attribute that says whether device events were recorded.
const attrDeviceEvents = "strobe.device_events"

// deviceEvents says whether a process has recorded so far what its devices do, and why not; empty when it never tried.
func deviceEvents(p *recording.Process) string {
	f := p.Fact("cuda", 0)
	if why := f.Arg("reason").Text; why != "" {
		return f.Arg("state").Text + ": " + why
	}
	return f.Arg("state").Text
}

// modelOf is the served model.
func modelOf(profile profiler.Profile, p *recording.Process) string {
	if p.Model != "" {
		return p.Model
	}
	return profile.Model
}

// withLosses is r and what the process's recording lacks.
func withLosses(r *resourcepb.Resource, lost uint64) *resourcepb.Resource {
	attributes := append([]*commonpb.KeyValue{}, r.Attributes...)
	attributes = append(attributes, &commonpb.KeyValue{Key: "strobe.losses", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(lost)}}})
	return &resourcepb.Resource{Attributes: attributes}
}
