# What the scripts of a virtual machine share; sourced.
passed=0 failed=0
check() { # check NAME WANTED COMMAND…
  name=$1 wanted=$2; shift 2
  got=$("$@" 2>&1) || true
  if [ "$got" = "$wanted" ]; then passed=$((passed + 1)); else
    failed=$((failed + 1)); printf 'FAILED %s\n  wanted: %s\n  got:    %s\n' "$name" "$wanted" "$got"
  fi
}
finish() { # finish WHAT: the counts; the exit status says whether all passed
  echo "$1: $passed passed, $failed failed"
  [ $failed = 0 ]
}
make_bundle() { # make_bundle DIR
  mkdir -p "$1" && cp -r /mnt/host/rootfs "$1/"
}
