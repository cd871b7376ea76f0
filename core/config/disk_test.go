package config_test

import (
	"testing"

	"github.com/strobe-dev/strobe/core/config"
)

func TestDiskBound(t *testing.T) {
	const gib = 1 << 30
	tests := []struct {
		name, profile, more string
		want                config.DiskBound
		says                string
	}{
		{name: "the defaults",
			want: config.DiskBound{Profile: gib, Kept: 20 * gib, Active: gib, Export: gib, Total: 22 * gib},
			says: "at most 22GiB: 20GiB of profiles that are kept, 1GiB of the active one, 1GiB while one is exported again"},
		{name: "a bound on all", profile: `max_total_bytes = "2.5GiB"`,
			want: config.DiskBound{Profile: gib, Kept: 5 * gib / 2, Active: gib, Export: gib, Total: 9 * gib / 2},
			says: "at most 4.5GiB: 2.5GiB of profiles that are kept, 1GiB of the active one, 1GiB while one is exported again"},
		{name: "a bound that keep is below", profile: "keep = 2\n max_total_bytes = \"1TiB\"",
			want: config.DiskBound{Profile: gib, Kept: 2 * gib, Active: gib, Export: gib, Total: 4 * gib},
			says: "at most 4GiB: 2GiB of profiles that are kept, 1GiB of the active one, 1GiB while one is exported again"},
		{name: "a flight recorder", profile: `keep = 1`, more: "flight_recorder {\n}\n",
			want: config.DiskBound{Profile: gib, Kept: 6 * gib, Active: gib, Export: gib, Flight: gib / 8, Total: 8*gib + gib/8},
			says: "at most 8.2GiB: 6GiB of profiles that are kept, 1GiB of the active one, 1GiB while one is exported again, 128MiB of the flight recorder"},
		{name: "a flight recorder that is larger than a profile", profile: "keep = 1", more: "flight_recorder {\n keep = 1\n max_bytes = \"1GiB\"\n}\n",
			want: config.DiskBound{Profile: 5 * gib / 2, Kept: 5 * gib, Active: 5 * gib / 2, Export: gib, Flight: 2 * gib, Total: 21 * gib / 2},
			says: "at most 10.5GiB: 5GiB of profiles that are kept, 2.5GiB of the active one, 1GiB while one is exported again, 2GiB of the flight recorder"},
		{name: "off", more: "server {\n profilers = []\n}\n", says: "nothing: profiling is off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := tt.more + "profile {\n" + tt.profile + "\n}\nmodel \"m\" {\n stage \"dit\" {\n }\n}\nprofiler \"chrome\" {\n}\n"
			c, err := config.Parse([]byte(src), "plugins.hcl", known)
			if err != nil {
				t.Fatal(err)
			}
			got := c.DiskBound()
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if got.String() != tt.says {
				t.Errorf("says %q", got)
			}
		})
	}
}
