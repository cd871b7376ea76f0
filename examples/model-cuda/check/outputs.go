package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// kernelName is the name of the model's kernel.
const kernelName = "scale"

// profile is what the server answers to a stop.
type profile struct {
	State, Error string
	Warnings     []string
	Artifacts    []struct {
		Path            string
		Events, Dropped uint64
	}
}

// compareOutput looks for the kernels in what the backend made.
func (t *tried) compareOutput(backend, folder string, p profile, spans *receiver) error {
	for _, a := range p.Artifacts {
		if a.Dropped > 0 {
			return fmt.Errorf("%s lacks %d events", a.Path, a.Dropped)
		}
	}
	found, err := 0, errors.New("this program does not know what the backend makes")
	where := "kernels in its output"
	switch backend {
	case "chrome":
		found, err = inFile(folder, p, "merged/", kernelsOfChrome)
	case "perfetto":
		found, err = inFile(folder, p, "", kernelsOfPerfetto)
	case "otlp":
		found, err = spans.count()
	case "nsight":
		nsys, missing := exec.LookPath("nsys")
		if missing != nil {
			t.output = "its output not read, as there is no nsys"
			return nil
		}
		where = "kernels in what nsys says of its output"
		found, err = inFile(folder, p, "", func(path string) (int, error) { return kernelsOfNsight(nsys, path) })
	}
	if err != nil {
		return fmt.Errorf("look for kernels in what it made: %w", err)
	}
	if found != t.launches {
		return fmt.Errorf("%d %s, %d were launched", found, where, t.launches)
	}
	t.output = fmt.Sprintf("%d %s", found, where)
	return nil
}

// inFile counts in the one artifact whose path begins with a prefix.
func inFile(folder string, p profile, prefix string, count func(path string) (int, error)) (int, error) {
	for _, a := range p.Artifacts {
		if strings.HasPrefix(a.Path, prefix) {
			return count(filepath.Join(folder, a.Path))
		}
	}
	return 0, fmt.Errorf("there is no file %s*", prefix)
}

func kernelsOfChrome(path string) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, err
	}
	var trace struct {
		TraceEvents []struct{ Ph, Cat, Name string }
	}
	if err := json.NewDecoder(z).Decode(&trace); err != nil {
		return 0, err
	}
	for _, e := range trace.TraceEvents {
		if e.Ph == "X" && e.Cat == "kernel" && e.Name == kernelName {
			n++
		}
	}
	return n, nil
}

// kernelsOfPerfetto counts begins of slices, whose names are told once and have numbers from then on.
func kernelsOfPerfetto(path string) (n int, err error) {
	trace, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	const packet, event, interned, names = 1, 11, 12, 2
	const eventType, begin, nameNumber = 9, 1, 10
	number := uint64(0) // of the kernel's name
	err = eachMessage(trace, []int{packet}, func(p []byte) error {
		err := eachMessage(p, []int{interned, names}, func(name []byte) error {
			var id uint64
			return eachField(name, func(f field) error {
				switch {
				case f.number == 1:
					id = f.value
				case string(f.bytes) == kernelName:
					number = id
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		return eachMessage(p, []int{event}, func(e []byte) error {
			begins, named := false, false
			err := eachField(e, func(f field) error {
				begins = begins || f.number == eventType && f.value == begin
				named = named || f.number == nameNumber && f.value == number && number != 0
				return nil
			})
			if begins && named {
				n++
			}
			return err
		})
	})
	return n, err
}

// kernelsOfNsight has NVIDIA's own reader count.
func kernelsOfNsight(nsys, path string) (n int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	const report = "cuda_gpu_kern_sum"
	cmd := exec.CommandContext(ctx, nsys, "stats", "--report", report, "--format", "csv", "--output", "-", path)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("nsys stats: %w: %s", err, said.String())
	}
	_, table, ok := strings.Cut(string(out), "Time (%)")
	if !ok {
		return 0, fmt.Errorf("nsys stats: no table %s: %s%s", report, out, said.String())
	}
	r := csv.NewReader(strings.NewReader("Time (%)" + table))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return 0, fmt.Errorf("nsys stats: %w", err)
	}
	const instances = 2
	for _, row := range rows[1:] {
		if len(row) <= instances {
			continue
		}
		more, err := strconv.Atoi(row[instances])
		if err != nil {
			return 0, fmt.Errorf("nsys stats: %w", err)
		}
		n += more
	}
	return n, nil
}
