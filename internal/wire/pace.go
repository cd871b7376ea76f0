package wire

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Bounds of an export that nobody waits for.
const (
	// paceLook is how often it is looked whether others want the processors.
	paceLook = 100 * time.Millisecond
	// paceCrowded is the share of the processors that others use from which on an export makes way.
	paceCrowded = 0.25
	// paceShare is the share of the processors that an export then uses itself. Threads that run only when nothing else
	// wants the processor take no time from others, but whoever wakes up waits until they are gone, which a model feels
	// whose workers wake each other thousands of times a second.
	paceShare = 0.01
)

// pace slows a process down while others use the processors.
type pace struct {
	processors float64
	own        func() time.Duration         // processor time of this process so far
	all        func() (time.Duration, bool) // of the whole machine; false: not known here, and nothing is slowed

	at         time.Time // of the last look
	ownAt      time.Duration
	allAt      time.Duration
	crowded    bool
	since      time.Time // when it became so
	ownAtSince time.Duration
}

// newPace is the pace of this process. What it does until the first look is not slowed.
func newPace() *pace {
	p := &pace{processors: float64(runtime.GOMAXPROCS(0)), own: ownTime, all: machineTime}
	p.at, p.ownAt = time.Now(), p.own()
	p.allAt, _ = p.all()
	return p
}

// wait returns when the process may do more, or when ctx ends.
func (p *pace) wait(ctx context.Context) {
	for p.look(); ; p.look() {
		debt := p.debt()
		if debt <= 0 {
			return
		}
		timer := time.NewTimer(min(debt, paceLook))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// look finds out, now and then, whether others use the processors.
func (p *pace) look() {
	now := time.Now()
	elapsed := now.Sub(p.at)
	if elapsed < paceLook {
		return
	}
	own := p.own()
	all, ok := p.all()
	others := float64(all - p.allAt - (own - p.ownAt))
	crowded := ok && others >= paceCrowded*p.processors*float64(elapsed)
	if crowded && !p.crowded {
		p.since, p.ownAtSince = now, own
	}
	p.at, p.ownAt, p.allAt, p.crowded = now, own, all, crowded
}

// debt is how long the process has to pause for what it has used.
func (p *pace) debt() time.Duration {
	if !p.crowded {
		return 0
	}
	used := float64(p.own() - p.ownAtSince)
	return time.Duration(used/(paceShare*p.processors)) - time.Since(p.since)
}

// ownTime is the processor time that this process has used.
func ownTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// machineTime is the processor time that the machine has used: the first line of /proc/stat, in hundredths of a second.
// Waiting for the disk and what other machines took are not used time.
func machineTime() (time.Duration, bool) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	var user, nice, system, idle, wait, irq, soft int64
	if _, err := fmt.Sscanf(line, "cpu %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &soft); err != nil {
		return 0, false
	}
	return time.Duration(user+nice+system+irq+soft) * 10 * time.Millisecond, true
}
