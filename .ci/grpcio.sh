# Sourced: installs PyPI's grpcio for the full test of internal/wire, in a folder of its own under STROBE_TOOLS.
STROBE_TOOLS=${STROBE_TOOLS:-$HOME/.cache/strobe-tools}
export STROBE_TOOLS
grpcio="$STROBE_TOOLS/grpcio-$(sha256sum < internal/wire/testdata/python/requirements.txt | cut -c1-12)"
if [ ! -f "$grpcio/done" ]; then
  python3 -m venv "$grpcio/venv"
  "$grpcio/venv/bin/pip" install -q --disable-pip-version-check -r internal/wire/testdata/python/requirements.txt
  touch "$grpcio/done"
fi
export STROBE_GRPCIO=$grpcio
