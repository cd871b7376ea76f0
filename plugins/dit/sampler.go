package dit

import "github.com/viterin/vek/vek32"

// guide replaces the conditional output c by u + guidance (c - u), u being the unconditional one behind it.
func (f *forward) guide(guidance float64) {
	if f.copies == 1 {
		return
	}
	span := f.begin(&f.guidance)
	c, u := f.pred[:len(f.x)], f.pred[len(f.x):]
	vek32.Sub_Inplace(c, u)
	vek32.MulNumber_Inplace(c, float32(guidance))
	vek32.Add_Inplace(c, u)
	span.End()
}

// euler moves x towards the picture that the network sees, by the share fraction of the way. pred is overwritten.
func (f *forward) euler(fraction float64) {
	span := f.begin(&f.plan.euler)
	v := f.pred[:len(f.x)]
	vek32.Sub_Inplace(v, f.x)
	vek32.MulNumber_Inplace(v, float32(fraction))
	vek32.Add_Inplace(f.x, v)
	span.End()
}
