//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import (
	"fmt"
	"sync"

	"github.com/strobe-dev/strobe/sdk/trace"
)

// vocabulary is the names that recordings of devices use, interned at the first recording.
type vocabulary struct {
	// Of kernels.
	grid, block, registers, staticShared, dynamicShared, sharedExecuted, localThread, localTotal trace.NameID
	launchType, cacheConfig, shmemLimit, cluster, clusterPlan, priority, gridID                  trace.NameID
	graphNode, graph                                                                             trace.NameID
	// Of memory.
	bytes, copyKind, sourceKind, targetKind, memoryKind, value          trace.NameID
	copyCount, sourceDevice, sourceContext, targetDevice, targetContext trace.NameID
	// Of the others.
	cbid, returned, syncType, event, overheadKind trace.NameID
	// Of facts.
	fact, factDevice, factContext, factStream trace.NameID
	state, reason, library, driver            trace.NameID
	device, nullStream, streamFlag            trace.NameID

	mu     sync.Mutex
	calls  [2]map[uint32]trace.NameID // by number, of the runtime and of the driver
	copies map[[3]uint8]trace.NameID
	sets   map[uint16]trace.NameID
}

var words = sync.OnceValue(func() *vocabulary {
	v := &vocabulary{
		calls:  [2]map[uint32]trace.NameID{{}, {}},
		copies: map[[3]uint8]trace.NameID{}, sets: map[uint16]trace.NameID{},
	}
	for text, to := range map[string]*trace.NameID{
		"grid": &v.grid, "block": &v.block, "registers per thread": &v.registers, "static shared memory": &v.staticShared,
		"dynamic shared memory": &v.dynamicShared, "shared memory executed": &v.sharedExecuted,
		"local memory per thread": &v.localThread, "local memory total": &v.localTotal, "launch type": &v.launchType,
		"cache config": &v.cacheConfig, "shared memory limit config": &v.shmemLimit, "cluster": &v.cluster,
		"cluster scheduling policy": &v.clusterPlan, "priority": &v.priority, "grid id": &v.gridID, "graph node id": &v.graphNode,
		"graph id": &v.graph, "bytes": &v.bytes, "copy kind": &v.copyKind, "copy count": &v.copyCount, "source memory kind": &v.sourceKind,
		"destination memory kind": &v.targetKind, "memory kind": &v.memoryKind, "value": &v.value, "source device": &v.sourceDevice,
		"source context": &v.sourceContext, "destination device": &v.targetDevice, "destination context": &v.targetContext,
		"cbid": &v.cbid, "return value": &v.returned, "sync type": &v.syncType, "event id": &v.event, "overhead kind": &v.overheadKind,
		"cuda": &v.fact, "cuda device": &v.factDevice, "cuda context": &v.factContext, "cuda stream": &v.factStream,
		"state": &v.state, "reason": &v.reason, "cupti version": &v.library, "driver version": &v.driver, "device": &v.device,
		"null stream": &v.nullStream, "flag": &v.streamFlag,
	} {
		*to = trace.Name(text)
	}
	return v
})

// call is the name of a call, as the library has it: with the version behind, such as cudaLaunchKernel_v7000.
func (v *vocabulary) call(lib *cupti, kind, cbid uint32) trace.NameID {
	domain := kindRuntime - kind // 0 the runtime, 1 the driver
	v.mu.Lock()
	defer v.mu.Unlock()
	id, ok := v.calls[domain][cbid]
	if !ok {
		const driverDomain, runtimeDomain = 1, 2
		text := fmt.Sprintf("cuda call %d", cbid)
		in := int32(runtimeDomain)
		if domain == 1 {
			text, in = fmt.Sprintf("cu call %d", cbid), driverDomain
		}
		at := new(uintptr)
		if lib.callbackName(in, cbid, at) == 0 && *at != 0 {
			text = cString(*at)
		}
		id = trace.NameIn(trace.CategoryRuntime, text)
		v.calls[domain][cbid] = id
	}
	return id
}

// What people call directions and kinds of memory.
var (
	directions = [...]string{"Unknown", "HtoD", "DtoH", "HtoA", "AtoH", "AtoA", "AtoD", "DtoA", "DtoD", "HtoH", "PtoP"}
	memories   = [...]string{"Unknown", "Pageable", "Pinned", "Device", "Array", "Managed", "Device Static", "Managed Static"}
	syncs      = [...]string{"Unknown Sync", "Event Sync", "Stream Wait Event", "Stream Sync", "Context Sync"}
)

func nameOf[T uint8 | uint16 | uint32](names []string, i T) string {
	if int(i) < len(names) {
		return names[i]
	}
	return names[0]
}

// copyName is such as "Memcpy HtoD (Pinned -> Device)".
func (v *vocabulary) copyName(kind, from, to uint8) trace.NameID {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := [3]uint8{kind, from, to}
	id, ok := v.copies[key]
	if !ok {
		id = trace.NameIn(trace.CategoryDevice, fmt.Sprintf("Memcpy %s (%s -> %s)", nameOf(directions[:], kind), nameOf(memories[:], from), nameOf(memories[:], to)))
		v.copies[key] = id
	}
	return id
}

// setName is such as "Memset (Device)".
func (v *vocabulary) setName(memory uint16) trace.NameID {
	v.mu.Lock()
	defer v.mu.Unlock()
	id, ok := v.sets[memory]
	if !ok {
		id = trace.NameIn(trace.CategoryDevice, "Memset ("+nameOf(memories[:], memory)+")")
		v.sets[memory] = id
	}
	return id
}

func (v *vocabulary) syncName(kind uint32) trace.NameID {
	return trace.NameIn(trace.CategoryDevice, nameOf(syncs[:], kind))
}

// overheadName says what took the library time.
func (v *vocabulary) overheadName(kind uint32) trace.NameID {
	text := map[uint32]string{1: "Driver Compiler", 1 << 16: "Buffer Flush", 2 << 16: "Instrumentation", 3 << 16: "Resource",
		4 << 16: "Module Loading", 5 << 16: "Lazy Loading", 6 << 16: "Command Buffer Full"}[kind]
	if text == "" {
		text = "Unknown Overhead"
	}
	return trace.NameIn(trace.CategoryRuntime, text)
}
