//go:build !windows

package main

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/strobe-dev/strobe/core/config"
)

// TestListenSaysWhatToDo: an address that is taken, or that is another machine's, is an error with a way out.
func TestListenSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, want := range map[string]string{
		taken.Addr().String(): "choose another port with --listen",
		"192.0.2.1:0":         "this machine has no such address", // an address of documents, nobody's
	} {
		t.Run(address, func(t *testing.T) {
			cfg := &config.Config{}
			cfg.Server.Listen = address
			all, err := listen(cfg, slog.New(slog.DiscardHandler))
			closeAll(all)
			if err == nil || !strings.HasPrefix(err.Error(), "listen on server.listen: ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%v", err)
			}
		})
	}
}
