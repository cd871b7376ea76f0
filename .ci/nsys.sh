# Sourced: unpacks NVIDIA's nsys, of which `nsys stats` reads what profilers/nsight writes, out of Debian's non-free
# nsight-systems-target. Nothing is installed. There is one for linux/amd64.
if [ "$(uname -m)" = x86_64 ]; then
  nsys="${STROBE_TOOLS:-$HOME/.cache/strobe-tools}/nsys-$NSYS_SHA256"
  if [ ! -f "$nsys/done" ]; then
    mkdir -p "$nsys"
    mirror=$(sed -n 's/^URIs: *\(.*debian\) *$/\1/p; s/^deb [^h]*\(http[^ ]*debian\) .*/\1/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1)
    curl -fsS --retry 3 -o "$nsys/nsys.deb" "${mirror:?no Debian mirror in /etc/apt}/$NSYS_DEB"
    echo "$NSYS_SHA256  $nsys/nsys.deb" | sha256sum -c --quiet
    dpkg-deb --fsys-tarfile "$nsys/nsys.deb" | tar -x -C "$nsys" --wildcards '*/target-linux-x64/nsys' '*/target-linux-x64/nsys-launcher' '*/target-linux-x64/python' '*/target-linux-x64/reports' '*/target-linux-x64/rules' '*/target-linux-x64/sqlite3' '*/target-linux-x64/*.so*' '*/target-linux-x64/*.template'
    rm "$nsys/nsys.deb"
    touch "$nsys/done"
  fi
  export STROBE_NSYS=$nsys/usr/lib/x86_64-linux-gnu/nsight-systems/target-linux-x64/nsys
fi
