package wire

import (
	"cmp"
	"fmt"
	"log/slog"
)

// What [Host.Contain] takes besides the path of a folder.
const (
	CgroupAuto = "auto"
	CgroupOff  = "off"
)

// Contain chooses by what the host's plugins are held together and bounded, and logs it: a cgroup (version 2, Linux) for each
// where there is one to put them in, else the means that need none. [CgroupAuto] takes what was delegated to this program and is
// no error when nothing was; a path is the folder of a cgroup to make others in, and an [ErrCgroup] when that cannot be done. Call
// it before the first Launch.
func (h *Host) Contain(setting string, log *slog.Logger) error {
	setting = cmp.Or(setting, CgroupAuto)
	groups, err := openCgroups(setting, h.spawn, log)
	if err != nil && setting != CgroupAuto && setting != CgroupOff {
		return fmt.Errorf("%w: %w", ErrCgroup, err)
	}
	attrs := []any{"children", childrenBy, "memory", memoryBy}
	if groups != nil {
		h.spawn.groups = groups
		attrs[1] = "cgroup.kill, " + childrenBy
		if groups.memory == nil {
			attrs[3] = "memory.max, " + memoryBy
		} else {
			attrs = append(attrs, "no_memory_max", groups.memory.Error())
		}
		attrs = append(attrs, "cgroup", groups.dir)
	} else {
		attrs = append(attrs, "no_cgroup", err.Error())
	}
	log.Info("plugins are contained", attrs...)
	return nil
}
