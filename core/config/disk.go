package config

import "fmt"

// DiskBound is the most that profiles take on disk, bytes. It follows from the configuration alone:
//
//	Profile  of one profile: profile.max_bytes, or what a snapshot can have if that is more: half of it for the profilers'
//	         files, and all that the flight recorder holds
//	Kept     of those that have ended: keep × Profile, with a flight recorder flight_recorder.keep × Profile more, or profile.max_total_bytes if that is less
//	Active   of the one that is made: Profile, until it is among the kept ones
//	Export   of one that is exported again, one at a time, whose new files lie beside the old ones until they are whole: profile.max_bytes
//	Flight   of the flight recorder: flight_recorder.max_bytes, and as much again of processes that died in its window
//	Total    Kept + Active + Export + Flight
//
// Beside it there are some KiB for each profile, its manifest and its table, and 1 MiB for each profiler that exports again
// what has no room left in profile.max_bytes. Pinned profiles are among those kept. What servers that were killed left
// unfinished is among them once it is recovered.
type DiskBound struct {
	Profile, Kept, Active, Export, Flight, Total int64
}

// DiskBound computes it.
func (c *Config) DiskBound() DiskBound {
	var d DiskBound
	if len(c.Server.Profilers) == 0 {
		return d // profiling is off, the flight recorder too
	}
	if c.FlightRecorder != nil {
		d.Flight = 2 * c.FlightRecorder.MaxBytes
	}
	d.Profile = max(c.Profile.MaxBytes, c.Profile.MaxBytes/2+d.Flight)
	d.Kept = int64(c.Profile.Keep) * d.Profile
	if c.FlightRecorder != nil {
		d.Kept += int64(c.FlightRecorder.Keep) * d.Profile
	}
	if most := c.Profile.MaxTotalBytes; most > 0 {
		d.Kept = min(d.Kept, max(most, d.Profile))
	}
	d.Active, d.Export = d.Profile, c.Profile.MaxBytes
	d.Total = d.Kept + d.Active + d.Export + d.Flight
	return d
}

// String is the bound in words, with its parts.
func (d DiskBound) String() string {
	if d.Total == 0 {
		return "nothing: profiling is off"
	}
	text := fmt.Sprintf("at most %s: %s of profiles that are kept, %s of the active one, %s while one is exported again",
		about(d.Total), about(d.Kept), about(d.Active), about(d.Export))
	if d.Flight > 0 {
		text += fmt.Sprintf(", %s of the flight recorder", about(d.Flight))
	}
	return text
}

// about is a size for people: three digits at most, never less than it is.
func about(n int64) string {
	for _, u := range units[:4] {
		if n < u.bytes {
			continue
		}
		tenths := (n*10 + u.bytes - 1) / u.bytes
		if tenths >= 1000 || tenths%10 == 0 {
			return fmt.Sprintf("%d%s", (tenths+9)/10, u.suffix)
		}
		return fmt.Sprintf("%d.%d%s", tenths/10, tenths%10, u.suffix)
	}
	return FormatSize(n)
}
