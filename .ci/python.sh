# Sourced: installs what the full tests of sdk/python need, in a folder of its own under STROBE_TOOLS.
STROBE_TOOLS=${STROBE_TOOLS:-$HOME/.cache/strobe-tools}
export STROBE_TOOLS
python="$STROBE_TOOLS/python-$(sha256sum < sdk/python/requirements-test.txt | cut -c1-12)"
if [ ! -f "$python/done" ]; then
  python3 -m venv "$python/venv"
  "$python/venv/bin/pip" install -q --disable-pip-version-check -r sdk/python/requirements-test.txt
  touch "$python/done"
fi
export STROBE_PYTHON=$python
