package segment

// Sizes. Everything in a segment is a little-endian word of 8 bytes at an address that 8 divides.
const (
	Version     = 1
	HeaderBytes = 4096      // the header page; chunk 0 follows it
	ChunkBytes  = 16 << 10  // every chunk
	ChunkHeader = 24        // bytes of a chunk before its first record
	MinBytes    = 1 << 20   // smallest bound of a segment
	MetaChunks  = 2         // chunks at the end of the bound that only the meta track may take
	MaxNames    = 1<<16 - 1 // interned names of a process, id 0 not counted
	MaxName     = 4096      // bytes of an interned name
	MaxString   = 1024      // bytes of a string argument
	MaxRequest  = 1024      // bytes of a request id
	MaxArgs     = 8 << 10   // bytes of the arguments of one record
	MaxDepth    = 255       // spans open at once on a track
	MaxLabel    = 1024      // bytes of a track's name, and of its group
)

// Magic numbers, as little-endian words.
const (
	Magic      uint64 = 0x0031_4745_5342_5453 // "STBSEG1" and a zero byte
	ChunkMagic uint32 = 0x4b4e_4843           // "CHNK"
)

// Offsets of the header's fields, in bytes.
const (
	OffMagic     = 0
	OffVersion   = 8
	OffSizes     = 16
	OffProcess   = 24
	OffPID       = 32
	OffPosition  = 40
	OffClock     = 48
	OffRate      = 56
	OffLimit     = 64
	OffRecording = 72
	OffSequence  = 80
	OffProcessID = 88
	OffCost      = 96

	OffChunks    = 128
	OffState     = 136
	OffFull      = 192
	OffNotReady  = 200
	OffNames     = 208
	OffTruncated = 216
	OffDepth     = 224
	OffDevice    = 232

	OffBootID    = 256
	OffHost      = 320
	OffName      = 576
	OffModel     = 832
	OffStageName = 1088
	OffNowhere   = 4032 // 32 bytes that the writer may scribble on
)

// Room of the header's texts, in bytes.
const (
	BootIDRoom = 64
	TextRoom   = 256
)

// FlagSynthetic in the process word: the weights are made up.
const FlagSynthetic = 1

// States of a segment.
const (
	StateLive     = 0 // being written, or its writer died
	StateFinished = 1 // frozen: nothing will be added
)

// Kinds of clock. Ticks of two segments compare when boot id and kind are the same and the kind is not ClockProcess.
const (
	ClockTSC       = 1 // x86's time stamp counter, invariant
	ClockCNTVCT    = 2 // arm64's virtual counter
	ClockMonotonic = 3 // nanoseconds of the system's monotonic clock
	ClockProcess   = 4 // nanoseconds of a clock of this process alone
)

// Offsets within a chunk, in bytes.
const (
	OffChunkCommit  = 0
	OffChunkOrdinal = 8
	OffChunkEvents  = 16
)

// Kinds of record.
const (
	KindSpan       = 1
	KindInstant    = 2
	KindCount      = 3
	KindCountFloat = 4
	KindFlowOut    = 5
	KindFlowIn     = 6
	KindEndArgs    = 7
	KindRequest    = 8
	KindTrack      = 9
	KindName       = 10
	KindPair       = 11
	KindDeviceSpan = 12
	KindFact       = 13

	// Again is set in the kind of a record that may repeat one of the segment before.
	Again = 0x80
)

// Bytes of each kind's fixed part, the head word included.
const (
	SpanBytes       = 32
	InstantBytes    = 16
	CountBytes      = 24
	FlowBytes       = 24
	EndArgsBytes    = 16
	RequestBytes    = 16
	TrackBytes      = 32
	NameBytes       = 16
	PairBytes       = 40
	DeviceSpanBytes = 56
	FactBytes       = 16
	ArgBytes        = 16
)

// Flags in a track definition. Tracks with either hold device spans, in no order and possibly overlapping.
const (
	FlagDevice = 1 // work of a device
	FlagCalls  = 2 // calls that a thread made to a device's runtime or driver
)

// MaxFacts is how many facts of a process are kept.
const MaxFacts = 4096
