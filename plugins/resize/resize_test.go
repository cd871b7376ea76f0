package resize

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/strobe-dev/strobe/sdk/model"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(tb testing.TB, filter string, rec *trace.Recorder) *session {
	tb.Helper()
	p := &plugin{config: Config{Filter: filter}}
	s, err := p.Load(tb.Context(), model.Rank{}, rec)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(s.Close(), rec.Close()); err != nil {
			tb.Error(err)
		}
	})
	return s.(*session)
}

// halves is an image of a red left half and a blue right half.
func halves(width, height int) model.Image {
	m := model.Image{Width: width, Height: height, Pixels: make([]byte, 3*width*height)}
	for i := range width * height {
		m.Pixels[3*i+2*(2*(i%width)/width)] = 200
	}
	return m
}

func TestResize(t *testing.T) {
	for _, filter := range []string{"", "nearest", "bilinear", "catmull_rom"} {
		s := load(t, filter, trace.New(trace.Options{}))
		for _, to := range []model.Size{{Width: 64, Height: 64}, {Width: 1024, Height: 1024}, {Width: 20, Height: 7}, {Width: 1, Height: 1}, {Width: 1024, Height: 1}} {
			r, err := s.Generate(t.Context(), &model.Request{Size: to, Images: []model.Image{halves(32, 32), halves(8, 4)}}, nil)
			if err != nil {
				t.Fatalf("%q to %v: %v", filter, to, err)
			}
			if len(r.Images) != 2 || r.Durations["scale"] <= 0 {
				t.Fatalf("%d images, durations %v", len(r.Images), r.Durations)
			}
			for _, m := range r.Images {
				if m.Width != to.Width || m.Height != to.Height || len(m.Pixels) != 3*to.Width*to.Height {
					t.Fatalf("%q to %v gave %dx%d in %d bytes", filter, to, m.Width, m.Height, len(m.Pixels))
				}
				if to.Width < 20 {
					continue
				}
				left, right := m.Pixels[:3], m.Pixels[3*(to.Width-1):][:3]
				if left[0] < 190 || left[2] > 10 || right[2] < 190 || right[0] > 10 {
					t.Errorf("%q to %v: corners %v and %v, want red and blue", filter, to, left, right)
				}
			}
		}
	}
}

func TestUnchanged(t *testing.T) {
	s := load(t, "", trace.New(trace.Options{}))
	for name, size := range map[string]model.Size{"no size": {}, "the same size": {Width: 8, Height: 4}} {
		in := halves(8, 4)
		r, err := s.Generate(t.Context(), &model.Request{Size: size, Images: []model.Image{in}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]model.Image{in}, r.Images); d != "" {
			t.Errorf("%s changed the image:\n%s", name, d)
		}
		if &r.Images[0].Pixels[0] == &in.Pixels[0] {
			t.Errorf("%s: the result shares the request's pixels", name)
		}
	}
}

func TestInfo(t *testing.T) {
	want := model.Info{Resizes: true, Max: model.Size{Width: 1024, Height: 1024}, Details: map[string]string{"filter": "nearest"}}
	if d := cmp.Diff(want, load(t, "nearest", trace.New(trace.Options{})).Info()); d != "" {
		t.Errorf("info (-want +got):\n%s", d)
	}
}

func TestBadRequests(t *testing.T) {
	s := load(t, "", trace.New(trace.Options{}))
	good := []model.Image{halves(2, 2)}
	for _, c := range []struct {
		name, field string
		req         model.Request
	}{
		{"too wide", "size", model.Request{Size: model.Size{Width: 1025, Height: 4}, Images: good}},
		{"too high", "size", model.Request{Size: model.Size{Width: 4, Height: math.MaxInt}, Images: good}},
		{"half a size", "size", model.Request{Size: model.Size{Width: 4}, Images: good}},
		{"negative", "size", model.Request{Size: model.Size{Width: -4, Height: 4}, Images: good}},
		{"no image", "image", model.Request{Size: model.Size{Width: 4, Height: 4}}},
		{"empty image", "image", model.Request{Images: []model.Image{{}}}},
		{"few bytes", "image", model.Request{Images: []model.Image{{Width: 2, Height: 2, Pixels: make([]byte, 5)}}}},
		{"impossible image", "image", model.Request{Images: []model.Image{{Width: math.MaxInt, Height: 2, Pixels: make([]byte, 5)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Generate(t.Context(), &c.req, nil)
			if r, ok := model.AsRequestError(err); !ok || r.Field != c.field {
				t.Errorf("error is %v, want one about %q", err, c.field)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Generate(ctx, &model.Request{Images: good}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left gets %v", err)
	}
	p := &plugin{config: Config{Filter: "lanczos"}}
	if _, err := p.Load(t.Context(), model.Rank{}, trace.New(trace.Options{})); err == nil {
		t.Error("filter lanczos was taken")
	}
}

func TestSpans(t *testing.T) {
	rec, dir := trace.New(trace.Options{}), t.TempDir()
	s := load(t, "bilinear", rec)
	if err := rec.Start(trace.Start{Path: filepath.Join(dir, "r.seg"), MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	req := &model.Request{ID: "req-9", Flow: 5, Size: model.Size{Width: 64, Height: 16}, Images: []model.Image{halves(32, 32), halves(64, 16)}}
	if _, err := s.Generate(t.Context(), req, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Stop(); err != nil {
		t.Fatal(err)
	}
	var got []string
	args := map[string]any{}
	_, err := recording.Read(t.Context(), dir, func(b *recording.Batch) error {
		for e := range b.All() {
			if e.Request != "req-9" {
				t.Errorf("event %v carries request %q", e.Name, e.Request)
			}
			switch e.Kind {
			case recording.FlowIn:
				got = append(got, "flow")
			case recording.Span:
				got = append(got, e.Name.Text)
				for _, a := range e.Args {
					if args[a.Key.Text] = a.Text; a.Text == "" {
						args[a.Key.Text] = a.Int
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"flow", "resize::scale", "pipeline_forward"}, got); d != "" { // by end; one image has the size already
		t.Errorf("events (-want +got):\n%s", d)
	}
	want := map[string]any{"module": "resize.bilinear", "Input Dims": "[[32,32,3],[16,64,3]]", "dtype": "uint8", "bytes": int64(3 * (32*32 + 16*64))}
	if d := cmp.Diff(want, args); d != "" {
		t.Errorf("arguments (-want +got):\n%s", d)
	}
}

func BenchmarkResize(b *testing.B) {
	for _, filter := range []string{"nearest", "bilinear", "catmull_rom"} {
		b.Run(filter, func(b *testing.B) {
			s := load(b, filter, trace.New(trace.Options{}))
			req := &model.Request{Size: model.Size{Width: 512, Height: 512}, Images: []model.Image{halves(32, 32)}}
			for b.Loop() {
				if _, err := s.Generate(b.Context(), req, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
