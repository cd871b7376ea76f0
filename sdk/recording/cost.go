package recording

import "time"

// Cost is what recording took from those who were recorded, by their own measure.
type Cost struct {
	Events uint64 `json:"events"` // recorded by processes that measured
	Bytes  int64  `json:"bytes"`  // of their segments
	// NsPerEvent is the mean nanoseconds an event: what a span with four arguments takes, so the estimate is rather too high.
	NsPerEvent float64 `json:"ns_per_event"`
	CPUSeconds float64 `json:"cpu_s"` // events times that
	// CoreShare is CPUSeconds as a share of the recorded time, of one core; 0.01 is one per cent. 0 when no time is known.
	CoreShare float64 `json:"core_share"`
	// MachineShare is the share of all the machine's processors; 0 when their number is not known.
	MachineShare float64 `json:"machine_share"`
}

// Cost is the process's own; nil when it did not measure.
func (s *Summary) Cost() *Cost {
	if s.Process == nil {
		return nil
	}
	return EstimateCost(s.Events+s.Filtered, s.Bytes, s.Process.EventNs, s.Recorded, s.Process.Cores)
}

// EstimateCost is the cost of events that take eventNs each; nil when that is not known.
func EstimateCost(events uint64, bytes int64, eventNs float64, recorded time.Duration, cores int) *Cost {
	if eventNs <= 0 {
		return nil
	}
	c := &Cost{Events: events, Bytes: bytes, NsPerEvent: eventNs, CPUSeconds: float64(events) * eventNs / 1e9}
	c.share(recorded, cores)
	return c
}

// CostOf is the cost of a whole recording: of the processes that measured, over the longest time that one recorded. It is
// nil when none did.
func CostOf(processes []Summary) *Cost {
	var (
		costs    []*Cost
		recorded time.Duration
		cores    int
	)
	for i := range processes {
		s := &processes[i]
		costs = append(costs, s.Cost())
		recorded = max(recorded, s.Recorded)
		if s.Process != nil {
			cores = max(cores, s.Process.Cores)
		}
	}
	return SumCosts(costs, recorded, cores)
}

// SumCosts adds up costs, leaving out those that are nil; nil when all are.
func SumCosts(costs []*Cost, recorded time.Duration, cores int) *Cost {
	var sum *Cost
	single := 0.0 // of one event, should none have happened
	for _, c := range costs {
		if c == nil {
			continue
		}
		if sum == nil {
			sum = &Cost{}
		}
		sum.Events += c.Events
		sum.Bytes += c.Bytes
		sum.CPUSeconds += c.CPUSeconds
		single = max(single, c.NsPerEvent)
	}
	if sum == nil {
		return nil
	}
	if sum.NsPerEvent = single; sum.Events > 0 {
		sum.NsPerEvent = 1e9 * sum.CPUSeconds / float64(sum.Events)
	}
	sum.share(recorded, cores)
	return sum
}

func (c *Cost) share(recorded time.Duration, cores int) {
	c.CoreShare, c.MachineShare = 0, 0
	if recorded <= 0 {
		return
	}
	c.CoreShare = c.CPUSeconds / recorded.Seconds()
	if cores > 0 {
		c.MachineShare = c.CoreShare / float64(cores)
	}
}
