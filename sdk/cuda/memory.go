//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import "github.com/strobe-dev/strobe/sdk/trace"

// copy records a copy of memory.
func (d *decoder) copy(r record, kind uint32) {
	var w trace.Work
	if !d.times(&w, r.u64(copyStart), r.u64(copyEnd)) {
		return
	}
	n := d.names
	w.Kind, w.Correlation = trace.WorkCopy, uint64(r.u32(copyCorrelation))
	w.Name = n.copyName(r.u8(copyKind), r.u8(copySource), r.u8(copyTarget))
	var room [12]trace.Arg
	args := append(room[:0], trace.Int(n.bytes, int64(r.u64(copyBytes))), trace.Int(n.copyKind, int64(r.u8(copyKind))),
		trace.Int(n.sourceKind, int64(r.u8(copySource))), trace.Int(n.targetKind, int64(r.u8(copyTarget))))
	node, graph := r.u64(copyGraphNode), r.u32(copyGraph)
	if kind == kindMemcpy && d.version >= copyCountVersion {
		if v := r.u64(copyCount); v > 1 {
			args = append(args, trace.Int(n.copyCount, int64(v)))
		}
	}
	if kind == kindPeer {
		w.Correlation = uint64(r.u32(peerCorrelation))
		node, graph = r.u64(peerGraphNode), r.u32(peerGraph)
		args = append(args,
			trace.Int(n.sourceDevice, int64(r.u32(peerSourceDevice))), trace.Int(n.sourceContext, int64(r.u32(peerSourceContext))),
			trace.Int(n.targetDevice, int64(r.u32(peerTargetDevice))), trace.Int(n.targetContext, int64(r.u32(peerTargetContext))))
	}
	w.Args = d.graph(args, node, graph)
	d.put(&w, place{int32(r.u32(copyDevice)), r.u32(copyContext), r.u32(copyStream)})
}

// set records a setting of memory.
func (d *decoder) set(r record) {
	var w trace.Work
	if !d.times(&w, r.u64(copyStart), r.u64(copyEnd)) {
		return
	}
	n := d.names
	w.Kind, w.Correlation = trace.WorkSet, uint64(r.u32(copyCorrelation))
	memory := r.u16(setMemory)
	w.Name = n.setName(memory)
	var room [5]trace.Arg
	args := append(room[:0], trace.Int(n.bytes, int64(r.u64(copyBytes))), trace.Int(n.value, int64(r.u32(setValue))),
		trace.Int(n.memoryKind, int64(memory)))
	w.Args = d.graph(args, r.u64(setGraphNode), r.u32(setGraph))
	d.put(&w, place{int32(r.u32(copyDevice)), r.u32(copyContext), r.u32(copyStream)})
}

// graph adds which node of which graph the work was.
func (d *decoder) graph(args []trace.Arg, node uint64, graph uint32) []trace.Arg {
	if node != 0 {
		args = append(args, trace.Int(d.names.graphNode, int64(node)))
	}
	if graph != 0 {
		args = append(args, trace.Int(d.names.graph, int64(graph)))
	}
	return args
}

// sync records a wait. It lies on its stream's track; one for no stream has the number 0xFFFFFFFF.
func (d *decoder) sync(r record) {
	var w trace.Work
	if !d.times(&w, r.u64(syncStart), r.u64(syncEnd)) {
		return
	}
	n := d.names
	w.Kind, w.Correlation, w.Name = trace.WorkSync, uint64(r.u32(syncCorrelation)), n.syncName(r.u32(syncType))
	var room [2]trace.Arg
	w.Args = append(room[:0], trace.Int(n.syncType, int64(r.u32(syncType))))
	if e := r.u32(syncEvent); e != notApplicable {
		w.Args = append(w.Args, trace.Int(n.event, int64(e)))
	}
	context := r.u32(syncContext)
	d.put(&w, place{d.deviceOf(context), context, r.u32(syncStream)})
}

// overhead records time that the library took, on the track of the calls of its thread.
func (d *decoder) overhead(r record) {
	var w trace.Work
	if !d.times(&w, r.u64(overheadStart), r.u64(overheadEnd)) {
		return
	}
	const aThread = 2
	thread := uint32(0)
	if r.u32(overheadObjectKind) == aThread {
		thread = r.u32(overheadThread)
	}
	w.Kind, w.Name = trace.WorkOverhead, d.names.overheadName(r.u32(overheadKind))
	w.Args = []trace.Arg{trace.Int(d.names.overheadKind, int64(r.u32(overheadKind)))}
	d.callTrack(thread).track.Put(&w)
}

// context says which device a context is of.
func (d *decoder) context(r record) {
	id := r.u32(contextID)
	d.devices[id] = r.u32(contextDevice)
	d.rec.Fact(d.names.factContext, uint64(id), trace.Int(d.names.device, int64(r.u32(contextDevice))),
		trace.Int(d.names.nullStream, int64(r.u16(contextNullStream))))
}

// streamFact says what a stream is.
func (d *decoder) streamFact(r record) {
	d.rec.Fact(d.names.factStream, uint64(r.u32(streamContext))<<32|uint64(r.u32(streamID)),
		trace.Int(d.names.priority, int64(int32(r.u32(streamPriority)))), trace.Int(d.names.streamFlag, int64(r.u32(streamFlag))))
}
