//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"fmt"
	"unsafe"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// launch is what makes two launches alike: the record's bytes that say so.
type launch struct {
	head    [8]byte  // caches and registers
	shape   [40]byte // grid, block, shared and local memory
	limit   uint32
	name    uintptr
	kind    uint64 // launch type, carve-out, shared memory as it ran
	cluster [16]byte
	extra   uint64 // local memory in all, and the priority
}

// kernelCache keeps what was worked out for a launch, for as long as one buffer is read.
type kernelCache struct {
	round uint32
	slots [512]struct {
		round uint32
		key   launch
		name  trace.NameID
		args  []trace.Arg
	}
	args []trace.Arg
}

func (c *kernelCache) forget() { c.round++ }

// kernel records a kernel.
func (d *decoder) kernel(r record) {
	var w trace.Work
	if !d.times(&w, r.u64(kernelStart), r.u64(kernelEnd)) {
		return
	}
	w.Kind, w.Correlation = trace.WorkKernel, uint64(r.u32(kernelCorrelation))
	k := &d.kernels
	key := launch{
		head: *(*[8]byte)(unsafe.Add(r.p, kernelCacheConfig)), shape: *(*[40]byte)(unsafe.Add(r.p, kernelGrid)),
		limit: r.u32(kernelShmemLimit), name: *(*uintptr)(unsafe.Add(r.p, kernelName)), kind: r.u64(kernelLaunchType),
		cluster: *(*[16]byte)(unsafe.Add(r.p, kernelCluster)), extra: r.u64(kernelLocal64),
	}
	if d.version >= priorityVersion {
		key.extra ^= uint64(r.u32(kernelPriority)) << 32
	}
	h := (uint64(key.name) ^ uint64(r.u32(kernelGrid))<<7 ^ r.u64(kernelBlock)<<3) * 0x9E3779B97F4A7C15
	slot := &k.slots[h>>(64-9)]
	if slot.round != k.round || slot.key != key {
		slot.round, slot.key = k.round, key
		slot.name, slot.args = d.launch(r, slot.args[:0])
	}
	w.Name = slot.name
	k.args = append(append(k.args[:0], slot.args...), trace.Int(d.names.gridID, int64(r.u64(kernelGridID))))
	if v := r.u64(kernelGraphNode); v != 0 {
		k.args = append(k.args, trace.Int(d.names.graphNode, int64(v)))
	}
	if v := r.u32(kernelGraph); v != 0 {
		k.args = append(k.args, trace.Int(d.names.graph, int64(v)))
	}
	w.Args = k.args
	d.put(&w, place{int32(r.u32(kernelDevice)), r.u32(kernelContext), r.u32(kernelStream)})
}

// launch is a kernel's name and how it was launched. What is 0 is left out.
func (d *decoder) launch(r record, args []trace.Arg) (trace.NameID, []trace.Arg) {
	n := d.names
	args = append(args,
		trace.Shapes(n.grid, n.shape(r, kernelGrid)), trace.Shapes(n.block, n.shape(r, kernelBlock)),
		trace.Int(n.registers, int64(r.u16(kernelRegisters))))
	add := func(key trace.NameID, v uint64) {
		if v != 0 {
			args = append(args, trace.Int(key, int64(v)))
		}
	}
	add(n.staticShared, uint64(r.u32(kernelStatic)))
	add(n.dynamicShared, uint64(r.u32(kernelDynamic)))
	add(n.sharedExecuted, uint64(r.u32(kernelShared)))
	add(n.localThread, uint64(r.u32(kernelLocalThread)))
	add(n.localTotal, max(uint64(r.u32(kernelLocalTotal)), r.u64(kernelLocal64)))
	add(n.launchType, uint64(r.u8(kernelLaunchType)))
	add(n.cacheConfig, uint64(r.u8(kernelCacheConfig)))
	add(n.shmemLimit, uint64(r.u32(kernelShmemLimit)))
	if r.u32(kernelCluster)*r.u32(kernelCluster+4)*r.u32(kernelCluster+8) > 1 {
		args = append(args, trace.Shapes(n.cluster, n.shape(r, kernelCluster)))
		add(n.clusterPlan, uint64(r.u32(kernelClusterPlan)))
	}
	if d.version >= priorityVersion {
		add(n.priority, uint64(int64(int32(r.u32(kernelPriority)))))
	}
	return trace.NameIn(trace.CategoryDevice, cString(*(*uintptr)(unsafe.Add(r.p, kernelName)))), args
}

// shape is three numbers as an interned list of one shape.
func (n *vocabulary) shape(r record, off int) trace.NameID {
	return trace.Name(fmt.Sprintf("[[%d,%d,%d]]", int32(r.u32(off)), int32(r.u32(off+4)), int32(r.u32(off+8))))
}

// cString copies a text that ends with a zero byte, up to what an interned name may have.
func cString(at uintptr) string {
	if at == 0 {
		return "unknown"
	}
	const most = 4096
	p := pointer(at)
	n := 0
	for n < most && *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}
