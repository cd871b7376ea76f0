//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strobe-dev/strobe/cmd/strobe/internal/atomicfile"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/client"
	"github.com/strobe-dev/strobe/cmd/strobe/internal/render"
)

// generateCommand is `strobe generate`.
type generateCommand struct {
	io       stdio
	remote   remote
	out      string
	image    string
	guidance float64
	strength float64
	seed     uint64
	request  client.ImageRequest
}

func newGenerateCommand(io stdio) *cobra.Command {
	g := &generateCommand{io: io}
	cmd := &cobra.Command{
		Use:   "generate PROMPT -o FILE",
		Short: "Ask a running server for a picture",
		Example: `  strobe generate "red heart" -o heart.png
  strobe generate "twemoji rocket" -o rocket.png --size 256x256 --seed 7 --n 4
  strobe generate "blue heart" -o blue.png --image heart.png --strength 0.7
  strobe generate "cat" -o cat.png --profile`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g.request.Prompt = args[0]
			if err := g.check(cmd); err != nil {
				return usage(err)
			}
			return failed(g.run(cmd.Context()))
		},
	}
	g.remote.addFlags(cmd)
	f := cmd.Flags()
	f.StringVarP(&g.out, "output", "o", "", "`file` to write; with --n above 1, FILE-1 and so on")
	f.BoolVar(&g.request.Profile, "profile", false, "make a profile of this request alone and print where the time went")
	f.StringVar(&g.request.NegativePrompt, "negative-prompt", "", "`text` to steer away from")
	f.IntVar(&g.request.Steps, "steps", 0, "denoise steps, `N` (default: the model's)")
	f.Float64Var(&g.guidance, "guidance", 0, "guidance `scale` (default: the model's)")
	f.Uint64Var(&g.seed, "seed", 0, "`number` that the noise is made from (default: random)")
	f.StringVar(&g.request.Size, "size", "", "`WxH` in pixels (default: the model's own)")
	f.IntVar(&g.request.Count, "n", 1, "how many pictures, `N`")
	f.StringVar(&g.image, "image", "", "picture `file` to start from")
	f.Float64Var(&g.strength, "strength", 0, "how much of --image is replaced, `0..1` (default: the model's)")
	f.StringVar(&g.request.Format, "format", "", "png or jpeg (default: by FILE's ending)")
	return cmd
}

// check finds what is wrong with the flags before anything is asked of the server.
func (g *generateCommand) check(cmd *cobra.Command) error {
	if g.out == "" {
		return errors.New("say which file to write: -o heart.png")
	}
	given := cmd.Flags().Changed
	if g.request.Count < 1 {
		return errors.New("--n must be at least 1")
	}
	if given("steps") && g.request.Steps < 1 {
		return errors.New("--steps must be at least 1")
	}
	if given("guidance") {
		g.request.Guidance = &g.guidance
	}
	if given("seed") {
		g.request.Seed = &g.seed
	}
	if given("strength") {
		if g.image == "" {
			return errors.New("--strength goes with --image")
		}
		g.request.Strength = &g.strength
	}
	format, err := imageFormat(g.request.Format, g.out)
	if err != nil {
		return err
	}
	g.request.Format = format
	if info, err := os.Stat(filepath.Dir(g.out)); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s to write %s into", filepath.Dir(g.out), filepath.Base(g.out))
	}
	return g.loadImage()
}

// imageFormat is the format that the flag names, or that the file's ending means.
func imageFormat(flag, file string) (string, error) {
	switch strings.ToLower(flag) {
	case "png":
		return "png", nil
	case "jpeg", "jpg":
		return "jpeg", nil
	case "":
	default:
		return "", fmt.Errorf("--format is %q: use png or jpeg", flag)
	}
	switch ext := strings.ToLower(filepath.Ext(file)); ext {
	case ".png", "":
		return "png", nil
	case ".jpg", ".jpeg":
		return "jpeg", nil
	default:
		return "", fmt.Errorf("the ending %s names no format that the server makes: use .png or .jpg, or --format", ext)
	}
}

func (g *generateCommand) loadImage() error {
	if g.image == "" {
		return nil
	}
	data, err := os.ReadFile(g.image)
	if err != nil {
		return fmt.Errorf("read --image: %w", err)
	}
	kind := http.DetectContentType(data)
	if !strings.HasPrefix(kind, "image/") {
		return fmt.Errorf("--image %s is no picture", g.image)
	}
	g.request.Image = &client.File{Name: filepath.Base(g.image), MediaType: kind, Data: data}
	return nil
}

// generated is what --json prints.
type generated struct {
	Files    []string        `json:"files"`
	Size     string          `json:"size"`
	Seed     uint64          `json:"seed"`
	Seconds  float64         `json:"seconds"` // from sending the request to having the reply
	Warnings []string        `json:"warnings"`
	Profile  json.RawMessage `json:"profile,omitempty"` // as the server gave it
}

func (g *generateCommand) run(ctx context.Context) error {
	c, err := g.remote.client()
	if err != nil {
		return err
	}
	out, shot, err := g.ask(ctx, c)
	if err != nil {
		return err
	}
	if !g.request.Profile {
		return g.print(out)
	}
	if shot == nil || shot.ID == "" {
		return errors.Join(g.print(out), noProfile(shot))
	}
	stopped, err := stopProfile(ctx, c, shot.ID) // it has ended; this waits for its export
	if err != nil {
		return errors.Join(g.print(out), err)
	}
	out.Profile = stopped.Raw
	if err := g.print(out); err != nil || g.remote.json {
		return errors.Join(err, profileFailure(stopped))
	}
	if _, err := fmt.Fprintln(g.io.out); err != nil {
		return err
	}
	return report(ctx, g.io.out, c, stopped)
}

// noProfile is why a request that was served has no profile of itself.
func noProfile(shot *client.ImageProfile) error {
	if shot == nil {
		return errors.New("the server makes no profiles of single requests: use strobe profile start")
	}
	return fmt.Errorf("the request was served without a profile (%s): %s", client.Printable(shot.Status), client.Printable(shot.Reason))
}

// ask generates, writes the files and tells what became of the request's profile.
func (g *generateCommand) ask(ctx context.Context, c *client.Client) (*generated, *client.ImageProfile, error) {
	began := time.Now()
	reply, err := c.Images(ctx, g.request)
	if err != nil {
		return nil, nil, err
	}
	out := &generated{Size: reply.Size, Seed: reply.Seed, Seconds: time.Since(began).Seconds(), Warnings: reply.Warnings}
	for i, d := range reply.Data {
		name := fileName(g.out, i, len(reply.Data))
		if err := atomicfile.Bytes(name, d.Bytes); err != nil {
			return nil, nil, err
		}
		out.Files = append(out.Files, name)
	}
	return out, reply.Profile, nil
}

// fileName is name for the only picture, and name-1, name-2 before the ending for several.
func fileName(name string, i, n int) string {
	if n == 1 {
		return name
	}
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), i+1, ext)
}

func (g *generateCommand) print(out *generated) error {
	if g.remote.json {
		text, err := json.MarshalIndent(out, "", "  ")
		if err != nil {
			return fmt.Errorf("encode what was made: %w", err)
		}
		return printJSON(g.io.out, text)
	}
	var b strings.Builder
	for _, f := range out.Files {
		fmt.Fprintf(&b, "%s\n", f)
	}
	fmt.Fprintf(&b, "%s, seed %d, %.2f s\n", client.Printable(out.Size), out.Seed, out.Seconds)
	for _, w := range out.Warnings {
		b.WriteString(render.Wrap("warning: ", w))
	}
	_, err := fmt.Fprint(g.io.out, b.String())
	return err
}
