# Sourced: NVIDIA's libcupti of CUDA 12 and 13 out of Python's packages, for the tests of sdk/cuda. They load without a GPU.
STROBE_TOOLS=${STROBE_TOOLS:-$HOME/.cache/strobe-tools}
export STROBE_TOOLS
cupti="$STROBE_TOOLS/cupti-$CUPTI_12_VERSION-$CUPTI_13_VERSION"
if [ ! -f "$cupti/done" ]; then
  rm -rf "$cupti"
  mkdir -p "$cupti"
  python3 -c 'import ensurepip, venv' 2>/dev/null || { apt-get update -qq; apt-get install -y -qq python3-venv >/dev/null; }
  python3 -m venv "$cupti/venv"
  "$cupti/venv/bin/pip" download -q --disable-pip-version-check --no-deps -d "$cupti" \
    "nvidia-cuda-cupti-cu12==$CUPTI_12_VERSION" "nvidia-cuda-cupti==$CUPTI_13_VERSION"
  for wheel in "$cupti"/*.whl; do
    "$cupti/venv/bin/python" -m zipfile -e "$wheel" "$cupti"
    rm "$wheel"
  done
  rm -rf "$cupti/venv"
  touch "$cupti/done"
fi
export STROBE_CUPTI_12=$cupti/nvidia/cuda_cupti/lib/libcupti.so.12
export STROBE_CUPTI_13=$cupti/nvidia/cu13/lib/libcupti.so.13
