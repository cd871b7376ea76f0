package plugintest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/strobe-dev/strobe/sdk/model"
)

// A cancelled call must end within a step, and recording is turned on and off while a call runs. That is measured against
// a whole call that takes long enough for a busy machine not to matter; else only that there is an end at all.
const (
	cancelSteps = 5 // of a call, at least
	wholeCall   = 300 * time.Millisecond
	lateTries   = 3 // of which one must do: a busy machine is slow now and then, a plugin that does not care is so always
)

var errLate = errors.New("too late")

// ModelOptions say how to check a model plugin. New, Build or Command must be given, best New and Build.
type ModelOptions struct {
	New     func() model.Model // makes a fresh one, for checks in memory
	Build   string             // the Go package of its main, for checks as a process: "."
	Command []string           // or its program and arguments
	Config  map[string]any     // sound values; best those that make it quick
	// BadConfigs are values of which each must be found wrong.
	BadConfigs []map[string]any
	// Request is one that the plugin can serve; the zero one asks for one image with the defaults. A stage that only
	// changes images gets an 8x8 image when Images is empty.
	Request model.Request
	// Host is a program, with arguments, that calls [RunHost]. TestModel needs none.
	Host []string
}

// TestModel checks a model plugin.
func TestModel(t *testing.T, o ModelOptions) {
	t.Helper()
	if isHost(t) {
		return
	}
	var start Start
	o.Host = testHost(t)
	if o.New != nil {
		start = StartModel(o.New)
	}
	run(t, ModelChecks(o), start, program(t, o.Build, o.Command))
}

// ModelChecks are the promises of a model plugin.
func ModelChecks(o ModelOptions) []Check {
	c := modelChecks{o}
	return []Check{
		{"describe twice", kindModel, func(ctx context.Context, p *Plugin) error { return describesTwice(ctx, p, kindModel) }},
		{"unknown key", kindModel, func(ctx context.Context, p *Plugin) error { return findsUnknownKey(ctx, p, o.Config) }},
		{"every finding", kindModel, func(ctx context.Context, p *Plugin) error { return findsEverything(ctx, p, o.Config) }},
		{"bad values", kindModel, func(ctx context.Context, p *Plugin) error { return badValues(ctx, p, o.BadConfigs) }},
		{"generate", kindModel, c.generates},
		{"progress in order", kindModel, c.progress},
		{"same seed same image", kindModel, c.seed},
		{"cancel", kindModel, c.cancel},
		{"two at once", kindModel, c.twoAtOnce},
		{"wrong size", kindModel, c.wrongSize},
		{"record", kindModel, c.record},
		{"record in flight", kindModel, c.recordInFlight},
		{"giant names", kindModel, c.giantNames},
		{"host death", kindModel, func(ctx context.Context, p *Plugin) error { return outlivesNoHost(ctx, p, o.Host) }},
	}
}

type modelChecks struct{ o ModelOptions }

// ready is a configured and loaded plugin's info and a request for it.
func (c modelChecks) ready(ctx context.Context, p *Plugin) (model.Info, *model.Request, error) {
	if err := p.configure(ctx, c.o.Config); err != nil {
		return model.Info{}, nil, fmt.Errorf("configure: %w", err)
	}
	info, err := p.Load(ctx)
	if err != nil {
		return info, nil, err
	}
	r := c.o.Request
	if r.ID == "" {
		r.ID = "req-plugintest"
	}
	r.Count = max(r.Count, 1)
	if r.Prompt == "" {
		r.Prompt = "red heart"
	}
	if !info.Makes && len(r.Images) == 0 {
		r.Images = []model.Image{gradient(8, 8)}
	}
	return info, &r, nil
}

// gradient is an image on which every change shows.
func gradient(w, h int) model.Image {
	i := model.Image{Width: w, Height: h, Pixels: make([]byte, 3*w*h)}
	for p := range w * h {
		i.Pixels[3*p], i.Pixels[3*p+1], i.Pixels[3*p+2] = byte(p%w*255/w), byte(p/w*255/h), 128
	}
	return i
}

func badValues(ctx context.Context, p *Plugin, bad []map[string]any) error {
	if len(bad) == 0 {
		return fmt.Errorf("%w: no BadConfigs are given", ErrSkipped)
	}
	for i, values := range bad {
		found, err := p.Configure(ctx, values)
		if err != nil {
			return fmt.Errorf("findings are data, not errors: %w", err)
		}
		if !found.HasErrors() {
			return fmt.Errorf("it takes BadConfigs[%d], %v", i, values)
		}
	}
	return nil
}

func (c modelChecks) generates(ctx context.Context, p *Plugin) error {
	info, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	got, err := p.Generate(ctx, r, nil)
	if err != nil {
		return err
	}
	want := r.Count
	if !info.Makes {
		want = len(r.Images)
	}
	if len(got.Images) != want {
		return fmt.Errorf("%d images were asked for, %d came", want, len(got.Images))
	}
	for _, i := range got.Images {
		size := model.Size{Width: i.Width, Height: i.Height}
		if r.Size != (model.Size{}) && size != r.Size {
			return fmt.Errorf("%v was asked for, an image of %v came", r.Size, size)
		}
		if info.Makes && !info.Resizes && len(info.Sizes) > 0 && !slices.Contains(info.Sizes, size) {
			return fmt.Errorf("an image of %v came, which is none of its sizes %v", size, info.Sizes)
		}
	}
	if info.MaxSteps > 0 && got.Steps == 0 {
		return errors.New("it has steps and says it did none")
	}
	return nil
}

func (c modelChecks) progress(ctx context.Context, p *Plugin) error {
	info, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	var seen []model.Progress
	if _, err := p.Generate(ctx, r, func(p model.Progress) { seen = append(seen, p) }); err != nil {
		return err
	}
	if info.MaxSteps == 0 && len(seen) == 0 {
		return fmt.Errorf("%w: the stage has no steps", ErrSkipped)
	}
	for i, s := range seen {
		if s.Step != i+1 || s.Steps != len(seen) {
			return fmt.Errorf("progress %d of %d is %+v", i+1, len(seen), s)
		}
	}
	if len(seen) == 0 {
		return errors.New("no progress came")
	}
	return nil
}

func (c modelChecks) seed(ctx context.Context, p *Plugin) error {
	_, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	r.Seed = 42
	a, err := p.Generate(ctx, r, nil)
	if err != nil {
		return err
	}
	b, err := p.Generate(ctx, r, nil)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(a.Images, b.Images) {
		return errors.New("the same request with the same seed gave two different images")
	}
	return nil
}

func (c modelChecks) cancel(ctx context.Context, p *Plugin) error {
	_, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	return tried(func() error { return cancelOnce(ctx, p, r) })
}

// tried is what comes of a test of how fast a plugin is, which may be too slow now and then.
func tried(once func() error) (err error) {
	for range lateTries {
		if err = once(); !errors.Is(err, errLate) {
			return err
		}
	}
	return err
}

func cancelOnce(ctx context.Context, p *Plugin, r *model.Request) error {
	began := time.Now()
	if _, err := p.Generate(ctx, r, nil); err != nil {
		return err
	}
	whole, steps := time.Since(began), 0
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	var at time.Time
	_, err := p.Generate(cancelled, r, func(s model.Progress) {
		if at.IsZero() && s.Step < s.Steps {
			at, steps = time.Now(), s.Steps
			cancel()
		}
	})
	if at.IsZero() {
		return fmt.Errorf("%w: the request has no step after which to cancel", ErrSkipped)
	}
	switch {
	case err == nil && whole < wholeCall:
		return fmt.Errorf("%w: the request takes %s, which is too quick to be cancelled", ErrSkipped, whole)
	case err == nil:
		return fmt.Errorf("%w: a cancelled call went on to its end; look at ctx in every step", errLate)
	case !errors.Is(err, context.Canceled):
		return fmt.Errorf("a cancelled call must end with ctx's error, it ended with: %w", err)
	}
	// The next call has its turn when the cancelled one has truly returned.
	var waited time.Duration
	_, err = p.Generate(ctx, r, func(model.Progress) {
		if waited == 0 {
			waited = time.Since(at)
		}
	})
	switch {
	case err != nil:
		return fmt.Errorf("after a cancelled call: %w", err)
	case steps >= cancelSteps && whole >= wholeCall && waited > whole*3/4:
		return fmt.Errorf("%w: a whole call takes %s, and after a cancelled one the next had its first step only after %s; look at ctx in every step", errLate, whole, waited)
	}
	return nil
}

func (c modelChecks) twoAtOnce(ctx context.Context, p *Plugin) error {
	_, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	var got [2]*model.Result
	var errs [2]error
	var both sync.WaitGroup
	for i := range got {
		r := *r
		r.Seed, r.ID = uint64(i), fmt.Sprintf("%s-%d", r.ID, i)
		both.Go(func() { got[i], errs[i] = p.Generate(ctx, &r, nil) })
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for i := range got {
		r.Seed = uint64(i)
		alone, err := p.Generate(ctx, r, nil)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(alone.Images, got[i].Images) {
			return fmt.Errorf("request %d of two at once has other images than when it is alone", i+1)
		}
	}
	return nil
}

func (c modelChecks) wrongSize(ctx context.Context, p *Plugin) error {
	info, r, err := c.ready(ctx, p)
	if err != nil {
		return err
	}
	switch {
	case info.Max != (model.Size{}):
		r.Size = model.Size{Width: info.Max.Width + 1, Height: info.Max.Height + 1}
	case len(info.Sizes) > 0 && !info.Resizes:
		r.Size = model.Size{Width: 7919, Height: 7919}
	default:
		return fmt.Errorf("%w: the stage takes any size", ErrSkipped)
	}
	_, err = p.Generate(ctx, r, nil)
	if bad, ok := model.AsRequestError(err); !ok || bad.Field != "size" {
		return fmt.Errorf("a size of %v must be refused with BadRequest about \"size\", got %v", r.Size, err)
	}
	r.Size = c.o.Request.Size
	if _, err := p.Generate(ctx, r, nil); err != nil {
		return fmt.Errorf("after a request that it refused: %w", err)
	}
	return nil
}
