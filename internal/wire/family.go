package wire

import (
	"maps"
	"os/exec"
	"sync"
)

// family knows every plugin process of this program that nobody has reaped yet, of all hosts: a child of this program that is
// not among them was not started by a host. The kernel knows one parent a program, so there is one family.
var family = kin{live: map[int]*member{}, ending: map[string]bool{}}

type kin struct {
	forking sync.RWMutex // read: a process is being started and not in live yet
	mu      sync.Mutex
	live    map[int]*member // by process id
	ending  map[string]bool // marks of those that were reaped and whose orphans are not all gone
}

// member is a process with its mark.
type member struct{ mark string }

// start starts cmd as one of the family; mark is in its environment.
func (k *kin) start(cmd *exec.Cmd, mark string) error {
	k.forking.RLock()
	defer k.forking.RUnlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.live[cmd.Process.Pid] = &member{mark}
	return nil
}

// wait reaps cmd, which has ended. From then on its id may be another's.
func (k *kin) wait(cmd *exec.Cmd) error {
	pid := cmd.Process.Pid
	k.mu.Lock()
	m := k.live[pid]
	k.mu.Unlock()
	err := cmd.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.live[pid] == m {
		delete(k.live, pid)
		k.ending[m.mark] = true
	}
	return err
}

// swept says that what bears a mark is nobody's from now on.
func (k *kin) swept(mark string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.ending, mark)
}

// alive tells what the family has: its processes' ids, and the marks of those and of those whose orphans are being ended.
func (k *kin) alive() (pids map[int]bool, marks map[string]bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pids, marks = map[int]bool{}, maps.Clone(k.ending)
	for pid, m := range k.live {
		pids[pid], marks[m.mark] = true, true
	}
	return pids, marks
}
