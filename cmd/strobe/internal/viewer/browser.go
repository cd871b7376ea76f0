package viewer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// ErrNoBrowser says that this machine has nothing to open a page with.
var ErrNoBrowser = errors.New("no program opens pages here")

// OpenBrowser opens a page with the desktop's own opener, and does not wait for it.
func OpenBrowser(page string) error {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoBrowser, err)
	}
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" && os.Getenv("BROWSER") == "" {
		return fmt.Errorf("%w: there is no display", ErrNoBrowser) // xdg-open would start a browser inside the terminal
	}
	cmd := exec.Command(path, page)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("open the page with %s: %w", name, err)
	}
	go func() { _ = cmd.Wait() }() // an opener may become the browser itself: nobody waits for its end, and its end says nothing
	return nil
}
