//go:build linux && !nocuda && (amd64 || arm64)

package cuda

import "unsafe"

// Kinds of activity.
const (
	kindMemcpy   = 1
	kindMemset   = 2
	kindDriver   = 4
	kindRuntime  = 5
	kindContext  = 9
	kindKernel   = 10 // concurrent kernels: the other kind makes them wait for each other
	kindOverhead = 17
	kindPeer     = 22
	kindStream   = 37
	kindSync     = 38
	kindExternal = 39
	kindLimit    = 64 // above all that are counted by kind
)

// kindsOf are the activities behind a kind of events.
var kindsOf = map[string][]int32{
	EventKernel: {kindKernel}, EventMemcpy: {kindMemcpy, kindPeer}, EventMemset: {kindMemset}, EventRuntime: {kindRuntime},
	EventDriver: {kindDriver}, EventSync: {kindSync}, EventOverhead: {kindOverhead},
}

// externalKind is that of our external correlation ids.
const externalKind = 3 // CUSTOM0

// notApplicable is a number that there is none of.
const notApplicable = 0xFFFFFFFF

// A record is read by its first fields, at offsets that hold in all versions from 12.0 on: later versions only add
// fields behind. How long a record is only the library knows.
type record struct{ p unsafe.Pointer }

func (r record) u8(off int) uint8   { return *(*uint8)(unsafe.Add(r.p, off)) }
func (r record) u16(off int) uint16 { return *(*uint16)(unsafe.Add(r.p, off)) }
func (r record) u32(off int) uint32 { return *(*uint32)(unsafe.Add(r.p, off)) }
func (r record) u64(off int) uint64 { return *(*uint64)(unsafe.Add(r.p, off)) }
func (r record) kind() uint32       { return r.u32(0) }

// Offsets of a kernel's record.
const (
	kernelCacheConfig = 4  // u8
	kernelRegisters   = 6  // u16
	kernelStart       = 16 // u64
	kernelEnd         = 24 // u64
	kernelDevice      = 40 // u32, as the following
	kernelContext     = 44
	kernelStream      = 48
	kernelGrid        = 52 // 3 of them
	kernelBlock       = 64 // 3 of them
	kernelStatic      = 76 // bytes of shared memory
	kernelDynamic     = 80
	kernelLocalThread = 84 // bytes of local memory a thread
	kernelLocalTotal  = 88
	kernelCorrelation = 92
	kernelGridID      = 96  // i64
	kernelName        = 104 // char *
	kernelLaunchType  = 136 // u8
	kernelShared      = 140 // u32: bytes of shared memory as it ran
	kernelGraphNode   = 144 // u64
	kernelShmemLimit  = 152 // u32, as the following
	kernelGraph       = 156
	kernelCluster     = 176 // 3 of them
	kernelClusterPlan = 188
	kernelLocal64     = 192 // u64: local memory in all
	kernelPriority    = 216 // i32, from 13.1 on
)

// The first versions that have a field.
const (
	priorityVersion  = 130100 // priority of kernels
	copyCountVersion = 26     // number of copies in one
)

// Offsets of a copy's record. One between devices has its correlation elsewhere.
const (
	copyKind        = 4 // u8, as the following
	copySource      = 5
	copyTarget      = 6
	copyFlags       = 7
	copyBytes       = 8  // u64
	copyStart       = 16 // u64
	copyEnd         = 24 // u64
	copyDevice      = 32 // u32, as the following
	copyContext     = 36
	copyStream      = 40
	copyCorrelation = 44
	copyGraphNode   = 64 // u64
	copyGraph       = 72
	copyCount       = 88 // u64, from 12.8 on, and not of one between devices

	peerSourceDevice  = 44
	peerSourceContext = 48
	peerTargetDevice  = 52
	peerTargetContext = 56
	peerCorrelation   = 60
	peerGraphNode     = 72 // u64
	peerGraph         = 80
)

// Offsets of a set's record; start to correlation are as a copy's.
const (
	setValue     = 4  // u32
	setMemory    = 50 // u16
	setGraphNode = 64 // u64
	setGraph     = 72
)

// Offsets of a call's record.
const (
	callID          = 4 // u32
	callStart       = 8
	callEnd         = 16
	callThread      = 28
	callCorrelation = 32
	callReturned    = 36
)

// Offsets of the others.
const (
	externalKindAt      = 4
	externalID          = 8 // u64
	externalCorrelation = 16

	syncType        = 4
	syncStart       = 8
	syncEnd         = 16
	syncCorrelation = 24
	syncContext     = 28
	syncStream      = 32
	syncEvent       = 36

	overheadKind       = 4
	overheadObjectKind = 8
	overheadThread     = 16 // of an object that is a thread
	overheadStart      = 24
	overheadEnd        = 32

	contextID         = 4
	contextDevice     = 8
	contextNullStream = 14 // u16

	streamContext  = 4
	streamID       = 8
	streamPriority = 12
	streamFlag     = 16
)
