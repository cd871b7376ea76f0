package trace

// Categories is a set of categories. The zero value stands for all of them.
type Categories uint32

// CategoriesOf is the set of the given categories; of none given it is the zero value.
func CategoriesOf(list ...Category) (s Categories) {
	for _, c := range list {
		s |= 1 << c
	}
	return s
}

// Has tells whether c is in the set. A category of a later version is only in the zero value.
func (s Categories) Has(c Category) bool { return s == 0 || s>>c&1 != 0 }

// If is the track while events of a category are wanted, and nil, on which everything is free, while they are not: only a
// recording that was started with [Start].Categories does without some. Ask it as often as the answer should be heard, once a
// denoise step say, and use what it gives for the events of that category alone.
func (t *Track) If(c Category) *Track {
	if t == nil || !Categories(t.rec.wanted.Load()).Has(c) {
		return nil
	}
	return t
}
