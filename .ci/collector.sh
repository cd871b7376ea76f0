# Sourced: builds the OpenTelemetry Collector that profilers/otlp's full tests send to, into a folder under STROBE_TOOLS.
STROBE_TOOLS=${STROBE_TOOLS:-$HOME/.cache/strobe-tools}
export STROBE_TOOLS
collector_source=profilers/otlp/internal/collector
collector="$STROBE_TOOLS/collector-$(cat "$collector_source"/go.* "$collector_source"/*.go | sha256sum | cut -c1-12)"
if [ ! -f "$collector/done" ]; then
  mkdir -p "$collector"
  (cd "$collector_source" && CGO_ENABLED=0 timeout 10m go build -o "$collector/collector" .)
  touch "$collector/done"
fi
export STROBE_COLLECTOR=$collector/collector
