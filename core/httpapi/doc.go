// Package httpapi is HTTP in, HTTP out: the OpenAI image and chat routes, the profile routes and what a server is asked about itself.
// It is the only package that knows status codes.
//
// The way of a request: [Server.ServeHTTP] gives it an id, counts it, logs it and catches panics; the Host header is checked; the route
// is found in the one table of routes.go; then origin, token and body limit are checked as that table says; then the handler
// runs. A handler returns an error instead of writing one: errors.go turns it into {"error":{"message","type","param","code"}}.
//
//	server.go    New, Options, ServeHTTP        routes.go    the table of routes
//	errors.go    codes and their statuses       domain.go    core's errors to codes
//	response.go  JSON replies, the log          suggest.go   did you mean
//	security.go  Host, Origin                   auth.go      tokens, roles, who may call
//	limits.go    rates, times of bodies, replies  connlimit.go  how many connections
//	listen.go    servers, unix sockets          exposure.go  which routes a listener has
//	tls.go       certificates from files        audit.go     who did what
//	cloak.go     paths are for callers on this machine
//	body.go      bodies of every wire form      params.go    named parameters out of JSON and forms
//	generation.go  what all image routes share  images.go, edits.go, chat.go  the three wire forms
//	picture.go   pictures in and out            trace.go     the spans of a request
//	compat.go    /start_profile, /stop_profile  profiles.go, list.go, change.go, events.go, summary.go  /v1/profiles
//	artifacts.go, artifacts_zip.go, tickets.go  the files of a profile
//	query.go     the query of a route that knows its keys
//	requestid.go, traceparent.go  what the caller calls the request   accesslog.go  the line that each gets
//	metrics.go   counters of requests           scrape.go    what is read of core at each scrape
//	models.go, health.go, openapi.go
package httpapi
