package wire

import (
	"os/exec"
	"sync"
)

// family knows every plugin process of this program that nobody has reaped yet, of all hosts: a child of this program that is
// not among them was not started by a host. The kernel knows one parent a program, so there is one family.
var family = kin{live: map[int]string{}}

type kin struct {
	mu   sync.Mutex
	live map[int]string // marks by process id
}

// start starts cmd as one of the family; mark is in its environment.
func (k *kin) start(cmd *exec.Cmd, mark string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	k.live[cmd.Process.Pid] = mark
	return nil
}

// wait reaps cmd, which has ended. Only then may its id be another's.
func (k *kin) wait(cmd *exec.Cmd) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := cmd.Wait()
	delete(k.live, cmd.Process.Pid)
	return err
}
