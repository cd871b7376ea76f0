# Sourced: installs the outside clients and viewers that the full tests run, each in a folder of its own under STROBE_TOOLS.
STROBE_TOOLS=${STROBE_TOOLS:-$HOME/.cache/strobe-tools}
export STROBE_TOOLS

# What the installs themselves need, where the machine does not have it.
need=
command -v node >/dev/null && command -v npm >/dev/null || need="nodejs npm"
python3 -c 'import ensurepip, venv' 2>/dev/null || need="$need python3-venv"
command -v chromium >/dev/null || need="$need chromium" # opens pages of other sites, which must not reach the server
[ -z "$need" ] || { apt-get update -qq; apt-get install -y -qq $need >/dev/null; }

# Clients: OpenAI's Python and Node packages, vLLM-Omni's benchmark script and SGLang's profiling script out of their packages.
clients="$STROBE_TOOLS/clients-$(cat cmd/strobe/testdata/clients/requirements.txt cmd/strobe/testdata/clients/package.json .ci/versions | sha256sum | cut -c1-12)"
if [ ! -f "$clients/done" ]; then
  mkdir -p "$clients"
  python3 -m venv "$clients/venv"
  "$clients/venv/bin/pip" install -q --disable-pip-version-check -r cmd/strobe/testdata/clients/requirements.txt
  "$clients/venv/bin/pip" download -q --disable-pip-version-check --no-deps --no-binary :all: -d "$clients" "vllm-omni==$VLLM_OMNI_VERSION"
  tar -xzf "$clients/vllm_omni-$VLLM_OMNI_VERSION.tar.gz" -C "$clients" "vllm_omni-$VLLM_OMNI_VERSION/benchmarks/diffusion"
  mv "$clients/vllm_omni-$VLLM_OMNI_VERSION/benchmarks/diffusion" "$clients/vllm-omni-benchmark"
  # SGLang's profiling script alone: it needs requests and nothing else of its package.
  "$clients/venv/bin/pip" download -q --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.11 --platform manylinux_2_34_x86_64 -d "$clients" "sglang==$SGLANG_VERSION"
  python3 -m zipfile -e "$clients/sglang-$SGLANG_VERSION-"*.whl "$clients/sglang-wheel"
  mv "$clients/sglang-wheel/sglang/profiler.py" "$clients/sglang_profiler.py"
  rm -r "$clients/sglang-wheel" "$clients/sglang-$SGLANG_VERSION-"*.whl
  cp cmd/strobe/testdata/clients/package.json "$clients/"
  (cd "$clients" && npm install --silent --no-audit --no-fund)
  touch "$clients/done"
fi
export STROBE_CLIENTS=$clients

. .ci/viewers.sh
. .ci/grpcio.sh
. .ci/python.sh
. .ci/collector.sh
. .ci/cupti.sh
. .ci/nsys.sh
. .ci/torch.sh
