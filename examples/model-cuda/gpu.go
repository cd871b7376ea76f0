package main

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// scaleText is the kernel: y[i] *= a for i < n.
const scaleText = `.version 6.0
.target sm_50
.address_size 64
.visible .entry scale(.param .u64 y, .param .f32 a, .param .u32 n)
{
	.reg .pred %p<2>;
	.reg .b32 %r<6>;
	.reg .f32 %f<3>;
	.reg .b64 %rd<4>;
	ld.param.u64 %rd1, [y];
	ld.param.f32 %f1, [a];
	ld.param.u32 %r1, [n];
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mov.u32 %r4, %tid.x;
	mad.lo.s32 %r5, %r2, %r3, %r4;
	setp.ge.u32 %p1, %r5, %r1;
	@%p1 bra done;
	mul.wide.u32 %rd2, %r5, 4;
	cvta.to.global.u64 %rd3, %rd1;
	add.s64 %rd3, %rd3, %rd2;
	ld.global.f32 %f2, [%rd3];
	mul.f32 %f2, %f2, %f1;
	st.global.f32 [%rd3], %f2;
done:
	ret;
}
` + "\x00"

// gpu is device 0 with the kernel in it. Its methods but openGPU and close run on one bound thread.
type gpu struct {
	setContext func(uintptr) int32
	release    func(device int32) int32
	alloc      func(*uint64, uint64) int32
	free       func(uint64) int32
	toDevice   func(to uint64, from *float32, n uint64, stream uintptr) int32
	toHost     func(to *float32, from, n uint64, stream uintptr) int32
	sync       func(uintptr) int32
	launch     func(f uintptr, gx, gy, gz, bx, by, bz, shared uint32, stream uintptr, params *[3]unsafe.Pointer, extra uintptr) int32

	context, kernel, stream uintptr
	memory                  uint64
	n                       uint32
	args                    struct {
		y uint64
		a float32
		n uint32
	}
	params [3]unsafe.Pointer
}

// openGPU loads the driver and the kernel.
func openGPU() (*gpu, error) {
	runtime.LockOSThread() // the context is the thread's, and so is what the loader says of an error
	defer runtime.UnlockOSThread()
	lib, err := purego.Dlopen("libcuda.so.1", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load NVIDIA's driver, which this model needs: %w", err)
	}
	g := &gpu{}
	g.params = [3]unsafe.Pointer{unsafe.Pointer(&g.args.y), unsafe.Pointer(&g.args.a), unsafe.Pointer(&g.args.n)}
	var (
		start      func(uint32) int32
		device     func(*int32, int32) int32
		retain     func(*uintptr, int32) int32
		loadModule func(*uintptr, *byte) int32
		function   func(*uintptr, uintptr, string) int32
		makeStream func(*uintptr, uint32) int32
		dev        = new(int32)
		module     = new(uintptr)
	)
	for name, f := range map[string]any{
		"cuInit": &start, "cuDeviceGet": &device, "cuDevicePrimaryCtxRetain": &retain, "cuDevicePrimaryCtxRelease_v2": &g.release,
		"cuCtxSetCurrent": &g.setContext, "cuModuleLoadData": &loadModule, "cuModuleGetFunction": &function, "cuStreamCreate": &makeStream,
		"cuMemAlloc_v2": &g.alloc, "cuMemFree_v2": &g.free, "cuMemcpyHtoDAsync_v2": &g.toDevice, "cuMemcpyDtoHAsync_v2": &g.toHost,
		"cuStreamSynchronize": &g.sync, "cuLaunchKernel": &g.launch,
	} {
		purego.RegisterLibFunc(f, lib, name)
	}
	text := []byte(scaleText)
	const nonBlocking = 1
	for _, step := range []struct {
		doing string
		do    func() int32
	}{
		{"start the driver", func() int32 { return start(0) }},
		{"find device 0", func() int32 { return device(dev, 0) }},
		{"make a context", func() int32 { return retain(&g.context, *dev) }},
		{"use the context", func() int32 { return g.setContext(g.context) }},
		{"load the kernel", func() int32 { return loadModule(module, &text[0]) }},
		{"find the kernel", func() int32 { return function(&g.kernel, *module, "scale") }},
		{"make a stream", func() int32 { return makeStream(&g.stream, nonBlocking) }},
	} {
		if r := step.do(); r != 0 {
			return nil, fmt.Errorf("%s: CUDA result %d", step.doing, r)
		}
	}
	return g, nil
}

// begin copies values to the device.
func (g *gpu) begin(values []float32) error {
	if r := g.setContext(g.context); r != 0 {
		return fmt.Errorf("use the context: CUDA result %d", r)
	}
	if uint32(len(values)) != g.n {
		if r := g.alloc(&g.memory, uint64(4*len(values))); r != 0 {
			return fmt.Errorf("allocate device memory: CUDA result %d", r)
		}
		g.n = uint32(len(values))
	}
	return result("copy to the device", g.toDevice(g.memory, &values[0], uint64(4*len(values)), g.stream))
}

// scale launches the kernel.
func (g *gpu) scale(a float32) error {
	g.args.y, g.args.a, g.args.n = g.memory, a, g.n
	const block = 256
	return result("launch the kernel", g.launch(g.kernel, (g.n+block-1)/block, 1, 1, block, 1, 1, 0, g.stream, &g.params, 0))
}

func (g *gpu) wait() error { return result("wait for the device", g.sync(g.stream)) }

// end copies the values back.
func (g *gpu) end(values []float32) error {
	if err := result("copy from the device", g.toHost(&values[0], g.memory, uint64(4*len(values)), g.stream)); err != nil {
		return err
	}
	return g.wait()
}

func (g *gpu) close() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if g.n > 0 {
		g.setContext(g.context)
		g.free(g.memory)
	}
	return result("release the context", g.release(0))
}

func result(doing string, r int32) error {
	if r != 0 {
		return fmt.Errorf("%s: CUDA result %d", doing, r)
	}
	return nil
}
