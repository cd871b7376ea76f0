// Package apicheck holds the replies of an HTTP API against its OpenAPI 3.1 document. Only tests use it.
//
// A [Document] is read once. [Document.Check] judges one reply; [Document.Handler] stands before a server and judges all
// of them: an operation, a status, a Content-Type or a body that the document does not have is a finding. It is strict:
// a member of an object that the document does not name is a finding, too, unless the schema says additionalProperties.
// [Document.Missed] tells what was documented and never seen.
//
//	document.go   the document: its operations, and how a request finds its own
//	schema.go     its schemas, compiled; OpenAPI 3.1 schemas are JSON Schema 2020-12
//	check.go      one reply
//	handler.go    all replies of a server
//
// Two things that OpenAPI has no words for are marked in the document: a path parameter that may hold slashes has
// "x-slashes": true, and the media type text/event-stream has "x-data", the schema of each event's data, which is JSON.
package apicheck
