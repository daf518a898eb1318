#!/bin/sh
# same_digests.sh PROGRAM: every run ends with the same digest on AVX2 and on AVX-512, and what has
# no FMA, and so rounds otherwise, is seen to differ. 77 where the processor has no AVX-512.
set -eu
if ! grep -q avx512f /proc/cpuinfo 2>/dev/null; then
  echo "SKIPPED: this processor has no AVX-512"
  exit 77
fi
MILLRACE_CPU=avx2 "$1" > digests.avx2
MILLRACE_CPU=avx512 "$1" > digests.avx512
MILLRACE_CPU=baseline "$1" > digests.baseline
test -s digests.avx2
if cmp -s digests.avx2 digests.baseline; then
  echo "the baseline ends like AVX2: MILLRACE_CPU does not choose the instruction set"
  exit 1
fi
diff digests.avx2 digests.avx512
