package bench

// unitPixels is the area that the unit of expected latency is for: 16x16 pixels, one step.
const unitPixels = 16 * 16

// units is how many units of work a request is; 0 when it has no size.
func units(r Request) float64 {
	if r.Width == 0 || r.Height == 0 {
		return 0
	}
	return max(float64(r.Width)*float64(r.Height)/unitPixels, 1) * float64(max(r.Steps, 1))
}

// SetSLO promises a latency to each request that has no promise of its own: what a warm-up of its size and steps would
// take, times scale. Cost is taken as proportional to pixels and steps. Without a warm-up that succeeded and has a size,
// and for a request without a size, nothing is promised.
func SetSLO(requests, warmups []Request, outcomes []Outcome, scale float64) {
	var perUnit []float64 // milliseconds
	for i, w := range warmups {
		if n := units(w); outcomes[i].Err == nil && outcomes[i].Latency > 0 && n > 0 {
			perUnit = append(perUnit, outcomes[i].Latency.Seconds()*1000/n)
		}
	}
	if len(perUnit) == 0 {
		return
	}
	unit := percentile(perUnit, 50)
	for i := range requests {
		if n := units(requests[i]); requests[i].SLO == nil && n > 0 {
			ms := unit * n * scale
			requests[i].SLO = &ms
		}
	}
}
