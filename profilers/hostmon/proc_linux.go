package hostmon

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// processReader reads a process's processor time in hundredths of seconds, its threads' context switches (a thread
// waited; a thread had to give way) and its resident memory.
func processReader(pid int) func() []float64 {
	dir := fmt.Sprintf("/proc/%d/", pid)
	return func() []float64 {
		cpu, voluntary, involuntary, resident := math.NaN(), math.NaN(), math.NaN(), math.NaN()
		var clock unix.Timespec
		if unix.ClockGettime(int32(^pid<<3|2), &clock) == nil { // the kernel's number for a process's clock
			cpu = float64(clock.Nano()) / 1e7
		}
		if statm, err := os.ReadFile(dir + "statm"); err == nil {
			_, pages, _ := bytes.Cut(statm, []byte(" "))
			resident = number(pages) * float64(os.Getpagesize())
		}
		threads, _ := os.ReadDir(dir + "task") // the process's own status counts its first thread alone
		for i, thread := range threads {
			if i == 0 {
				voluntary, involuntary = 0, 0
			}
			if status, err := os.ReadFile(dir + "task/" + thread.Name() + "/status"); err == nil {
				_, v, _ := bytes.Cut(status, []byte("\nvoluntary_ctxt_switches:"))
				_, n, _ := bytes.Cut(status, []byte("\nnonvoluntary_ctxt_switches:"))
				voluntary, involuntary = voluntary+number(v), involuntary+number(n)
			}
		}
		return []float64{cpu, voluntary, involuntary, resident}
	}
}

// number is the one that text begins with, else NaN.
func number(text []byte) float64 {
	if f := bytes.Fields(text); len(f) > 0 {
		if n, err := strconv.ParseFloat(string(f[0]), 64); err == nil {
			return n
		}
	}
	return math.NaN()
}
