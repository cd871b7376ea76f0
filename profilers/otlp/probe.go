package otlp

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/strobe-dev/strobe/sdk/diag"
)

// probeLimit bounds how long a backend is looked for.
const probeLimit = 3 * time.Second

// Probe implements plugin.Prober: it sends an upload of no spans, and so learns of a backend that is away, of certificates and
// of credentials before the first profile does. A backend that nobody named is not looked for.
func (p *Profiler) Probe(ctx context.Context) diag.List {
	if p.config.Endpoint == "" && environment("ENDPOINT") == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	c, err := newClient(ctx, p.config, oneAttempt)
	if err != nil {
		return diag.List{{Severity: diag.Warning, Summary: err.Error(), Path: diag.Path{"endpoint"}}}
	}
	defer c.stop(ctx)
	v, _, _, err := c.upload(ctx, nil)
	if v != taken && status.Code(rpcError(err)) != codes.InvalidArgument { // one that wants spans is there, too
		return diag.List{{
			Severity: diag.Warning, Path: diag.Path{"endpoint"},
			Summary: fmt.Sprintf("%s takes no spans: %s", c.endpoint, problem(err)),
			Detail:  "profiles wait for it while they run, and can be exported once more later: start it, or correct endpoint, insecure, the certificates or the headers",
		}}
	}
	return nil
}
