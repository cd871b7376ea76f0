package chrome

import (
	"strings"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// role says what an argument's key means to a trace.
type role uint8

const (
	rolePlain       role = iota
	roleRequest          // request_id: ours when the event has a request
	roleOpen             // open: ours on a span that had not ended
	roleOperator         // External id, …: ours on operators
	rolePlace            // device, context, stream: ours on device events
	roleInput            // Input Dims, …: Kineto writes them right after an operator's ids
	roleVector           // grid, block: three numbers, recorded as a list of one shape
	roleCorrelation      // joins a runtime call to the device work that it caused
)

var roles = map[string]role{
	"request_id":         roleRequest,
	"open":               roleOpen,
	"External id":        roleOperator,
	"Record function id": roleOperator,
	"Ev Idx":             roleOperator,
	"device":             rolePlace,
	"context":            rolePlace,
	"stream":             rolePlace,
	"Input Dims":         roleInput,
	"Input type":         roleInput,
	"Input Strides":      roleInput,
	"Concrete Inputs":    roleInput,
	"grid":               roleVector,
	"block":              roleVector,
	"correlation":        roleCorrelation,
}

// name is what is written for a recorded name, worked out once.
type name struct {
	category trace.Category
	role     role
	quoted   []byte // "dit::linear", with its quotes
	span     []byte // {"ph":"X","cat":"cpu_op","name":"dit::linear",
	onDevice []byte // the same for a device's track
	key      []byte // "module":

	args  []keyAt // by position, the keys that an event of this name had last
	memos []*memo
}

// keyAt remembers what an argument's key was, so that most events look up none.
type keyAt struct {
	recorded *recording.Name
	key      *name
}

func newName(n *recording.Name) *name {
	w := &name{category: n.Category, role: roles[n.Text], quoted: appendString(nil, n.Text)}
	w.span = spanHead(spanCat(n), w.quoted)
	w.onDevice = spanHead(deviceCat(n.Text), w.quoted)
	w.key = append(append([]byte{}, w.quoted...), ':')
	return w
}

func spanHead(cat string, quoted []byte) []byte {
	b := append([]byte(`{"ph":"X","cat":"`), cat...)
	b = append(append(b, `","name":`...), quoted...)
	return append(b, ',')
}

// spanCat is Kineto's word for a span on a track of the CPU.
func spanCat(n *recording.Name) string {
	switch n.Category {
	case trace.CategoryOperator:
		return "cpu_op"
	case trace.CategoryRuntime:
		if strings.HasPrefix(n.Text, "cu") && !strings.HasPrefix(n.Text, "cuda") {
			return "cuda_driver"
		}
		return "cuda_runtime"
	}
	return "user_annotation"
}

// deviceCat is Kineto's word for a span on a device's track; Kineto names copies and waits so.
func deviceCat(text string) string {
	switch {
	case strings.HasPrefix(text, "Memcpy "):
		return "gpu_memcpy"
	case strings.HasPrefix(text, "Memset "):
		return "gpu_memset"
	case text == "Event Sync", text == "Stream Sync", text == "Context Sync", text == "Stream Wait Event":
		return "cuda_sync"
	}
	return "kernel"
}

// nameCache keeps what was worked out for a name. Recorded names are shared, so their address is the key.
type nameCache map[*recording.Name]*name

func (c nameCache) get(n *recording.Name) *name {
	if w, ok := c[n]; ok {
		return w
	}
	w := newName(n)
	c[n] = w
	return w
}

// arg is the key of the i-th argument of an event.
func (c nameCache) arg(event *name, i int, key *recording.Name) *name {
	if i < len(event.args) && event.args[i].recorded == key {
		return event.args[i].key
	}
	found := c.get(key)
	for len(event.args) <= i {
		event.args = append(event.args, keyAt{})
	}
	event.args[i] = keyAt{key, found}
	return found
}
