package httpapi

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// Where things are on the server's machine is for callers on that machine and for tokens of the role control. For all
// others a path keeps its last name only, in whatever sentence of whatever plugin it stands.

// absolutePath is a path that begins with a slash, with what stands before it. Neither a URL nor base64 has that form
// where this is used: errors and the replies of the profile routes.
var absolutePath = regexp.MustCompile(`(^|\\[nrt]|[\s"'=:(\[{,;<>` + "`" + `])((?:/[^\s"'/:;,()\[\]{}<>\\` + "`" + `]+)+/?)`)

// ownRoutes begin the paths that are this API's.
var ownRoutes = []string{
	"/v1/", "/start_profile", "/stop_profile", "/health", "/ready", "/version", "/metrics", "/openapi.json", "/get_server_info", "/server_info",
}

// dirMember is the one value of a profile that is a path by intent, with the comma behind it.
var dirMember = regexp.MustCompile(`"dir":"(?:[^"\\]|\\.)*",?`)

// cloak takes the folders out of the absolute paths in a text.
func cloak(text string) string {
	return absolutePath.ReplaceAllStringFunc(text, func(found string) string {
		at := strings.IndexByte(found, '/')
		whole := found[at:]
		for _, own := range ownRoutes {
			if strings.HasPrefix(whole, own) {
				return found
			}
		}
		return found[:at] + "…/" + path.Base(whole)
	})
}

// cloakJSON is cloak for a reply.
func cloakJSON(body []byte) []byte {
	if !bytes.Contains(body, []byte("/")) {
		return body
	}
	return []byte(cloak(string(dirMember.ReplaceAll(body, nil))))
}

// seesPaths tells whether the caller may know where things are on the server's machine.
func (st *state) seesPaths() bool { return st.via.Loopback || st.who.role == roleControl }

// cloaks tells whether paths are to be taken out of a reply: of an error, and of what a profile route says.
func (st *state) cloaks() bool {
	told := st.code != "" || st.route != nil && (st.route.access == accessRead || st.route.access == accessControl)
	return told && !st.seesPaths()
}
