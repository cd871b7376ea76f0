package chrome

import (
	"fmt"
	"os"
	"testing"
)

func TestSmoke(t *testing.T) {
	n := names{}
	c, r0, r1 := core(n), rank(n, 0), rank(n, 1)
	w0, w1 := r0.track("worker"), r1.track("worker")
	l0, l1 := c.track("request 1"), c.track("request 2")
	l0.count(1, "queue", 3, false)
	e := generate(w0, 10, "img-1", 1<<60+1, 2, 2)
	serve(l0, 2, e+5, "img-1", 1<<60+1)
	e = generate(w1, 12, "img-2", 1<<60+2, 2, 2)
	serve(l1, 3, e+7, "img-2", 1<<60+2)
	dir := t.TempDir()
	if d := os.Getenv("KEEP"); d != "" {
		dir = d
	}
	a := export(t, profileIn(dir), c.batch(), r0.batch(), r1.batch())
	for _, x := range a {
		fmt.Printf("%+v\n", x)
		f := parse(t, dir+"/"+x.Name)
		fmt.Println(len(f.TraceEvents), f.Strobe)
	}
}
