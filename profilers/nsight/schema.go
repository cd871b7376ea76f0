package nsight

import "strings"

// Schema is the version of Nsight Systems' schema that files state. CUPTI_ACTIVITY_KIND_OVERHEAD alone is of a later one: what
// this version has for it wants return values, which the library does not report.
const (
	schemaVersion = "3.11.1"
	schemaMajor   = "3"
	schemaMinor   = "11"
	schemaMicro   = "1"
)

// table is one of the file's tables. It is made when its first row comes, as Nsight Systems does.
type table struct {
	name    string
	columns string // as SQL has them
}

// Tables. An exclamation mark stands for INTEGER NOT NULL, a name alone is INTEGER.
var (
	stringIDs    = table{"StringIds", "id!PK, value!TEXT"}
	exportFacts  = table{"META_DATA_EXPORT", "name!TEXT, value TEXT"}
	captureFacts = table{"META_DATA_CAPTURE", "name!TEXT, value TEXT"}
	processes    = table{"PROCESSES", "globalPid, pid, name TEXT"}
	threadNames  = table{"ThreadNames", "nameId!, priority, globalTid"}
	sessionStart = table{"TARGET_INFO_SESSION_START_TIME", "utcEpochNs, utcTime TEXT, localTime TEXT"}
	analysis     = table{"ANALYSIS_DETAILS", "globalVid!, duration!, startTime!, stopTime!"}
	gpus         = table{"TARGET_INFO_GPU", "vmId!, id!, name TEXT, busLocation TEXT, isDiscrete, l2CacheSize, totalMemory, memoryBandwidth, clockRate, smCount, pwGpuId, uuid TEXT, luid, " +
		"chipName TEXT, cuDevice, ctxswDevPath TEXT, ctrlDevPath TEXT, revision, nodeMask, constantMemory, maxIPC, maxRegistersPerBlock, maxShmemPerBlock, maxShmemPerBlockOptin, maxShmemPerSm, " +
		"maxRegistersPerSm, threadsPerWarp, asyncEngines, maxWarpsPerSm, maxBlocksPerSm, maxThreadsPerBlock, maxBlockDimX, maxBlockDimY, maxBlockDimZ, maxGridDimX, maxGridDimY, maxGridDimZ, " +
		"computeMajor, computeMinor, smMajor, smMinor"}
	cudaStreams  = table{"TARGET_INFO_CUDA_STREAM", "streamId!, hwId!, vmId!, processId!, contextId!, priority!, flag!"}
	cudaContexts = table{"TARGET_INFO_CUDA_CONTEXT_INFO", "nullStreamId!, hwId!, vmId!, processId!, deviceId!, contextId!, parentContextId, isGreenContext"}

	kernels = table{"CUPTI_ACTIVITY_KIND_KERNEL", "start!, end!, deviceId!, contextId!, greenContextId, streamId!, correlationId, globalPid, demangledName!, shortName!, mangledName, launchType, " +
		"cacheConfig, registersPerThread!, gridX!, gridY!, gridZ!, blockX!, blockY!, blockZ!, staticSharedMemory!, dynamicSharedMemory!, localMemoryPerThread!, localMemoryTotal!, gridId!, " +
		"sharedMemoryExecuted, graphNodeId, sharedMemoryLimitConfig"}
	calls  = table{"CUPTI_ACTIVITY_KIND_RUNTIME", "start!, end!, eventClass!, globalTid, correlationId, nameId!, returnValue!, callchainId"}
	copies = table{"CUPTI_ACTIVITY_KIND_MEMCPY", "start!, end!, deviceId!, contextId!, greenContextId, streamId!, correlationId, globalPid, bytes!, copyKind!, deprecatedSrcId, srcKind, dstKind, " +
		"srcDeviceId, srcContextId, dstDeviceId, dstContextId, migrationCause, graphNodeId, virtualAddress"}
	sets     = table{"CUPTI_ACTIVITY_KIND_MEMSET", "start!, end!, deviceId!, contextId!, greenContextId, streamId!, correlationId, globalPid, value!, bytes!, graphNodeId, memKind"}
	syncs    = table{"CUPTI_ACTIVITY_KIND_SYNCHRONIZATION", "start!, end!, deviceId!, contextId!, greenContextId, streamId!, correlationId, globalPid, syncType!, eventId!"}
	overhead = table{"CUPTI_ACTIVITY_KIND_OVERHEAD", "start!, end!, eventClass!, globalTid, correlationId, nameId, overheadType!"}
	nvtx     = table{"NVTX_EVENTS", "start!, end, eventType!, rangeId, category, color, text TEXT, globalTid, endGlobalTid, textId, domainId, uint64Value, int64Value, doubleValue REAL, uint32Value, " +
		"int32Value, floatValue REAL, jsonTextId, jsonText TEXT"}
)

// create is the SQL that makes the table, and insert the one that adds rows.
func (t table) create() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + t.name + " (")
	for i, c := range strings.Split(t.columns, ", ") {
		if i > 0 {
			b.WriteString(", ")
		}
		name, kind, required := strings.Cut(c, "!")
		switch {
		case required && kind == "PK":
			c = name + " INTEGER NOT NULL PRIMARY KEY"
		case required && kind == "":
			c = quoted(name) + " INTEGER NOT NULL"
		case required:
			c = quoted(name) + " " + kind + " NOT NULL"
		default:
			name, kind, typed := strings.Cut(c, " ")
			if !typed {
				kind = "INTEGER"
			}
			c = quoted(name) + " " + kind
		}
		b.WriteString(c)
	}
	return b.String() + ")"
}

// quoted is a column's name, which may be a word of SQL: end.
func quoted(name string) string { return `"` + name + `"` }

func (t table) width() int { return strings.Count(t.columns, ",") + 1 }

func (t table) insert(rows int) string {
	row := "(?" + strings.Repeat(",?", t.width()-1) + ")"
	return "INSERT INTO " + t.name + " VALUES " + row + strings.Repeat(","+row, rows-1)
}
