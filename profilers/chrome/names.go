package chrome

import (
	"regexp"

	"github.com/ianlancetaylor/demangle"

	"github.com/strobe-dev/strobe/sdk/recording"
	"github.com/strobe-dev/strobe/sdk/trace"
)

// role says what an argument's key means to a trace.
type role uint8

const (
	rolePlain    role = iota
	roleRequest       // request_id: ours when the event has a request
	roleOpen          // open: ours on a span that had not ended
	roleOperator      // External id, …: ours on operators
	rolePlace         // device, context, stream, correlation: ours on device events and calls
	roleInput         // Input Dims, …: Kineto writes them right after an operator's ids

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
	"correlation":        rolePlace,
}

// name is what is written for a recorded name, worked out once.
type name struct {
	category trace.Category
	text     string
	role     role
	field    field
	quoted   []byte            // "dit::linear", with its quotes
	span     []byte            // {"ph":"X","cat":"cpu_op","name":"dit::linear",
	ofWork   [workKinds][]byte // the same for device work and calls, by kind
	key      []byte            // "module":

	args  []keyAt // by position, the keys that an event of this name had last
	memos []*memo
}

// keyAt remembers what an argument's key was, so that most events look up none.
type keyAt struct {
	recorded *recording.Name
	key      *name
}

func newName(n *recording.Name) *name {
	w := &name{category: n.Category, role: roles[n.Text], field: fieldNames[n.Text], text: n.Text, quoted: appendString(nil, n.Text)}
	w.span = spanHead(spanCat(n), w.quoted)
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
	if n.Category == trace.CategoryOperator {
		return "cpu_op"
	}
	return "user_annotation"
}

// workKinds is how many kinds of device work have a word of their own.
const workKinds = trace.WorkOverhead + 1

// workCats are Kineto's words for device work and calls. What is of no kind that it knows is an annotation of the device.
var workCats = [workKinds]string{
	trace.WorkOther: "gpu_user_annotation", trace.WorkKernel: "kernel", trace.WorkCopy: "gpu_memcpy", trace.WorkSet: "gpu_memset",
	trace.WorkSync: "cuda_sync", trace.WorkGraph: "gpu_user_annotation", trace.WorkRuntimeCall: "cuda_runtime",
	trace.WorkDriverCall: "cuda_driver", trace.WorkOverhead: "overhead",
}

// head is what an event of device work, or of a call, begins with.
func (n *name) head(e *recording.Event) []byte {
	kind := e.Work.Kind
	if kind >= workKinds {
		kind = trace.WorkOther
	}
	if n.ofWork[kind] == nil {
		text := n.text
		switch kind {
		case trace.WorkKernel:
			text = demangle.Filter(text)
		case trace.WorkRuntimeCall:
			text = versioned.ReplaceAllString(text, "")
		}
		n.ofWork[kind] = spanHead(workCats[kind], appendString(nil, text))
	}
	return n.ofWork[kind]
}

// versioned is what the library adds to names of calls of the runtime, and Kineto does not have.
var versioned = regexp.MustCompile(`_v[0-9]{3,}$`)

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
