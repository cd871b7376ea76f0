package nsight

import (
	"database/sql/driver"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/strobe-dev/strobe/sdk/profiler"
	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// begin writes what is known before the first event.
func (s *sink) begin() {
	local := s.profile.Started.Local()
	s.db.put(sessionStart, s.base, utc(s.profile.Started), local.Format("2006-01-02 15:04:05.000000000"))
}

// end writes what is known when the recording has ended. Nothing of it is of the host's environment.
func (s *sink) end(sum profiler.Summary) {
	for i := range sum.Processes {
		if r := sum.Processes[i].Process; r != nil {
			s.process(r)
		}
	}
	now := time.Now()
	pairs := func(t table, list ...string) {
		for i := 0; i < len(list); i += 2 {
			s.db.put(t, list[i], list[i+1])
		}
	}
	pairs(exportFacts, "EXPORT_PRODUCT_NAME", "Strobe", "EXPORT_SCHEMA_VERSION", schemaVersion, "EXPORT_SCHEMA_VERSION_MAJOR", schemaMajor,
		"EXPORT_SCHEMA_VERSION_MINOR", schemaMinor, "EXPORT_SCHEMA_VERSION_MICRO", schemaMicro, "EXPORT_PLATFORM", runtime.GOOS, "EXPORT_ARCH", runtime.GOARCH,
		"EXPORT_TIME_UTC", utc(now), "EXPORT_TIME_LOCAL", now.Format("2006-01-02 15:04:05.000000000"), "EXPORT_HOST", s.profile.Host)
	pairs(captureFacts, "STROBE_PROFILE", s.profile.ID, "STROBE_MODEL", s.profile.Model, "STROBE_LABEL", s.profile.Label,
		"STROBE_EVENTS", fmt.Sprint(s.events), "STROBE_NOT_IN_THIS_FILE", fmt.Sprint(s.dropped+s.without))
	for i := range sum.Processes {
		r := &sum.Processes[i]
		if r.Process == nil {
			continue
		}
		pairs(captureFacts, "STROBE_LOST "+title(r.Process), fmt.Sprint(r.Lost.Total()+r.Lost.Corrupt))
		if why := noDevice(r.Process); why != "" {
			pairs(captureFacts, "STROBE_NO_DEVICE_EVENTS "+title(r.Process), why)
		}
	}
	for _, p := range s.processes {
		s.devices(p)
	}
	if s.db.made[nvtx.name] != nil {
		s.domainRows()
	}
	s.enums()
	stop := max(s.last, s.at(sum.Stopped.UnixNano()), 0)
	const virtualMachine = 1 << 48
	s.db.put(analysis, int64(virtualMachine), stop, int64(0), stop)
}

// enums adds what the numbers of the tables that there are mean.
func (s *sink) enums() {
	wanted := map[string]bool{}
	for of, names := range enumsOf {
		for _, n := range names {
			wanted[n] = wanted[n] || s.db.made[of] != nil
		}
	}
	for _, e := range enums() {
		if wanted[e.name] {
			for _, v := range e.values {
				s.db.put(table{e.name, enumColumns}, v.id, v.name, v.label)
			}
		}
	}
}

// noDevice says why a rank recorded no device events; empty when it did, or when nobody asked for them.
func noDevice(r *recording.Process) string {
	f := r.Fact("cuda", 0)
	if f == nil || f.Arg("reason").Text == "" {
		return ""
	}
	return f.Arg("state").Text + ": " + f.Arg("reason").Text
}

// devices adds the process's devices, contexts and streams. Two processes may both have a device 0; the file has one row for
// a number, as reports join by it alone.
func (s *sink) devices(p *process) {
	seen := map[int64]bool{}
	for _, f := range p.recorded.Facts {
		id := int64(f.ID)
		switch f.Name.Text {
		case "cuda device":
			if !s.known(id) {
				s.db.put(gpus, gpuRow(id, &f)...)
			}
			seen[id] = true
		case "cuda context":
			s.db.put(cudaContexts, number(&f, "null stream"), int64(0), int64(1)<<48, p.pid, number(&f, "device"), id, nil, nil)
		case "cuda stream":
			s.db.put(cudaStreams, id&(1<<32-1), int64(0), int64(1)<<48, p.pid, id>>32, number(&f, "priority"), number(&f, "flag"))
		}
	}
	for r := range p.tracks { // work on a device of which nothing was said
		if id := int64(r.DeviceID); r.Device && id >= 0 && !seen[id] && !s.known(id) {
			s.db.put(gpus, gpuRow(id, nil)...)
		}
	}
}

func number(f *recording.Fact, key string) int64 { return f.Arg(key).Int }

// gpuFacts are the columns of TARGET_INFO_GPU by the keys of a device's facts, and by what they are multiplied.
var gpuFacts = map[string]struct {
	key  string
	unit int64
}{
	"name": {"name", 1}, "busLocation": {"PCI bus id", 1}, "l2CacheSize": {"L2 cache bytes", 1}, "totalMemory": {"total memory", 1},
	"clockRate": {"clock rate kHz", 1000}, "smCount": {"multiprocessors", 1}, "uuid": {"uuid", 1}, "constantMemory": {"constant memory", 1},
	"maxRegistersPerBlock": {"registers per block", 1}, "maxShmemPerBlock": {"shared memory per block", 1},
	"maxShmemPerBlockOptin": {"shared memory per block opt-in", 1}, "maxShmemPerSm": {"shared memory per multiprocessor", 1},
	"maxRegistersPerSm": {"registers per multiprocessor", 1}, "threadsPerWarp": {"warp size", 1}, "asyncEngines": {"async engines", 1},
	"maxBlocksPerSm": {"max blocks per multiprocessor", 1}, "maxThreadsPerBlock": {"max threads per block", 1},
	"maxBlockDimX": {"max block dim x", 1}, "maxBlockDimY": {"max block dim y", 1}, "maxBlockDimZ": {"max block dim z", 1},
	"maxGridDimX": {"max grid dim x", 1}, "maxGridDimY": {"max grid dim y", 1}, "maxGridDimZ": {"max grid dim z", 1},
	"computeMajor": {"compute major", 1}, "computeMinor": {"compute minor", 1}, "smMajor": {"compute major", 1}, "smMinor": {"compute minor", 1},
}

// gpuRow is a device's row. What was not recorded of it is absent.
func gpuRow(id int64, f *recording.Fact) []driver.Value {
	row := make([]driver.Value, 0, gpus.width())
	for _, c := range strings.Split(gpus.columns, ", ") {
		name := strings.FieldsFunc(c, func(r rune) bool { return r == '!' || r == ' ' })[0]
		fact := gpuFacts[name]
		switch a := f.Arg(fact.key); {
		case name == "vmId":
			row = append(row, int64(1)<<48)
		case name == "id" || name == "cuDevice":
			row = append(row, id)
		case name == "isDiscrete" && f.Arg("integrated").Type != 0:
			row = append(row, 1-f.Arg("integrated").Int)
		case name == "maxWarpsPerSm" && f.Arg("warp size").Int > 0:
			row = append(row, f.Arg("max threads per multiprocessor").Int/f.Arg("warp size").Int)
		case name == "memoryBandwidth" && f.Arg("memory bus bits").Int > 0:
			row = append(row, 2*f.Arg("memory clock rate kHz").Int*1000*f.Arg("memory bus bits").Int/8) // both edges of the clock
		case fact.key == "" || a.Type == 0:
			row = append(row, nil)
		case a.Type == trace.TypeInt:
			row = append(row, a.Int*fact.unit)
		default:
			row = append(row, a.Text)
		}
	}
	return row
}

// known tells whether a device has a row, and that it has one from now on.
func (s *sink) known(device int64) bool {
	if slices.Contains(s.gpus, device) {
		return true
	}
	s.gpus = append(s.gpus, device)
	return false
}
