// Package strobe embeds the shipped configuration. Only cmd/strobe imports it.
package strobe

import _ "embed"

// PluginsHCL is plugins.hcl as shipped: what a server uses when there is no other.
//
//go:embed plugins.hcl
var PluginsHCL []byte
