# Sourced: torch for the CPU, with diffusers, for the full test of examples/diffusers-model, in a folder under STROBE_TOOLS.
# PyPI's torch for x86_64 brings gigabytes of CUDA along; Debian 12's is 650 MB with all its libraries. It is unpacked, not
# installed, and the rest comes from PyPI into an environment of its own. Sets STROBE_TORCH, the Python to run.
STROBE_TOOLS=${STROBE_TOOLS:-$HOME/.cache/strobe-tools}
export STROBE_TOOLS
torch="$STROBE_TOOLS/torch-$(cat .ci/torch.sh examples/diffusers-model/requirements-test.txt | sha256sum | cut -c1-12)"
if [ ! -f "$torch/done" ]; then
  rm -rf "$torch"
  mkdir -p "$torch/debs/partial" "$torch/root"
  apt-get update -qq
  /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null || apt-get install -y -qq python3-venv >/dev/null
  apt-get install -y -qq --no-install-recommends --download-only -o Dir::Cache::archives="$torch/debs/" "python3-torch=$TORCH_DEB_VERSION" >/dev/null
  for deb in "$torch"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$torch/root" --exclude ./usr/share --exclude ./usr/include
  done
  rm -r "$torch/debs"
  /usr/bin/python3 -m venv "$torch/venv"
  "$torch/venv/bin/pip" install -q --disable-pip-version-check --no-deps -r examples/diffusers-model/requirements-test.txt
  # Only torch itself: Debian's other Python packages would hide those of the environment, or be hidden.
  for package in "$torch"/root/usr/lib/python3/dist-packages/torch*; do
    ln -s "$package" "$torch"/venv/lib/python3*/site-packages/
  done
  libraries="$torch/root/usr/lib/$(uname -m)-linux-gnu"
  cat >"$torch/python" <<END
#!/bin/sh
export LD_LIBRARY_PATH=$libraries:$libraries/blas:$libraries/lapack:$torch/root/usr/lib:$torch/root/lib/$(uname -m)-linux-gnu
exec $torch/venv/bin/python "\$@"
END
  chmod +x "$torch/python"
  "$torch/python" -c 'import diffusers, torch'
  touch "$torch/done"
fi
export STROBE_TORCH=$torch/python
