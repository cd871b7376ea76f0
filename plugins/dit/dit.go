package dit

import (
	"bytes"
	"context"
	_ "embed" // the weights
	"fmt"
	"os"
	"runtime"

	"github.com/strobe-dev/strobe/sdk/cuda"
	"github.com/strobe-dev/strobe/sdk/diag"
	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// emojiWeights are the model that is shipped, in float16.
//
//go:embed weights/emoji.safetensors
var emojiWeights []byte

// Values of Config.Weights that are no path.
const (
	weightsEmoji  = "emoji"
	weightsRandom = "random"
)

// Config is the plugin's configuration.
type Config struct {
	Device      string `strobe:"device" doc:"what to compute on" default:"cpu" enum:"cpu"`
	Weights     string `strobe:"weights" doc:"emoji: the model that is built in; random: made-up weights of a preset, to profile at the scale of real models; else the path of a .safetensors file of the same layout" default:"emoji"`
	Preset      string `strobe:"preset" doc:"size of the network when weights is random: s is 384 wide and 12 deep, m 768 and 12, xl 1152 and 28" default:"s" enum:"s,m,xl"`
	Threads     int    `strobe:"threads" doc:"worker threads; 0: as many as the process has processors" default:"0" min:"0" max:"1024"`
	CUDA        string `strobe:"cuda" doc:"device events in profiles, by NVIDIA's libcupti, which is loaded at the first one: off; auto: where there is a GPU; required: a profile does not start without. The network itself runs on the CPU" default:"off" enum:"off,auto,required"`
	CUDALibrary string `strobe:"cuda_library" doc:"path of libcupti; empty: it is looked for" default:""`
	ArenaMiB    int    `strobe:"arena_mib" doc:"most memory in MiB for one request's activations; images of one request that do not fit together are drawn one after another" default:"2048" min:"1" max:"1048576"`
}

// Validate checks what the types cannot say.
func (c *Config) Validate() diag.List {
	var l diag.List
	switch c.Weights {
	case weightsEmoji, weightsRandom:
	case "":
		l.Errorf(diag.Path{"weights"}, `weights is empty; "emoji", "random" or a path will do`)
	default:
		if st, err := os.Stat(c.Weights); err != nil {
			l.Errorf(diag.Path{"weights"}, `%q is neither "emoji" nor "random" nor a file: %v`, c.Weights, err)
		} else if st.IsDir() {
			l.Errorf(diag.Path{"weights"}, "%q is a folder, a .safetensors file is needed", c.Weights)
		}
	}
	return l
}

// plugin is the model plugin.
type plugin struct{ config Config }

// New makes the plugin.
func New() model.Model { return &plugin{} }

// Describe implements [model.Model].
func (p *plugin) Describe() model.Description {
	return model.Description{
		Name: "dit", Version: "0.1.0", Summary: "diffusion transformer on the CPU; draws emoji, or made-up weights at scale",
		Config: &p.config,
	}
}

// Load implements [model.Model].
func (p *plugin) Load(ctx context.Context, _ model.Rank, rec *trace.Recorder) (model.Session, error) {
	cfg := p.config
	cfg.setDefaults()
	workers := newPool(cfg.Threads)
	c, err := loadCheckpoint(ctx, &cfg, workers)
	if err != nil {
		workers.close()
		return nil, fmt.Errorf("load weights %q: %w", cfg.Weights, err)
	}
	s := newSession(c, workers, rec.Track("worker"), int64(cfg.ArenaMiB)<<20)
	s.cuda = cuda.Attach(rec, cuda.Options{Mode: cuda.Mode(cfg.CUDA), Library: cfg.CUDALibrary})
	s.describe(&cfg)
	return s, nil
}

// setDefaults fills in what a host that decodes no configuration left out.
func (c *Config) setDefaults() {
	if c.Device == "" {
		c.Device = "cpu"
	}
	if c.Weights == "" {
		c.Weights = weightsEmoji
	}
	if c.Preset == "" {
		c.Preset = "s"
	}
	if c.CUDA == "" {
		c.CUDA = string(cuda.Off)
	}
	if c.Threads == 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	if c.ArenaMiB == 0 {
		c.ArenaMiB = 2048
	}
}

func loadCheckpoint(ctx context.Context, cfg *Config, p *pool) (*checkpoint, error) {
	if cfg.Weights != weightsEmoji && cfg.Weights != weightsRandom {
		return readCheckpointFile(cfg.Weights)
	}
	c, err := readCheckpoint(bytes.NewReader(emojiWeights), int64(len(emojiWeights)))
	if err != nil || cfg.Weights == weightsEmoji {
		return c, err
	}
	return randomCheckpoint(ctx, cfg.Preset, c.words, p)
}

func readCheckpointFile(path string) (*checkpoint, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readCheckpoint(f, st.Size())
}
