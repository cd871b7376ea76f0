package wire

import "syscall"

// lowest is the priority that takes next to nothing from others that want the processor.
const lowest = 19

// background gives a process group the lowest priority.
func background(group int) { _ = syscall.Setpriority(syscall.PRIO_PGRP, group, lowest) }
