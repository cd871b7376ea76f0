package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// clientsDir is where .ci/clients.sh installed the outside clients.
func clientsDir(t *testing.T) string {
	t.Helper()
	full(t, "the OpenAI clients and vLLM-Omni's benchmark; install them with `. .ci/versions; . .ci/clients.sh`")
	dir := os.Getenv("STROBE_CLIENTS")
	if dir == "" {
		t.Fatal("STROBE_CLIENTS is not set: source .ci/versions and .ci/clients.sh")
	}
	return dir
}

// TestOpenAIClients runs OpenAI's own Python and Node packages against the server.
func TestOpenAIClients(t *testing.T) {
	dir := clientsDir(t)
	scripts, err := filepath.Abs("testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	p := startServer(t)
	node := filepath.Join(dir, "openai_client.mjs") // Node resolves packages from the script's own folder
	text, err := os.ReadFile(filepath.Join(scripts, "openai_client.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(node, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string][]string{
		"python": {filepath.Join(dir, "venv/bin/python"), filepath.Join(scripts, "openai_client.py")},
		"node":   {"node", node},
	} {
		t.Run(name, func(t *testing.T) {
			runOutside(t, t.TempDir(), append(command, p.url))
		})
	}
}

// TestVLLMOmniBenchmark runs vLLM-Omni's unmodified diffusion benchmark. It exits 0 whatever happens, so its output file is
// what counts.
func TestVLLMOmniBenchmark(t *testing.T) {
	dir := clientsDir(t)
	p := startServer(t)
	for name, flags := range map[string][]string{
		"chat t2i":        {"--backend", "vllm-omni", "--task", "t2i"},
		"chat i2i":        {"--backend", "vllm-omni", "--task", "i2i"},
		"generations t2i": {"--backend", "openai", "--task", "t2i"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.json")
			args := append([]string{
				filepath.Join(dir, "venv/bin/python"), filepath.Join(dir, "vllm-omni-benchmark/diffusion_benchmark_serving.py"),
				"--base-url", p.url, "--dataset", "random", "--num-prompts", "3", "--max-concurrency", "2", "--width", "64", "--height", "64",
				"--num-inference-steps", "2", "--seed", "7", "--output-file", out,
			}, flags...)
			printed := runOutside(t, dir, args)
			text, err := os.ReadFile(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			var result struct {
				Completed int     `json:"completed_requests"`
				Failed    int     `json:"failed_requests"`
				PeakMax   float64 `json:"peak_memory_mb_max"`
			}
			if err := json.Unmarshal(text, &result); err != nil {
				t.Fatal(err)
			}
			if result.Completed != 3 || result.Failed != 0 {
				t.Errorf("%s\n%s", text, printed)
			}
		})
	}
}

// runOutside runs a command to its end and returns what it printed.
func runOutside(t *testing.T, dir string, command []string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	printed, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, printed)
	}
	return printed
}
