package segment

// Field is a part of a structure.
type Field struct {
	Name   string
	Offset int // bytes from the structure's start
	Size   int // bytes
	Type   string
	Doc    string
}

// Structure is a header, a chunk's header, or a record of one kind.
type Structure struct {
	Name   string
	Kind   int // of a record; 0 for what is no record
	Bytes  int // of the fixed part
	Tail   string
	Doc    string
	Fields []Field
}

// TailArguments is the tail of a record that arguments follow.
const TailArguments = "arguments"

// headFields is what every record begins with.
var headFields = []Field{
	{"kind", 0, 1, "u8", "the record's kind; 0x80 is added when the record may repeat one of the segment before"},
	{"depth", 1, 1, "u8", "spans that enclose the event on its track, 0 for the outermost; in a name definition the category"},
	{"words", 2, 2, "u16", "size of the whole record in words of 8 bytes, this one included"},
	{"name", 4, 4, "u32", "id of the interned name, 0 for none"},
}

// Table lists every structure of a segment. The document is made of it, and a test holds it against the constants.
var Table = []Structure{
	{
		Name: "Header", Bytes: HeaderBytes, Doc: "The first page of the file. What no field names is zero, and to be ignored.",
		Fields: []Field{
			{"magic", OffMagic, 8, "u64", "0x0031474553425453, the bytes `STBSEG1` and a zero; stored last: while it is zero the segment is being made"},
			{"version", OffVersion, 4, "u32", "1"},
			{"header_bytes", OffVersion + 4, 4, "u32", "4096: where chunk 0 begins"},
			{"chunk_bytes", OffSizes, 4, "u32", "16384"},
			{"process_kind", OffProcess, 4, "u32", "1 core, 2 a rank of a model's stage, 3 a profiler that measures"},
			{"flags", OffProcess + 4, 4, "u32", "bit 0: the model's weights are made up"},
			{"pid", OffPID, 8, "u64", "process id"},
			{"stage", OffPosition, 4, "i32", "index of the stage, from 0"},
			{"rank", OffPosition + 4, 4, "i32", "index of the process within the stage, from 0"},
			{"clock", OffClock, 8, "u64", "what ticks are: 1 x86's time stamp counter, 2 arm64's virtual counter CNTVCT_EL0, 3 nanoseconds of the system's monotonic clock, 4 nanoseconds of a clock of this process alone"},
			{"rate", OffRate, 8, "u64", "ticks a second, roughly, as calibrated before the start; 0 unknown"},
			{"limit", OffLimit, 8, "u64", "the largest size of the file in bytes"},
			{"recording", OffRecording, 8, "u64", "which recording of this process it is, from 1"},
			{"sequence", OffSequence, 8, "u64", "which segment of that recording it is, from 0"},
			{"process_id", OffProcessID, 8, "u64", "random, one a process: tells two processes apart that had the same pid"},
			{"event_cost", OffCost, 4, "u32", "picoseconds that recording a span takes this process, as it measured before the start; 0 unknown"},
			{"cores", OffCost + 4, 4, "u32", "processors of the machine; 0 unknown"},
			{"chunks", OffChunks, 8, "u64, live", "chunks taken so far; may exceed what the file holds when the file was cut"},
			{"state", OffState, 8, "u64, live", "0 being written, or its writer died; 1 finished, nothing will be added"},
			{"lost_full", OffFull, 8, "u64, live", "events lost because the bound, or the disk, was full"},
			{"lost_not_ready", OffNotReady, 8, "u64, live", "events lost because space was not reserved in time"},
			{"lost_names", OffNames, 8, "u64, live", "names cut, not interned or not defined here; written at the stop"},
			{"truncated", OffTruncated, 8, "u64, live", "arguments cut or left out"},
			{"lost_depth", OffDepth, 8, "u64, live", "spans lost because 255 were open"},
			{"lost_device", OffDevice, 8, "u64, live", "events lost because the device's own profiling library, or what reads it, dropped them"},
			{"boot_id", OffBootID, BootIDRoom, "text", "which boot of which machine"},
			{"host", OffHost, TextRoom, "text", "host name"},
			{"name", OffName, TextRoom, "text", "`core`, or the plugin's name"},
			{"model", OffModel, TextRoom, "text", "the served model"},
			{"stage_name", OffStageName, TextRoom, "text", "the stage's name"},
			{"nowhere", OffNowhere, 32, "", "scratch of the writer"},
		},
	},
	{
		Name: "Chunk header", Bytes: ChunkHeader, Doc: "The begin of every chunk. Records follow until a zero head, or the chunk's end.",
		Fields: []Field{
			{"magic", OffChunkCommit, 4, "u32", "0x4b4e4843, the bytes `CHNK`; this word is stored last: while it is zero the chunk has no owner yet"},
			{"track", OffChunkCommit + 4, 4, "u32", "the track that owns the chunk, 0 for the meta track"},
			{"ordinal", OffChunkOrdinal, 8, "u64", "which chunk of the track in this segment it is, from 0"},
			{"events", OffChunkEvents, 8, "u64", "events in the chunk, stored when the track leaves it; 0: count them. Records that may be repetitions do not count"},
		},
	},
	{Name: "Head", Bytes: 8, Doc: "The first word of every record, stored last. A zero head: no record yet.", Fields: headFields},
	{
		Name: "Span", Kind: KindSpan, Bytes: SpanBytes, Tail: TailArguments, Doc: "Something that takes time, on a track that nests.",
		Fields: []Field{
			{"begin", 8, 8, "ticks", ""},
			{"end", 16, 8, "ticks", "0 while the span is open; stored in place when it ends"},
			{"sequence", 24, 8, "u64", "the span's number within its track, from 1, in order of begin"},
		},
	},
	{
		Name: "Instant", Kind: KindInstant, Bytes: InstantBytes, Tail: TailArguments, Doc: "Something that happened.",
		Fields: []Field{{"at", 8, 8, "ticks", ""}},
	},
	{
		Name: "Count", Kind: KindCount, Bytes: CountBytes, Doc: "The value of a counter.",
		Fields: []Field{{"at", 8, 8, "ticks", ""}, {"value", 16, 8, "i64", ""}},
	},
	{
		Name: "Count, floating", Kind: KindCountFloat, Bytes: CountBytes, Doc: "The value of a counter.",
		Fields: []Field{{"at", 8, 8, "ticks", ""}, {"value", 16, 8, "f64", ""}},
	},
	{
		Name: "Flow out", Kind: KindFlowOut, Bytes: FlowBytes, Doc: "An arrow leaves the innermost enclosing span.",
		Fields: []Field{{"at", 8, 8, "ticks", ""}, {"flow", 16, 8, "u64", "id that the other end has too"}},
	},
	{
		Name: "Flow in", Kind: KindFlowIn, Bytes: FlowBytes, Doc: "An arrow arrives in the innermost enclosing span.",
		Fields: []Field{{"at", 8, 8, "ticks", ""}, {"flow", 16, 8, "u64", "id that the other end has too"}},
	},
	{
		Name: "End arguments", Kind: KindEndArgs, Bytes: EndArgsBytes, Tail: TailArguments, Doc: "More arguments of a span that is still open, written right before its end is.",
		Fields: []Field{{"span", 8, 8, "u64", "the span's sequence"}},
	},
	{
		Name: "Request", Kind: KindRequest, Bytes: RequestBytes, Tail: "text", Doc: "From here to the end of the chunk, or to the next such record, events that begin on the track belong to this request. A chunk begins with none.",
		Fields: []Field{{"length", 8, 8, "u64", "bytes of the request's id, at most 1024; 0 for none"}},
	},
	{
		Name: "Track", Kind: KindTrack, Bytes: TrackBytes, Tail: "name, then group, without a gap", Doc: "The track's definition: the first record of its first chunk in a segment.",
		Fields: []Field{
			{"name_length", 8, 4, "u32", "bytes"},
			{"group_length", 12, 4, "u32", "bytes; 0 when the track is no pooled lane"},
			{"device", 16, 4, "i32", "index of the device, when flagged"},
			{"context", 20, 4, "u32", "device context"},
			{"stream", 24, 4, "u32", "device stream; with bit 1 of the flags the number that the system gave the thread"},
			{"flags", 28, 4, "u32", "bit 0: work of a device; bit 1: calls of one thread to a device's runtime or driver. With either, what follows are device spans: in no order, and they may overlap"},
		},
	},
	{
		Name: "Name", Kind: KindName, Bytes: NameBytes, Tail: "text", Doc: "Defines the id in the head's name; on the meta track. Ids hold for the process, and each segment defines those that it uses.",
		Fields: []Field{{"length", 8, 8, "u64", "bytes, at most 4096"}},
	},
	{
		Name: "Clock pair", Kind: KindPair, Bytes: PairBytes, Doc: "One moment on three clocks; on the meta track.",
		Fields: []Field{
			{"ticks", 8, 8, "ticks", ""},
			{"monotonic", 16, 8, "i64", "nanoseconds of the system's monotonic clock"},
			{"wall", 24, 8, "i64", "nanoseconds since 1970-01-01 UTC"},
			{"width", 32, 8, "u64", "ticks that the reading took: twice the largest error"},
		},
	},
	{
		Name: "Device span", Kind: KindDeviceSpan, Bytes: DeviceSpanBytes, Tail: TailArguments, Doc: "Work of a device, or a call that caused it, begin and end known; on a track whose flags say so.",
		Fields: []Field{
			{"begin", 8, 8, "ticks", ""},
			{"end", 16, 8, "ticks", ""},
			{"sequence", 24, 8, "u64", "the span's number within its track, from 1"},
			{"correlation", 32, 8, "u64", "ties the work to the call that launched it; 0 none. Unique in the process"},
			{"external", 40, 8, "u64", "sequence of the span that enclosed that call; 0 none, or not known"},
			{"external_track", 48, 4, "u32", "the track of that span"},
			{"work", 52, 4, "u32", "what it is: 1 kernel, 2 copy, 3 set, 4 synchronisation, 5 graph, 6 call of the runtime, 7 call of the driver, 8 overhead of profiling; 0 anything else"},
		},
	},
	{
		Name: "Fact", Kind: KindFact, Bytes: FactBytes, Tail: TailArguments, Doc: "What holds for the process, or for one of its devices, contexts or streams; on the meta track. Of two with the same name and id the later one holds. It is no event.",
		Fields: []Field{{"id", 8, 8, "u64", "which of the things that the name denotes; 0 when there is one"}},
	},
	{
		Name: "Argument", Bytes: ArgBytes, Tail: "text, when the type is 5", Doc: "Arguments follow a record's fixed part, one after another, to the record's end.",
		Fields: []Field{
			{"type", 0, 1, "u8", "1 i64, 2 f64, 3 truth (0 or 1), 4 id of an interned text, 5 text that follows, 6 id of an interned text that is a JSON array of arrays of integers: tensor shapes"},
			{"key", 4, 4, "u32", "id of the interned key"},
			{"value", 8, 8, "by type", "for type 5 the text's length in bytes, at most 1024"},
		},
	},
}
