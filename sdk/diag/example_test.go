package diag_test

import (
	"fmt"

	"github.com/strobe-dev/strobe/sdk/diag"
)

// TLS is a part of a plugin's configuration with a rule that no tag can say.
type TLS struct {
	Cert string `strobe:"cert_file"`
	Key  string `strobe:"key_file"`
}

// Validate is asked when each value for itself is sound; paths are relative to the struct.
func (t *TLS) Validate() (found diag.List) {
	if t.Cert != "" && t.Key == "" {
		found.Errorf(diag.Path{"key_file"}, "missing: cert_file needs it")
	}
	return found
}

func ExampleList() {
	found := (&TLS{Cert: "own.pem"}).Validate()
	found.Warnf(nil, "the certificate ends soon")
	for _, d := range found {
		fmt.Println(d)
	}
	fmt.Println(found.HasErrors(), "|", found.Err())
	// Output:
	// key_file: missing: cert_file needs it
	// the certificate ends soon
	// true | key_file: missing: cert_file needs it
}
