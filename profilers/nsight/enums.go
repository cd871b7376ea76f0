package nsight

// enum is a table of what numbers of other tables mean.
type enum struct {
	name   string
	values []enumValue
}

type enumValue struct {
	id          int64
	name, label string
}

const enumColumns = "id!PK, name TEXT, label TEXT"

func numbered(first int64, prefix string, namesAndLabels ...string) (values []enumValue) {
	for i := 0; i < len(namesAndLabels); i += 2 {
		values = append(values, enumValue{first + int64(i/2), prefix + namesAndLabels[i], namesAndLabels[i+1]})
	}
	return values
}

// Numbers of rows that are written here.
const (
	classRuntime, classDriver = 0, 1
	pushPopRange, mark        = 59, 34
	domainCreate              = 75
	category                  = 33
)

// enumsOf says which enums come with a table.
var enumsOf = map[string][]string{
	nvtx.name:        {"ENUM_NSYS_EVENT_TYPE"},
	calls.name:       {"ENUM_NSYS_EVENT_CLASS"},
	kernels.name:     {"ENUM_CUDA_KERNEL_LAUNCH_TYPE", "ENUM_CUDA_FUNC_CACHE_CONFIG", "ENUM_CUDA_SHARED_MEM_LIMIT_CONFIG"},
	copies.name:      {"ENUM_CUDA_MEMCPY_OPER", "ENUM_CUDA_MEM_KIND"},
	sets.name:        {"ENUM_CUDA_MEMCPY_OPER", "ENUM_CUDA_MEM_KIND"},
	syncs.name:       {"ENUM_CUPTI_SYNC_TYPE"},
	cudaStreams.name: {"ENUM_CUPTI_STREAM_TYPE"},
}

func enums() []enum {
	return []enum{
		{"ENUM_CUDA_MEMCPY_OPER", numbered(0, "CUDA_MEMCPY_KIND_", "UNKNOWN", "Unknown", "HTOD", "Host-to-Device", "DTOH", "Device-to-Host", "HTOA", "Host-to-Array", "ATOH", "Array-to-Host",
			"ATOA", "Array-to-Array", "ATOD", "Array-to-Device", "DTOA", "Device-to-Array", "DTOD", "Device-to-Device", "HTOH", "Host-to-Host", "PTOP", "Peer-to-Peer",
			"UVM_HTOD", "Unified Host-to-Device", "UVM_DTOH", "Unified Device-to-Host", "UVM_DTOD", "Unified Device-to-Device")},
		{"ENUM_CUDA_MEM_KIND", numbered(0, "CUDA_MEMOPR_MEMORY_KIND_", "PAGEABLE", "Pageable", "PINNED", "Pinned", "DEVICE", "Device", "ARRAY", "Array", "MANAGED", "Managed",
			"DEVICE_STATIC", "Device Static", "MANAGED_STATIC", "Managed Static", "UNKNOWN", "Unknown")},
		{"ENUM_CUDA_KERNEL_LAUNCH_TYPE", numbered(0, "CUDA_KERNEL_LAUNCH_TYPE_", "UNKNOWN", "Unknown", "REGULAR", "Regular", "COOPERATIVE_SINGLE_DEVICE", "Cooperative Single Device",
			"COOPERATIVE_MULTI_DEVICE", "Cooperative Multi Device")},
		{"ENUM_CUPTI_SYNC_TYPE", numbered(0, "CUPTI_SYNC_TYPE_", "UNKNOWN", "Unknown", "EVENT_SYNCHRONIZE", "Event sync", "STREAM_WAIT_EVENT", "Stream wait event",
			"STREAM_SYNCHRONIZE", "Stream sync", "CONTEXT_SYNCHRONIZE", "Context sync")},
		{"ENUM_CUPTI_STREAM_TYPE", numbered(0, "CUPTI_STREAM_TYPE_", "UNKNOWN", "Unknown", "DEFAULT", "Default", "NON_BLOCKING", "Non-blocking", "NULL", "Null")},
		{"ENUM_CUDA_FUNC_CACHE_CONFIG", numbered(0, "CUDA_FUNC_CACHE_CONFIG_", "NONE", "None", "SHARED", "Shared", "L1", "L1", "EQUAL", "Equal")},
		{"ENUM_CUDA_SHARED_MEM_LIMIT_CONFIG", numbered(0, "CUDA_SHARED_MEM_LIMIT_CONFIG_", "DEFAULT", "Default", "OPTIN", "Opt-in")},
		{"ENUM_NSYS_EVENT_TYPE", []enumValue{{category, "NvtxCategory", "NVTX Category"}, {mark, "NvtxMark", "NVTX Mark"}, {39, "NvtxThread", "NVTX Thread"},
			{pushPopRange, "NvtxPushPopRange", "NVTX Push/Pop Range"}, {60, "NvtxStartEndRange", "NVTX Start/End Range"},
			{domainCreate, "NvtxDomainCreate", "NVTX Domain Create"}, {76, "NvtxDomainDestroy", "NVTX Domain Destroy"}}},
		{"ENUM_NSYS_EVENT_CLASS", []enumValue{{classRuntime, "TRACE_PROCESS_EVENT_CUDA_RUNTIME", "CUDA Runtime"}, {classDriver, "TRACE_PROCESS_EVENT_CUDA_DRIVER", "CUDA Driver"},
			{27, "TRACE_PROCESS_EVENT_OS_RUNTIME", "OS Runtime"}}},
	}
}

// memoryKind is Nsight's number for CUPTI's: one less, and unknown last.
func memoryKind(cupti int64) int64 {
	if cupti <= 0 || cupti > 7 {
		return 7
	}
	return cupti - 1
}
