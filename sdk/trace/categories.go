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
