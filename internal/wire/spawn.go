package wire

import (
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// orphanLook is how often what plugins left behind is reaped when it has ended by itself.
const orphanLook = 10 * time.Second

// spawner starts processes from one goroutine that is locked to its thread until the host is closed. Linux delivers the
// parent-death signal when the thread that forked ends, so a process started from an ordinary goroutine could be killed
// by an unrelated one that locks its thread and returns.
type spawner struct {
	jobs chan spawnJob
	quit chan struct{}
	once sync.Once
	done chan struct{}

	adopting atomic.Bool // what plugins leave behind comes to us
	groups   *cgroups    // nil: there are none; set before the first start of a plugin
}

type spawnJob struct {
	cmd  *exec.Cmd
	mark string
	done chan error
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan spawnJob), quit: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.done)
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and with it whatever is left
	tick := time.NewTicker(orphanLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if s.adopting.Load() {
				reapOrphans()
			}
		case j := <-s.jobs:
			j.done <- family.start(j.cmd, j.mark)
		case <-s.quit:
			return
		}
	}
}

// start runs cmd.Start on the spawner's thread.
func (s *spawner) start(cmd *exec.Cmd, mark string) error {
	j := spawnJob{cmd, mark, make(chan error, 1)}
	select {
	case s.jobs <- j:
		return <-j.done
	case <-s.quit:
		return ErrClosed
	}
}

func (s *spawner) closed() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}

func (s *spawner) close() {
	s.once.Do(func() { close(s.quit) })
	<-s.done
}
