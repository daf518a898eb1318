// digests: plays every combination and prints its number and the digest of where it ends, so that
// two processes with different instruction sets (environment variable MILLRACE_CPU) can be
// compared.
#include <cstdio>

#include "tests/conformance/resume.h"

int main() {
  using millrace::conformance::Combinations;
  for (std::size_t i = 0; i < Combinations().size(); ++i) {
    const millrace::engine::Snapshot end =
        millrace::conformance::PlayedTo(Combinations()[i], millrace::conformance::kResumeSteps);
    std::printf("%zu %s\n", i, millrace::engine::SnapshotDigest(end).c_str());
  }
  return 0;
}
